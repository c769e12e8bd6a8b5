"""Which held article is this entry? By guid, then by canonical URL, then by what the page itself says it is. Pure.

The unique constraint on identities is the truth; this module only explains, and says what to claim.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

Key = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Match:
    """What an entry is known as: `article` is None for a new one.

    `by` is the kind of key that decided. `primary` is the key that a new article stands or falls with, `aliases` are
    the further keys that it is known by from now on.
    """

    article: UUID | None
    by: str | None
    primary: Key
    aliases: tuple[Key, ...]


def identify(keys: Sequence[Sequence[Key]], known: Mapping[Key, UUID]) -> list[Match | None]:
    """Match the entries of one document, given each one's keys (strongest first) and whose the known keys are.

    A weaker key identifies only if no other entry of the document has the same one, and only an article that no
    other entry claims by a stronger key: two entries of a live blog share the page's URL and are two articles.
    None stands for an entry that repeats another one of the document.
    """
    shared = {key for key, count in Counter(key for own in keys for key in set(own)).items() if count > 1}
    matches: list[Match | None] = [None] * len(keys)
    taken: set[UUID] = set()
    for rank in range(max((len(own) for own in keys), default=0)):
        for index, own in enumerate(keys):
            if matches[index] is not None or rank >= len(own):
                continue
            key = own[rank]
            article = known.get(key)
            if article is None or article in taken or (rank > 0 and key in shared):
                continue
            taken.add(article)
            aliases = tuple(k for k in own if k not in known and k not in shared)
            matches[index] = Match(article=article, by=key[0], primary=own[0], aliases=aliases)
    claimed: set[Key] = set()
    for index, own in enumerate(keys):
        if matches[index] is None and own[0] not in known and own[0] not in claimed:
            claimed.add(own[0])
            matches[index] = _new(own, known, shared)
    return matches


def _new(own: Sequence[Key], known: Mapping[Key, UUID], shared: set[Key]) -> Match:
    aliases = tuple(key for key in own[1:] if key not in shared and key not in known)
    return Match(article=None, by=None, primary=own[0], aliases=aliases)
