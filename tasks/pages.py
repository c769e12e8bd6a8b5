"""Articles' pages, for feeds that give teasers only: asked for, fetched as the feed is, joined to their entries.

A document whose new entries are teasers waits for their pages, `Room.page_wait` at most, so that an article is told
once and whole. What has not come by then goes out as a teaser, and the page that comes later revises it. The bytes
stay, so re-ingestion asks nobody. Who fetches is who ingests nothing: a page's row is the hand-over, with due time,
attempts and lease.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import structlog
from sqlmodel import Session

from storage import documents, feeds, pages
from storage.db import reading
from storage.models import Document, Feed, Page, PageState
from storage.records import Entry, FetchOutcome, FetchRequest, FetchResult, ParsedDocument
from tasks.access import BadAccess, asked_at
from tasks.fetch import fetch_batches
from tasks.formats import FormatError, NoArticle, article_guarded
from tasks.formats.pages import VERSION, content_of_page, is_teaser, own_text, visible
from tasks.holding import holding
from tasks.room import Room
from tasks.urls import page_key

log = structlog.get_logger()
# Pages per claim: their reading may take two CPU seconds each, and all must be done well within a lease.
SHARD = 20
_CPU_SECONDS = 2.0
# Until a page that could not be had is tried again; then it is given up.
_RETRIES = (20, 300, 1800, 3 * 3600, 12 * 3600)
# What trying again does not mend.
_FINAL = {
    FetchOutcome.HTTP_4XX,
    FetchOutcome.GONE,
    FetchOutcome.BLOCKED,
    FetchOutcome.TOO_LARGE,
    FetchOutcome.BAD_ENCODING,
    FetchOutcome.REDIRECTS,
    FetchOutcome.OTHER,
}
_ACCEPT = "text/html, application/xhtml+xml;q=0.9, */*;q=0.1"


@dataclass(frozen=True, kw_only=True)
class Joined:
    """A document with the pages' texts in its entries; `wanted` are pages to ask for.

    `open` are the pages that are not there yet, with the fingerprints of their entries.
    """

    parsed: ParsedDocument
    wanted: list[dict[str, Any]] = field(default_factory=list)
    open: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class PagesReport:
    """What one shard came to: pages held, tried again later, given up; documents that go on; more may be due."""

    held: int = 0
    later: int = 0
    failed: int = 0
    documents: list[tuple[int, int]] = field(default_factory=list)
    full: bool = False


# --- what ingestion asks --------------------------------------------------------------------------------------------


def join(room: Room, feed: Feed, document: Document, parsed: ParsedDocument) -> Joined:
    """Put the texts of the pages that are held into the entries, and say which pages are still to come.

    Pages that are held are joined although the feed asks for none any more: the articles were made from them.
    """
    if feed.settings.get("pages") is None:
        return Joined(parsed=parsed)
    keys = {page_key(entry.url): entry for entry in parsed.entries if entry.url is not None and is_teaser(entry)}
    with reading(room.sessions) as session:
        rows = pages.known(session, feed.id, keys)
    whole: dict[int, Entry] = {}
    wanted: list[dict[str, Any]] = []
    still_open: dict[str, str] = {}
    for key, entry in keys.items():
        row = rows.get(key)
        asks = row is None or (row.entry_sha256 != entry.sha256 and row.document_id <= document.id)
        if asks and feed.settings.get("pages"):
            wanted.append({"feed_id": feed.id, "key": key, "url": entry.url, "entry_sha256": entry.sha256,
                           "document_id": document.id})  # fmt: skip
            still_open[key] = entry.sha256
        elif row is not None and row.state is PageState.WANTED:
            still_open[key] = entry.sha256
        if row is not None and (text := _text(room, row)) is not None and visible(text) > own_text(entry):
            whole[entry.position] = _with_page(entry, text)
    entries = tuple(whole.get(entry.position, entry) for entry in parsed.entries)
    return Joined(parsed=replace(parsed, entries=entries), wanted=wanted, open=still_open)


def _with_page(entry: Entry, text: str) -> Entry:
    """The entry with its page's text; its fingerprint covers that too, so that a page which comes late is a change."""
    name = sha256(f"{entry.sha256} {VERSION} {text}".encode("utf-8", "surrogatepass")).hexdigest()
    return replace(entry, teaser=entry.teaser or entry.content, content=content_of_page(text), sha256=name)


def _text(room: Room, row: Page) -> str | None:
    """The text of a page; found anew in its bytes where an earlier version of the extractor had found it."""
    if row.article is None:
        return None
    held = documents.decompress(row.article).decode()
    if row.extractor == VERSION or row.sha256 is None:
        return held
    try:
        with reading(room.sessions) as session:
            body = documents.body(session, row.sha256)
        return article_guarded(body, content_type=row.content_type, cpu_seconds=_CPU_SECONDS)
    except (KeyError, FormatError):
        return held


def awaits(room: Room, document: Document, joined: Joined, now: datetime) -> bool:
    """Whether the document should wait for pages that are not there yet; one that is read once more never does."""
    return bool(joined.open) and not document.outcome.get("whole") and now < _until(room, document, now)


def _until(room: Room, document: Document, now: datetime) -> datetime:
    """How long the document waits: counted from when its pages were first asked for."""
    begun = document.outcome.get("waits_until")
    return datetime.fromisoformat(begun) if begun else now + room.page_wait


def put_aside(room: Room, document: Document, joined: Joined, now: datetime) -> bool:
    """Ask for the pages and let the document wait; False when it was given to another worker meanwhile."""
    with room.sessions.begin() as session:
        feeds.lock(session, document.feed_id)
        pages.want(session, joined.wanted, now=now)
        return documents.wait(session, document, until=_until(room, document, now))


# --- fetching -------------------------------------------------------------------------------------------------------


def fetch_due(room: Room) -> PagesReport:
    """Fetch one shard of wanted pages, and let go on the documents whose pages are there."""
    with room.sessions.begin() as session:
        claimed = pages.claim_due(session, now=room.clock(), limit=SHARD, lease=room.lease)
    report = PagesReport(full=len(claimed) == SHARD)
    if not claimed:
        return report
    with reading(room.sessions) as session:
        by_feed = {feed_id: session.get_one(Feed, feed_id) for feed_id in {row.feed_id for row in claimed}}
    asked = {(row.feed_id, row.url): row for row in claimed}
    requests = [_request(by_feed[row.feed_id], row) for row in claimed]
    with holding(room, pages.extend, {row.feed_id: row.lease_token or "" for row in claimed}):
        for batch in fetch_batches(room.fetch, requests):
            found = [(asked[result.feed_id, result.url], result, *_found(result)) for result in batch]
            _keep(room, found, report)
    log.info("pages.fetched", held=report.held, later=report.later, failed=report.failed)
    return report


def due(room: Room) -> bool:
    """Whether pages wait to be fetched."""
    with reading(room.sessions) as session:
        return pages.any_due(session, now=room.clock())


def _request(feed: Feed, row: Page) -> FetchRequest:
    """The page asked for as the feed is; its credentials go along only where the page is on the feed's own host."""
    try:
        access = asked_at(feed.settings, row.url, home=feed.url)
    except BadAccess as error:
        log.warning("feed.settings_unusable", feed_id=feed.id, error=str(error))
        access = {}
    access["headers"] = {"Accept": _ACCEPT} | dict(access.get("headers", {}))
    return FetchRequest(feed_id=feed.id, url=row.url, page=True, **access)


def _found(result: FetchResult) -> tuple[str | None, str | None]:
    """The article's text on the page, or why there is none; read in the child before any transaction opens."""
    if result.outcome is not FetchOutcome.CHANGED or result.body is None:
        return None, f"{result.outcome.value}: {result.error or result.status}"
    try:
        content_type = result.headers.get("content-type")
        return article_guarded(result.body, content_type=content_type, cpu_seconds=_CPU_SECONDS), None
    except FormatError as error:
        return None, f"{'no_article' if isinstance(error, NoArticle) else 'parse'}: {error}"


Found = tuple[Page, FetchResult, str | None, str | None]


def _keep(room: Room, found: Sequence[Found], report: PagesReport) -> None:
    """Keep what came of some pages and let their documents go on, in one transaction."""
    now = room.clock()
    with room.sessions.begin() as session:
        # Ingestion of the same feed must see these pages all or not at all.
        for feed_id in sorted({claimed.feed_id for claimed, *_ in found}):
            feeds.lock(session, feed_id)
        concerned: dict[int, bool] = {}
        for claimed, result, text, error in found:
            row = pages.still_held(session, claimed)
            if row is None:
                log.warning("lease.lost", feed_id=claimed.feed_id, url=claimed.url)
                continue
            _note(session, row, result, text, error, now)
            concerned[row.document_id] = concerned.get(row.document_id, False) or row.state is PageState.HELD
            report.held += row.state is PageState.HELD
            report.later += row.state is PageState.WANTED
            report.failed += row.state is PageState.FAILED
        session.flush()
        for document_id, came in concerned.items():
            if _goes_on(session, room, document_id, came=came, now=now):
                report.documents.append((document_id, 0))


def _note(session: Session, row: Page, result: FetchResult, text: str | None, error: str | None, now: datetime) -> None:
    row.lease_token, row.error = None, error[:500] if error else None
    if result.outcome is FetchOutcome.DEFERRED:  # the host had no turn: that was no attempt
        row.attempts -= 1
        row.due_at = max(result.retry_at or now, now + timedelta(seconds=10))
    elif result.body is not None and result.outcome is FetchOutcome.CHANGED:
        before, row.sha256 = row.sha256, documents.digest(result.body)
        documents.keep(session, {row.sha256: result.body})
        row.content_type, row.fetched_at, row.due_at = result.headers.get("content-type"), now, None
        row.state = PageState.HELD if text is not None else PageState.FAILED
        if text is not None:
            row.article, row.extractor = documents.compress(text.encode("utf-8", "replace")), VERSION
        session.flush()
        if before is not None and before != row.sha256:
            documents.forget_blobs(session, {before})
    elif result.outcome in _FINAL or row.attempts > len(_RETRIES):
        row.state, row.due_at = PageState.FAILED, None
    else:
        row.due_at = now + timedelta(seconds=_RETRIES[row.attempts - 1])
    if row.state is not PageState.HELD:
        log.warning("page.failed", feed_id=row.feed_id, url=row.url, error=error, state=row.state.value)
    session.add(row)


def _goes_on(session: Session, room: Room, document_id: int, *, came: bool, now: datetime) -> bool:
    """Let the document go on where it waited and has nothing to wait for any more, or is done and may say more now."""
    document = session.get(Document, document_id)
    if document is None:
        return False
    waits = document.ingested_at is None
    if waits and pages.awaited(session, document_id, until=_until(room, document, now)):
        return False
    return (waits or came) and documents.go_on(session, document_id, now=now)
