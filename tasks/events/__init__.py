"""What is told, and in which words: one CloudEvents 1.0 event per change, its id fixed by what it is about.

Builders take values and `now` and return `storage.records.Event`; `storage.outbox.record` keeps them with the change.
They write plain JSON, since an event is made for every article; `tasks.events.contracts` holds the same shapes as
Pydantic models, from which the schemas come and against which tests hold whatever is built here.
"""

from __future__ import annotations

from tasks.events.articles import (
    article_created,
    article_duplicate_of,
    article_revised,
    article_tags_changed,
    article_withdrawn,
)
from tasks.events.envelope import FULL, REFERENCE, Detail, public_url
from tasks.events.feeds import (
    feed_added,
    feed_failing,
    feed_gone,
    feed_moved,
    feed_paused,
    feed_recovered,
    feed_rekeyed,
    feed_removed,
    feed_resumed,
)
from tasks.events.runs import reingest_finished, reingest_started
from tasks.events.stories import story_joined, story_opened, story_split

__all__ = [
    "FULL",
    "REFERENCE",
    "Detail",
    "article_created",
    "article_duplicate_of",
    "article_revised",
    "article_tags_changed",
    "article_withdrawn",
    "feed_added",
    "feed_failing",
    "feed_gone",
    "feed_moved",
    "feed_paused",
    "feed_recovered",
    "feed_rekeyed",
    "feed_removed",
    "feed_resumed",
    "public_url",
    "reingest_finished",
    "reingest_started",
    "story_joined",
    "story_opened",
    "story_split",
]
