"""The events of what an operator did to stories; those of ingestion are told with the articles. Pure."""

from __future__ import annotations

from datetime import datetime

from storage.records import Cause, Event
from tasks.events import story_joined, story_split
from tasks.stories.desk import JoinedByHand, Split


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
