"""`wireroom webhooks`: who is posted to, how that goes, and the process that does it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.events import Feeds, Languages, Since, Tags, Types, chosen_events
from workers.cli.output import AsJson, Exit, fail, listing, print_json
from workers.cli.store import opened_store
from workers.settings import settings

if TYPE_CHECKING:
    from tasks.webhooks import Answer, Verdict
    from workers.webhooks import Sender

app = typer.Typer(
    no_args_is_help=True, help="Events posted to endpoints, signed by the Standard Webhooks specification."
)
Number = Annotated[int, typer.Argument(help="Number of the webhook, as `list` shows it.")]


@app.command()
def add(
    url: Annotated[str, typer.Argument(help="Where to post.")],
    *,
    types: Types = None,
    feeds: Feeds = None,
    tags: Tags = None,
    languages: Languages = None,
    since: Annotated[str | None, typer.Option(help="Also what happened since then; otherwise from now on.")] = None,
    as_json: AsJson = False,
) -> None:
    """Add an endpoint and print its signing secret, which is shown this once only.

    Example: `wireroom webhooks add https://example.org/wire --type 'article.*' --language de`
    """
    from storage import outbox, webhooks
    from tasks.webhooks import new_secret
    from workers.cli.times import moment
    from workers.webhooks import allowed

    try:
        allowed(url)
    except (OSError, ValueError) as error:
        fail(f"{url} cannot be posted to: {error}", Exit.USAGE)
    select = chosen_events(types, feeds, tags, languages)
    filters = {
        "types": list(select.types),
        "feeds": sorted(select.feeds),
        "tags": list(select.tags),
        "languages": list(select.languages),
    }
    secret, now = new_secret(), datetime.now(UTC)
    with opened_store() as sessions, sessions.begin() as session:
        position = outbox.last_position(session)
        if since is not None and (first := outbox.first_since(session, moment(since, now))) is not None:
            position = first - 1
        webhook = webhooks.add(session, url=url, secret=secret, filters=filters, position=position, now=now)
        number = webhook.id
    if as_json:
        print_json({"webhook": number, "url": url, "secret": secret})
        return
    typer.echo(f"webhook {number} added; `wireroom webhooks run` posts to it")
    typer.echo(f"secret: {secret}")


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List the endpoints and how they do.

    Example: `wireroom webhooks list`
    """
    from storage import outbox, webhooks
    from storage.db import reading

    with opened_store() as sessions, reading(sessions) as session:
        last = outbox.last_position(session)
        listing(
            [
                {
                    "number": webhook.id,
                    "url": webhook.url,
                    "state": webhook.state,
                    "pending": webhooks.pending(session, webhook.id),
                    "behind": max(0, last - webhook.position),
                    "failures": webhook.failures,
                    "failing_since": webhook.failing_since,
                    "next_try": webhook.retry_at,
                    "reason": webhook.reason,
                    "filters": {name: values for name, values in webhook.filters.items() if values},
                }
                for webhook in webhooks.every(session)
            ],
            as_json=as_json,
            empty="No webhooks: `wireroom webhooks add URL`.",
        )


@app.command()
def test(number: Number) -> None:
    """Post a test message now, signed like any other, and show the answer.

    Example: `wireroom webhooks test 1`
    """
    import asyncio

    from storage import webhooks
    from storage.db import reading
    from storage.ids import new_id
    from tasks.webhooks import Verdict, judge
    from workers.webhooks import post_once

    with opened_store() as sessions:
        with reading(sessions) as session:
            webhook = webhooks.find(session, number)
        message_id = f"test-{new_id()}"
        test = {
            "specversion": "1.0",
            "id": message_id,
            "source": f"/webhooks/{number}",
            "type": "wireroom.webhook.test.v1",
            "time": datetime.now(UTC).isoformat(),
            "data": {},
        }
        answer = asyncio.run(post_once(_sender(sessions), webhook, message_id, json.dumps(test).encode()))
    typer.echo(f"{answer.status or answer.error} after {answer.milliseconds} ms")
    if judge(answer) is not Verdict.DELIVERED:
        raise typer.Exit(Exit.FAILED)


@app.command()
def attempts(
    number: Number,
    *,
    failed: Annotated[bool, typer.Option("--failed", help="Only what was given up.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many deliveries at the most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show what was and is on its way to an endpoint, newest first; with `--json` each attempt.

    Example: `wireroom webhooks attempts 1 --failed`
    """
    from storage import webhooks
    from storage.db import reading
    from storage.webhook_models import DeliveryState
    from workers.webhooks import shown

    with opened_store() as sessions, reading(sessions) as session:
        webhooks.find(session, number)
        state = DeliveryState.FAILED if failed else None
        rows = webhooks.deliveries(session, number, state=state, limit=limit)
        table: list[dict[str, Any]] = shown(rows)
        if as_json:
            table = [line | {"log": row.log} for line, row in zip(table, rows, strict=True)]
        listing(table, as_json=as_json, empty="Nothing was sent to it yet.")


@app.command()
def resend(
    number: Number,
    *,
    event: Annotated[str | None, typer.Option(help="Only the event with this id.")] = None,
    since: Since = None,
) -> None:
    """Post again, at once, what failed, or one event, or everything since then; under the same ids.

    Example: `wireroom webhooks resend 1 --since 6h`
    """
    from storage import webhooks
    from workers.cli.times import moment

    now = datetime.now(UTC)
    with opened_store() as sessions, sessions.begin() as session:
        webhooks.find(session, number)
        start = moment(since, now) if since is not None else None
        count = webhooks.resend(session, number, now=now, event_id=event, since=start)
    if event is not None and not count:
        fail(f"event {event} was never on its way to webhook {number}", Exit.NOT_FOUND)
    typer.echo(f"{count} will be sent again")


@app.command()
def rotate(
    number: Number,
    *,
    overlap: Annotated[int, typer.Option(min=0, help="Hours that the former secret signs as well.")] = 24,
) -> None:
    """Give an endpoint a new signing secret and print it; messages carry both signatures for a while.

    Example: `wireroom webhooks rotate 1 --overlap 48`
    """
    from storage import webhooks
    from tasks.webhooks import new_secret, rotated

    secret, now = new_secret(), datetime.now(UTC)
    with opened_store() as sessions, sessions.begin() as session:
        webhook = webhooks.find(session, number)
        webhook.secrets = rotated(webhook.secrets, secret, until=now + timedelta(hours=overlap))
        session.add(webhook)
    typer.echo(f"secret: {secret}")


@app.command()
def enable(number: Number) -> None:
    """Post to an endpoint again, at once, beginning with what is still on its way.

    Example: `wireroom webhooks enable 1`
    """
    from storage import webhooks

    with opened_store() as sessions, sessions.begin() as session:
        webhooks.enable(session, webhooks.find(session, number), now=datetime.now(UTC))
    typer.echo(f"webhook {number} is enabled")


@app.command()
def disable(number: Number) -> None:
    """Stop posting to an endpoint; what it misses is sent once it is enabled again.

    Example: `wireroom webhooks disable 1`
    """
    from storage import webhooks

    with opened_store() as sessions, sessions.begin() as session:
        webhooks.find(session, number)
        webhooks.disable(session, number, reason="disabled by the operator")
    typer.echo(f"webhook {number} is disabled")


@app.command()
def remove(number: Number) -> None:
    """Forget an endpoint and what was on its way to it.

    Example: `wireroom webhooks remove 1`
    """
    from storage import webhooks

    with opened_store() as sessions, sessions.begin() as session:
        webhooks.remove(session, webhooks.find(session, number))
    typer.echo(f"webhook {number} is gone")


@app.command()
def run() -> None:
    """Run the process that posts; start as many as you like.

    Example: `wireroom webhooks run`
    """
    import asyncio
    import signal

    from workers import health, logs
    from workers.observe import observed

    chosen = settings()
    logs.configure(form=chosen.log_format, level=chosen.log_level, process="webhooks")

    async def post() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        sender = _sender(sessions)
        sender.pulse = health.Pulse(chosen, "webhooks")
        if chosen.metrics_port:
            sender.counted = _count
        with observed(chosen, "webhooks"):
            await sender.run(stop)

    with opened_store() as sessions:
        asyncio.run(post())
    health.gone(chosen, "webhooks")


def _count(verdict: Verdict, answer: Answer, attempts: int) -> None:
    from workers import metrics

    metrics.WEBHOOK_ATTEMPTS.labels(verdict.value).inc()
    metrics.WEBHOOK_SECONDS.observe(answer.milliseconds / 1000)
    if attempts > 1:
        metrics.RETRIES.labels("webhook").inc()


def _sender(sessions: Any) -> Sender:
    from workers.rooms import fetch_policy
    from workers.webhooks import Sender

    chosen = settings()
    return Sender(
        sessions=sessions, allow=chosen.allow_networks, user_agent=fetch_policy(chosen, governed=False).user_agent
    )
