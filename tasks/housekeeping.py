"""Forget what is past its time, a little at a time, so that nobody waits for it."""

from __future__ import annotations

import structlog
from sqlalchemy import select
from sqlmodel import col

from storage import articles, documents, feeds, pages, stories, story_index
from storage.models import Feed
from tasks.room import Room

log = structlog.get_logger()

# Rows per transaction: SQLite has one writer, and a feed must not wait for the broom.
STEP = 500


def prune(room: Room) -> dict[str, int]:
    """Prune documents and fetch history; says how many rows of each went. Events are the relay's to prune."""
    gone = {"articles": _articles(room), "documents": 0, "pages": 0, "attempts": 0, "story_prints": 0}
    while step := _documents(room):
        gone["documents"] += step
    while step := _pages(room):
        gone["pages"] += step
    while step := _prints(room):
        gone["story_prints"] += step
    with room.sessions() as session:
        ids = list(session.scalars(select(col(Feed.id))))
    for start in range(0, len(ids), STEP):
        with room.sessions.begin() as session:
            gone["attempts"] += feeds.prune_history(session, ids[start : start + STEP])
    log.info("store.pruned", **gone)
    return gone


def _articles(room: Room) -> int:
    """Purge articles past their time, but for those that stand in the newest document of their feed.

    Their documents and pages are pruned after them.
    """
    if room.keep_articles is None:
        return 0
    before, after, gone = room.clock() - room.keep_articles, None, 0
    while True:
        with room.sessions.begin() as session:
            step = articles.past(session, before=before, after=after, limit=STEP)
            if not step:
                return gone
            last = step[-1]
            after = (last[2], last[0])
            standing = feeds.standing(session, {feed_id for _, feed_id, _ in step})
            ids = [article for article, _, _ in step if article.hex not in standing]
            stories.forget(session, ids)
            story_index.drop(session, ids)
            articles.purge(session, ids)
            gone += len(ids)


def _documents(room: Room) -> int:
    with room.sessions.begin() as session:
        return documents.prune(session, before=room.clock() - room.keep_documents, limit=STEP)


def _pages(room: Room) -> int:
    with room.sessions.begin() as session:
        return pages.prune(session, before=room.clock() - room.keep_documents, limit=STEP)


def _prints(room: Room) -> int:
    with room.sessions.begin() as session:
        return story_index.prune(session, before=room.clock() - room.story_window, limit=STEP)
