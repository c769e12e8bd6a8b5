"""Events about a story, the cluster of copies and versions of one piece across publishers; ordered per story."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from storage.records import Cause, Event
from tasks.events.envelope import envelope, feed_source, instant, sealed


def story_opened(
    story_id: UUID, *, article_id: UUID, feed_id: int, cause: Cause, now: datetime, backfill: bool = False
) -> Event:
    """A story begins with its first article."""
    return _told("story.opened", story_id, (), feed_id, cause, now, backfill, article_id=str(article_id))


def story_joined(
    story_id: UUID,
    *,
    article_id: UUID,
    revision: int,
    relation: str,
    similarity: float,
    feed_id: int,
    cause: Cause,
    now: datetime,
    backfill: bool = False,
) -> Event:
    """An article (in this revision of it) joins a story: `identical`, `cut_of`, `extends`, `edited_from` and the like.

    An operator may join again what was split, so there the moment tells one joining from the next.
    """
    again = (instant(now),) if cause is Cause.OPERATOR else ()
    return _told(
        "story.joined",
        story_id,
        (article_id, revision, *again),
        feed_id,
        cause,
        now,
        backfill,
        article_id=str(article_id),
        revision=revision,
        relation=relation,
        similarity=round(similarity, 4),
    )


def story_split(
    story_id: UUID,
    *,
    article_ids: Sequence[UUID],
    into: UUID,
    feed_id: int,
    cause: Cause,
    now: datetime,
    backfill: bool = False,
) -> Event:
    """These articles leave the story for another one, `into`."""
    left = sorted(str(article_id) for article_id in article_ids)
    return _told(
        "story.split", story_id, (into, *left), feed_id, cause, now, backfill, article_ids=left, into=str(into)
    )


def _told(
    name: str,
    story_id: UUID,
    about: tuple[object, ...],
    feed_id: int,
    cause: Cause,
    now: datetime,
    backfill: bool,  # noqa: FBT001 - private, every caller names the rest
    **extra: Any,
) -> Event:
    data = {"cause": cause.value, "backfill": backfill, "story_id": str(story_id), **extra}
    ce = envelope(
        name,
        about=(story_id, *about),
        source=feed_source(feed_id),
        subject=f"story/{story_id}",
        now=now,
        data=data,
    )
    return sealed(ce, feed_id=feed_id, now=now)
