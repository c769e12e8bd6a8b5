"""Events over HTTP for those who do not speak Redis: server-sent events, replay as JSON lines, and the claim check.

    GET /events                          Accept: text/event-stream → live, resumed by Last-Event-ID; else JSON lines
    GET /articles/{id}/revisions/{n}     what an event left out
    GET /health

An event's `id:` is its position. What is past the outbox's retention is told as a `gap`, never skipped in silence.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

import structlog
from aiohttp import web

from storage import gauges, outbox
from storage.db import Sessions, reading
from storage.encode import to_json
from storage.errors import UnknownArticle
from tasks.events.articles import article_payload
from tasks.views import stored_view
from workers.live import Live
from workers.subscriber.events import Select, event_from_json

log = structlog.get_logger(__name__)
HEARTBEAT = 15.0
# What browsers wait before they connect again, in milliseconds.
RETRY_MS = 3000
SSE = "text/event-stream"
LINES = "application/x-ndjson"
LIVE = web.AppKey("live", Live)
SESSIONS = web.AppKey("sessions", Sessions)
STREAM = web.AppKey("stream", str)
HEARTBEATS = web.AppKey("heartbeat", float)
# Called with `came`, `went` and `sent` as watchers come, go and are sent something.
COUNTED: web.AppKey[Callable[[str], None]] = web.AppKey("counted", Callable[[str], None])  # type: ignore[arg-type]
CLOSING = web.AppKey("closing", asyncio.Event)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_server(
    sessions: Sessions,
    *,
    stream: str,
    token: str | None = None,
    poll: float = 0.25,
    heartbeat: float = HEARTBEAT,
    pulse: Callable[[], None] = lambda: None,
    counted: Callable[[str], None] = lambda _what: None,
) -> web.Application:
    """The application; `token`, when set, is asked for as `Authorization: Bearer`.

    `stream` is the one that the relay fills: its health page says how much waits for that.
    `pulse` is called with every look for news (the sign of life), `counted` with what watchers do.
    """
    app = web.Application(middlewares=[_guarded(token)] if token else [])
    app[LIVE] = Live(sessions, poll=poll, pulse=pulse)
    app[COUNTED] = counted
    app[SESSIONS] = sessions
    app[STREAM] = stream
    app[HEARTBEATS] = heartbeat
    app[CLOSING] = asyncio.Event()
    app.router.add_get("/events", events)
    app.router.add_get("/articles/{id}/revisions/{number}", revision)
    app.router.add_get("/health", health)
    app.cleanup_ctx.append(_watching)
    app.on_shutdown.append(_closing)
    return app


async def events(request: web.Request) -> web.StreamResponse:
    """The events after a position, as the client likes them: `text/event-stream`, or JSON lines up to now."""
    try:
        select = _select(request.query)
        if SSE in request.headers.get("Accept", ""):
            return await _stream(request, select)
        return await _lines(request, select)
    except ValueError as error:
        raise web.HTTPBadRequest(text=f"{error}\n") from error


async def revision(request: web.Request) -> web.StreamResponse:
    """A revision in full, in the form that it has in an event."""

    def read() -> dict[str, Any]:
        with reading(request.app[SESSIONS]) as session:
            return article_payload(
                stored_view(session, UUID(request.match_info["id"]), int(request.match_info["number"]))
            )

    try:
        return web.json_response(await asyncio.to_thread(read), dumps=to_json)
    except (UnknownArticle, ValueError) as error:
        raise web.HTTPNotFound(text=f"{error}\n") from error


async def health(request: web.Request) -> web.StreamResponse:
    """Up, and where the outbox stands; 503 when the database is out of reach."""

    def read() -> dict[str, int]:
        with reading(request.app[SESSIONS]) as session:
            bounds, waiting = outbox.bounds(session), gauges.outbox(session, request.app[STREAM]).depth
        return {"first": bounds.first, "last": bounds.last, "waiting": waiting}

    try:
        return web.json_response(await asyncio.to_thread(read))
    except Exception as error:  # whatever the driver raises, the answer is the same
        raise web.HTTPServiceUnavailable(text="the database does not answer\n") from error


async def _stream(request: web.Request, select: Select) -> web.StreamResponse:
    """Server-sent events (WHATWG HTML §9.2) until the client or the server goes."""
    live = request.app[LIVE]
    resumed = request.headers.get("Last-Event-ID") or request.query.get("after")
    position = await _beginning(live, resumed)
    headers = {"Content-Type": SSE, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    await response.write(f"retry: {RETRY_MS}\n\n".encode())
    if position > live.last and position > (newest := (await live.bounds()).last):
        # A database that was restored without its stream counts on from where the copy ended.
        log.warning("serve.watcher_ahead", after=position, newest=newest)
        await response.write(
            f": nothing comes until an event has a position after {position}; the newest has {newest}\n\n".encode()
        )
    counted = request.app[COUNTED]
    counted("came")
    try:
        with suppress(ConnectionError):
            async for told in _following(request.app, live, position, select):
                await response.write(told)
                counted("sent")
    finally:
        counted("went")
    return response


async def _following(app: web.Application, live: Live, position: int, select: Select) -> AsyncIterator[bytes]:
    """What a watcher is sent: events, gaps, and a comment when there is nothing for a while."""
    while not app[CLOSING].is_set():
        if live.last <= position:
            closing = asyncio.ensure_future(app[CLOSING].wait())
            news = asyncio.ensure_future(live.news(position, seconds=app[HEARTBEATS]))
            done, waiting = await asyncio.wait({closing, news}, return_when=asyncio.FIRST_COMPLETED)
            for task in waiting:
                task.cancel()
            if news in done and not news.result():
                yield b": still here\n\n"
            continue
        page = await live.after(position)
        if gap := _gap(position, page, live.last + 1):
            yield _message(gap[1] - 1, "gap", to_json({"after": gap[0], "before": gap[1]}))
            position = gap[1] - 1
        for stored in page:
            position = stored.position
            if select(event_from_json(position, stored.body)):
                yield _message(position, stored.type, stored.body)


async def _lines(request: web.Request, select: Select) -> web.StreamResponse:
    """`{"position": …, "event": …}` per line, from `after` up to `before` or the newest; a gap is a line too."""
    live = request.app[LIVE]
    position = _number("after", request.query.get("after", "0"))
    newest = (await live.bounds()).last
    before = min(_number("before", request.query.get("before", str(newest + 1))), newest + 1)
    left = _number("limit", request.query.get("limit", "0")) or None
    response = web.StreamResponse(headers={"Content-Type": LINES, "Cache-Control": "no-store"})
    await response.prepare(request)
    while position < before - 1:
        page = await live.after(position, before=before)
        if gap := _gap(position, page, before):
            await response.write(to_json({"gap": {"after": gap[0], "before": gap[1]}}).encode() + b"\n")
        for stored in page:
            if select(event_from_json(stored.position, stored.body)):
                await response.write(b'{"position":%d,"event":%s}\n' % (stored.position, stored.body.encode()))
                left = None if left is None else left - 1
                if left == 0:
                    return response
        position = page[-1].position if page else before
    return response


def _gap(position: int, page: Any, end: int) -> tuple[int, int] | None:
    """The hole between a position and the page that follows it."""
    first = page[0].position if page else end
    return (position, first) if first > position + 1 else None


async def _beginning(live: Live, resumed: str | None) -> int:
    """The position a watcher goes on from: his own, or the newest."""
    if resumed is None:
        return live.last
    if resumed == "beginning":
        return max(0, (await live.bounds()).first - 1)
    if not (resumed.isascii() and resumed.isdigit()):
        raise ValueError(f"Last-Event-ID is a position, not {resumed[:60]!r}")
    return int(resumed)


def _select(query: Mapping[str, str]) -> Select:
    """`type`, `feed`, `tag` and `language`, each a comma-separated list."""

    def several(name: str) -> tuple[str, ...]:
        return tuple(part for part in query.get(name, "").split(",") if part)

    return Select(
        types=several("type"),
        feeds=frozenset(_number("feed", feed) for feed in several("feed")),
        tags=several("tag"),
        languages=several("language"),
    )


def _number(name: str, said: str) -> int:
    if not (said.isascii() and said.isdigit()):
        raise ValueError(f"{name} is a number, not {said[:60]!r}")
    return int(said)


def _message(position: int, kind: str, data: str) -> bytes:
    # JSON holds no line break, and a type no control character: nothing can forge a field.
    return f"id: {position}\nevent: {kind}\ndata: {data}\n\n".encode()


def _guarded(token: str) -> Any:
    expected = f"Bearer {token}".encode()

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").encode()
        if request.path != "/health" and not hmac.compare_digest(given, expected):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"}, text="a bearer token is asked for\n")
        return await handler(request)

    return guarded


async def _watching(app: web.Application) -> AsyncIterator[None]:
    """The task that looks for news, for as long as the server runs."""
    await app[LIVE].start()
    task = asyncio.create_task(app[LIVE].run())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    # A query that was under way in its thread must give its connection back before the pool is closed.
    await asyncio.get_running_loop().shutdown_default_executor()


async def _closing(app: web.Application) -> None:
    app[CLOSING].set()
