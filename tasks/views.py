"""A stored revision as it goes out: what the claim check of an event leads to."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlmodel import Session

from storage.articles import tags_of
from storage.errors import UnknownArticle
from storage.models import Article, Feed, Revision
from storage.records import ArticleView
from tasks.content import clean_of, media_of, time_of


def stored_view(session: Session, article_id: UUID, number: int) -> ArticleView:
    """Revision `number` of an article, with the tags that it has today; raises UnknownArticle."""
    article = session.get(Article, article_id)
    revision = session.get(Revision, (article_id, number))
    if article is None or revision is None:
        raise UnknownArticle(f"no revision {number} of article {article_id}")
    feed = session.get(Feed, article.feed_id)
    content: dict[str, Any] = revision.content
    return ArticleView(
        id=article.id,
        feed_id=article.feed_id,
        feed_url=feed.url if feed else "",
        publisher=feed.publisher if feed else None,
        revision=number,
        status=article.status.value,
        url=content.get("url"),
        guid=content.get("guid"),
        language=content.get("language"),
        published_at=time_of(content, "published_at"),
        published_raw=content.get("published_raw"),
        updated_at=time_of(content, "updated_at"),
        first_seen_at=article.first_seen_at,
        clean=clean_of(content),
        authors=tuple(content.get("authors", ())),
        media=media_of(content),
        tags=tags_of(session, [article_id])[article_id],
        normalizer=revision.normalizer,
    )
