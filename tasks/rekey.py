"""A feed that gave its entries new guids: recognised by what they say, so that no article comes twice. Pure.

A changed guid is a new article, as a rule. But where most of a document's entries are new by their strongest key and
most of those are pieces that are held, the feed has moved to other guids (https, another system, a guid per request).
Then weaker evidence counts, too: the headline together with the minute of publication or with the whole text. On an
ordinary day it does not count, since desks give the same headline to tomorrow's weather.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from tasks.identify import Key, Match

# Entries that make a habit: two new ones among three is an ordinary morning.
_LEAST = 3
_SHARE = 0.5
# A second change within this time is no move but a feed whose guids mean nothing.
AGAIN = timedelta(days=30)
# Letters and digits of text that are not the same by chance.
_TEXT = 80


@dataclass(frozen=True, kw_only=True)
class Piece:
    """What a piece says, whoever keeps it: folded headline, minute of publication, and its text, read when needed."""

    headline: bytes
    published_at: datetime | None
    text: Callable[[], bytes]


@dataclass(frozen=True, kw_only=True)
class Rekeyed:
    """How many entries under new keys were recognised, and how many were not."""

    matched: int
    unmatched: int


def under_new_keys(
    keys: Sequence[Sequence[Key]], matches: Sequence[Match | None], known: Mapping[Key, UUID], total: int
) -> list[int]:
    """The entries whose strongest key nobody has, if they are so many that the feed may have changed its keys.

    `total` is how many items the document has, those that were not read among them.
    """
    fresh = [n for n, match in enumerate(matches) if match is not None and keys[n][0] not in known]
    return fresh if len(fresh) >= max(_LEAST, _SHARE * total) else []


def recognise(entries: Mapping[int, Piece], held: Mapping[UUID, Piece]) -> dict[int, UUID]:
    """Which entries are which held pieces: the same headline, once on either side, and the same minute or text."""
    there = {piece.headline: article for article, piece in held.items() if piece.headline}
    times = Counter(piece.headline for piece in held.values())
    here = Counter(piece.headline for piece in entries.values())
    found: dict[int, UUID] = {}
    for number, piece in entries.items():
        article = there.get(piece.headline)
        if article is None or here[piece.headline] > 1 or times[piece.headline] > 1:
            continue
        if _same_minute(piece.published_at, held[article].published_at) or _same_text(piece, held[article]):
            found[number] = article
    return found


def _same_minute(one: datetime | None, two: datetime | None) -> bool:
    return one is not None and two is not None and abs(one - two) < timedelta(minutes=1)


def _same_text(one: Piece, two: Piece) -> bool:
    text = one.text()
    return len(text) >= _TEXT and text == two.text()


def judged(fresh: Sequence[int], matches: Sequence[Match | None], found: Mapping[int, UUID]) -> Rekeyed | None:
    """Whether the feed has changed its keys: most of what is new by its strongest key is held."""
    matched = sum(n in found or ((match := matches[n]) is not None and match.article is not None) for n in fresh)
    if matched < max(_LEAST, _SHARE * len(fresh)):
        return None
    return Rekeyed(matched=matched, unmatched=len(fresh) - matched)


def with_found(
    matches: Iterable[Match | None], found: Mapping[int, UUID], known: Mapping[Key, UUID]
) -> list[Match | None]:
    """The matches with those that were recognised; their keys become further keys of the article."""
    result: list[Match | None] = []
    for number, match in enumerate(matches):
        article = found.get(number)
        if match is not None and article is not None:
            own = (match.primary, *match.aliases)
            match = replace(match, article=article, by="piece", aliases=tuple(key for key in own if key not in known))
        result.append(match)
    return result
