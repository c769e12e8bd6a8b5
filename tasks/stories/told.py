"""The events of stories, from what settling or an operator did. Pure."""

from __future__ import annotations

from datetime import datetime

from storage.records import Cause, Event
from tasks.events import story_joined, story_opened, story_split
from tasks.stories.desk import JoinedByHand, Split
from tasks.stories.settle import Settled


def of_settled(done: Settled, *, cause: Cause, now: datetime, backfill: bool = False) -> list[Event]:
    """`story.opened` where the story is new, and `story.joined` for each who is in it now and was not before.

    `article.duplicate_of` is told by whoever has the article's view, from `done.duplicate_of`.
    """
    first = done.opened_with
    told: list[Event] = []
    if first is not None:
        told.append(
            story_opened(
                done.story_id,
                article_id=first.article_id,
                feed_id=first.feed_id,
                cause=cause,
                now=now,
                backfill=backfill,
            )
        )
    return told + [
        story_joined(
            done.story_id,
            article_id=joined.article_id,
            revision=joined.revision,
            relation=joined.relation.value,
            similarity=joined.similarity,
            feed_id=joined.feed_id,
            cause=cause,
            now=now,
            backfill=backfill,
        )
        for joined in done.joined
        if joined is not first
    ]


def of_split(done: Split, *, now: datetime) -> list[Event]:
    """`story.split`, once for all who left."""
    return [
        story_split(
            done.story_id,
            article_ids=[copy.article_id for copy in done.articles],
            into=done.into,
            feed_id=done.articles[0].feed_id,
            cause=Cause.OPERATOR,
            now=now,
        )
    ]


def of_joined(done: JoinedByHand, *, now: datetime) -> list[Event]:
    """`story.joined` for each whom an operator put into the story."""
    return [
        story_joined(
            done.story_id,
            article_id=copy.article_id,
            revision=copy.revision,
            relation=copy.relation.value,
            similarity=copy.similarity,
            feed_id=copy.feed_id,
            cause=Cause.OPERATOR,
            now=now,
        )
        for copy in done.articles
    ]
