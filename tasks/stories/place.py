"""Which story does an article belong to, given the articles it may be a copy of? Pure.

An article joins every story in which it has a copy, so the members do not depend on who came first: two stories that a
later article connects become one. Only an operator's word keeps articles apart.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from uuid import UUID

from storage.records import StoryRelation
from tasks.stories.compare import PART, SAME_WORDS, Comparison, compare
from tasks.stories.fingerprint import Fingerprint

TRIES = 4
"""Members of one story that are compared, nearest first, before it is given up or a part is believed."""

Apart = Collection[frozenset[UUID]]
"""Pairs that an operator keeps apart, each side a story or an article that is in none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A held article that may be a copy. `usable` is false for one that was withdrawn or is under embargo.

    `text_key` is its fingerprint's; `read` gives the fingerprint itself, and is asked where the text is not the same.
    """

    article_id: UUID
    text_key: int | None
    read: Callable[[], Fingerprint]
    feed_id: int
    revision: int
    first_seen_at: datetime
    story_id: UUID | None = None
    duplicate_of: UUID | None = None
    usable: bool = True


Group = tuple[UUID, Iterable[Candidate]]
"""A story, or an article that is in none, and its members that may be copies, nearest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """A candidate that is a copy, how the article relates to it, and the copies found in the whole group."""

    candidate: Candidate
    how: Comparison
    copies: tuple[Candidate, ...]

    @property
    def partial(self) -> bool:
        """Whether one of the two has a good deal that the other lacks."""
        return min(self.how.a_in_b, self.how.b_in_a) < PART

    @property
    def part(self) -> bool:
        """Whether the article is a part of the other."""
        return self.partial and self.how.a_in_b >= PART

    @property
    def fullest(self) -> Fingerprint:
        """The longest of the copies."""
        return max((candidate.read() for candidate in self.copies), key=lambda mark: mark.words)


@dataclass(frozen=True, kw_only=True, slots=True)
class Placement:
    """The copies an article has, nearest first, one of each group: all these groups become one story.

    `duplicate_of` is set where the text is the same: the first article that had it.
    """

    matches: tuple[Match, ...]
    duplicate_of: UUID | None = None

    @property
    def nearest(self) -> Match:
        """The copy that says best what the article is."""
        return self.matches[0]


def place(article: Fingerprint, groups: Iterable[Group], *, own: UUID, apart: Apart = frozenset()) -> Placement | None:
    """Compare an article with members of each group; None when it is a copy of none.

    `own` is its story when it is in one already (it was revised), else the article itself. Members are taken from a
    group one by one, so that a text is only read when it is compared, and one that is the same is not read at all.
    """
    matches = [(group, match) for group, members in groups if (match := _match(article, members)) is not None]
    matches.sort(key=lambda found: _nearness(found[1]))
    joined = [own]
    taken: list[Match] = []
    for group, match in matches:
        # Of two groups that are kept apart, or that have nothing but a part in common, the nearer one has the article.
        if any(frozenset((group, other)) in apart for other in joined) or _torn(match, taken):
            continue
        joined.append(group)
        taken.append(match)
    return Placement(matches=tuple(taken), duplicate_of=_first_with_the_text(taken)) if taken else None


def _match(article: Fingerprint, members: Iterable[Candidate]) -> Match | None:
    """The nearest copy among the members of a group.

    A whole copy of one is enough. A part is not: a report that begins with the copy's first half and goes on with
    another story's has all of a member that was cut to that half, and nothing to do with the story. So where one has
    much that the other lacks, no more of the longer members may be strangers to it than others are copies.
    """
    found: list[Match] = []
    strangers: list[int] = []
    for candidate in islice(members, TRIES):
        how = _compared(article, candidate)
        if how is None:
            strangers.append(candidate.read().words)
            continue
        found.append(Match(candidate=candidate, how=how, copies=(candidate,)))
        if not found[-1].partial:
            break
    if not found:
        return None
    nearest = min(found, key=_nearness)
    match = Match(candidate=nearest.candidate, how=nearest.how, copies=tuple(one.candidate for one in found))
    if not strangers or not found[-1].partial:
        return match
    longer = sum(words > match.fullest.words for words in strangers)
    return match if longer <= len(found) else None


def _compared(article: Fingerprint, candidate: Candidate) -> Comparison | None:
    if article.text_key is not None and article.text_key == candidate.text_key:
        return SAME_WORDS
    return compare(article, candidate.read())


def _torn(match: Match, taken: Collection[Match]) -> bool:
    """Whether an article that is part of two longer texts would tie together two that are no copies themselves."""
    return match.part and any(other.part and compare(match.fullest, other.fullest) is None for other in taken)


def _nearness(match: Match) -> tuple[bool, int, float, datetime]:
    how = match.how
    return (
        how.relation is not StoryRelation.IDENTICAL,
        -len(match.copies),
        -how.similarity,
        match.candidate.first_seen_at,
    )


def _first_with_the_text(matches: Iterable[Match]) -> UUID | None:
    """The earliest article with the same text; one that may be used before one that may not."""
    same = [match.candidate for match in matches if match.how.relation is StoryRelation.IDENTICAL]
    first = min(same, key=lambda held: (not held.usable, held.first_seen_at), default=None)
    return None if first is None else first.duplicate_of or first.article_id
