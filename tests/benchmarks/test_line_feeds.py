"""The feeds that the line is measured with are what the measurement says they are."""

from __future__ import annotations

from benchmarks.line_feeds import ENTRIES, feed
from tasks.formats import parse
from tasks.normalize import normalize


def headlines(number: int, fresh: int = 0) -> list[str]:
    document = parse(feed(number, fresh=fresh), content_type="application/rss+xml", url="https://example.org/feed")
    assert not document.bad
    return [entry.headline for entry in document.entries]


def test_a_feed_is_the_same_each_time_and_has_the_entries_that_are_counted() -> None:
    assert feed(3) == feed(3)
    assert len(headlines(3)) == len(set(headlines(3))) == ENTRIES


def test_a_changed_feed_has_new_entries_first_and_keeps_its_length() -> None:
    assert len(headlines(4, fresh=2)) == ENTRIES
    assert headlines(4, fresh=2)[2:] == headlines(4)[:-2]


def test_some_entries_are_copies_of_another_feeds() -> None:
    shared = {name for number in range(0, 12, 2) for name in headlines(number)}
    assert 100 < len(shared) < 6 * ENTRIES


def test_an_article_is_as_long_as_a_wire_piece() -> None:
    document = parse(feed(1), content_type="application/rss+xml", url="https://example.org/feed")
    clean = normalize(document.entries[0])
    assert 300 < len(clean.text.split()) < 700
    assert len(clean.blocks) > 5
