"""A month of polling thirteen publishers over loopback HTTP, with the clock simulated: is a validator ever wrong?

python -m benchmarks.polling_month
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from aiohttp import web
from multidict import CIMultiDict

from benchmarks.polling_publishers import MONTH, START, Publisher, publishers
from storage.records import FetchOutcome, FetchRequest, Validators
from tasks.cadence import CadencePolicy, FeedState, Memory, Rhythm, next_poll
from tasks.fetch import Fetcher, FetchPolicy

HOURLY = CadencePolicy(stretch=120 * 60, floor=30 * 60)


class Desk:
    """The server's side: every publisher under its number, at its own simulated time."""

    def __init__(self, chosen: list[Publisher]) -> None:
        self.publishers = chosen
        self.clocks = [START for _ in chosen]
        self.audits = [False for _ in chosen]

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a poll."""
        number = int(request.match_info["number"])
        headers = {name.lower(): value for name, value in request.headers.items()}
        status, fresh, body = self.publishers[number].answer(headers, self.clocks[number], audit=self.audits[number])
        return web.Response(status=status, headers=CIMultiDict(fresh), body=body)

    async def poll(self, fetcher: Fetcher, number: int, url: str) -> None:
        """Poll one publisher for a month, each time when the last poll's rule says."""
        now, memory, rhythm = START, Memory(), Rhythm()
        validators, known, audit, seen = Validators(), None, False, -1
        publisher = self.publishers[number]
        while now < START + MONTH:
            self.clocks[number], self.audits[number] = now, audit
            result = await fetcher.fetch(
                FetchRequest(feed_id=number, url=url, validators=validators, known_sha256=known, audit=audit)
            )
            if result.outcome is FetchOutcome.CHANGED:
                version = publisher.version(now)
                rhythm = rhythm.seen(publisher.changes[seen + 1 : version + 1], window=10, now=now)
                seen = version
            validators, known = result.validators, result.body_sha256 or known
            plan = next_poll(result, FeedState(feed_id=number, rhythm=rhythm, memory=memory), now, HOURLY)
            now, memory, audit = plan.at, plan.memory, plan.audit


async def simulate() -> list[Publisher]:
    """Run the month; return the publishers with their ledgers."""
    desk = Desk(publishers())
    app = web.Application()
    app.router.add_get("/{number}", desk.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with Fetcher(FetchPolicy(allow=("127.0.0.0/8",), per_host=len(desk.publishers))) as fetcher:
        await asyncio.gather(
            *(desk.poll(fetcher, number, f"http://127.0.0.1:{port}/{number}") for number in range(len(desk.publishers)))
        )
    await runner.cleanup()
    return desk.publishers


def _hours(span: timedelta) -> str:
    return f"{span.total_seconds() / 3600:.1f}"


def main() -> None:
    """Print the ledgers as a table."""
    print(
        "| publisher | polls | 304 | unconditional | of them audits | needless | wrong validators | longest miss (h) |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for publisher in asyncio.run(simulate()):
        ledger = publisher.ledger
        asked = f"{ledger.requests} | {ledger.not_modified} | {ledger.unconditional} | {ledger.audits}"
        faults = f"{ledger.needless} | {ledger.wrong_validators} | {_hours(max(ledger.delays))}"
        print(f"| {publisher.name} | {asked} | {faults} |")


if __name__ == "__main__":
    main()
