"""A month of polling over loopback HTTP against publishers with every habit that validators are known to suffer."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from benchmarks.polling_month import simulate
from benchmarks.polling_publishers import Publisher, publishers

NAMES = [publisher.name for publisher in publishers()]
LIARS = [publisher.name for publisher in publishers() if not publisher.honest]
# A poll is due about hourly here; an audit at the latest after 24 hours and the first ten polls.
POLL, AUDIT = timedelta(hours=2), timedelta(hours=26)


@pytest.fixture(scope="module")
def month() -> dict[str, Publisher]:
    return {publisher.name: publisher for publisher in asyncio.run(simulate())}


@pytest.mark.parametrize("name", NAMES)
def test_no_request_was_unconditional_without_need(month: dict[str, Publisher], name: str) -> None:
    ledger = month[name].ledger
    assert ledger.requests > 500
    assert ledger.needless == 0


@pytest.mark.parametrize("name", NAMES)
def test_every_validator_came_back_as_it_was_last_given(month: dict[str, Publisher], name: str) -> None:
    assert month[name].ledger.wrong_validators == 0


@pytest.mark.parametrize("name", NAMES)
def test_nothing_was_sent_that_defeats_a_cache(month: dict[str, Publisher], name: str) -> None:
    assert month[name].ledger.extras == set()


@pytest.mark.parametrize("name", NAMES)
def test_no_change_was_missed_for_longer_than_its_bound(month: dict[str, Publisher], name: str) -> None:
    delays = month[name].ledger.delays
    assert len(delays) > 60
    assert max(delays) <= (AUDIT if name in LIARS else POLL)


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(LIARS)))
def test_an_honest_publisher_is_hardly_ever_asked_without_validators(month: dict[str, Publisher], name: str) -> None:
    assert month[name].ledger.audits <= 3


@pytest.mark.parametrize("name", LIARS)
def test_a_liar_is_found_out_and_its_304_no_longer_believed(month: dict[str, Publisher], name: str) -> None:
    ledger = month[name].ledger
    assert ledger.not_modified < 40
    assert ledger.audits > 500
