"""The sample wire behaves as publishers do: repeats, a correction, a copy, new stories over time, honest validators."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

import pytest

from storage.records import BlockKind, CleanArticle, ParsedDocument
from tasks.enrich import Enrichers, EnrichInput
from tasks.formats import parse
from tasks.normalize import KnownLine, line_keys, normalize
from workers.sample import SampleWire
from workers.sample.documents import document
from workers.sample.stories import sample_feeds

STARTED = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ALL_OUT = 1000.0
NAMES = [feed.name for feed in sample_feeds()]


class Clock:
    """A clock that goes only when told to."""

    def __init__(self) -> None:
        self.seconds = STARTED.timestamp()

    def __call__(self) -> float:
        return self.seconds

    def go_to(self, seconds_after_start: float) -> None:
        self.seconds = STARTED.timestamp() + seconds_after_start


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def wire(clock: Clock) -> Iterator[SampleWire]:
    served = SampleWire(clock=clock)
    served.start()
    yield served
    served.stop()


def get(url: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, bytes]:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=10)
    connection.request(method, parts.path, headers={name.replace("_", "-"): text for name, text in headers.items()})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def read(name: str, seconds: float = ALL_OUT) -> ParsedDocument:
    feed = next(feed for feed in sample_feeds() if feed.name == name)
    return parse(document(feed, seconds, STARTED), content_type=None, url=f"{feed.site}/feed")


def cleaned(name: str, seconds: float = ALL_OUT) -> dict[str, CleanArticle]:
    """The feed's articles as the room cleans them, by the last part of their address."""
    publisher = next(feed.publisher for feed in sample_feeds() if feed.name == name)
    return {
        (entry.url or "").rpartition("/")[2]: normalize(entry, publisher=publisher)
        for entry in read(name, seconds).entries
    }


def test_the_pool_holds_six_stories_and_more_in_german_and_in_english() -> None:
    count = {"de": 0, "en": 0}
    for feed in sample_feeds():
        count[feed.language] += len(feed.stories)
    assert count["de"] >= 6
    assert count["en"] >= 6


def test_every_story_runs_to_four_paragraphs_or_more_under_a_headline_of_its_own() -> None:
    stories = [story for feed in sample_feeds() for story in feed.stories]
    for story in stories:
        assert 4 <= sum(part.kind == "paragraph" for part in story.body) <= 8, story.slug
    assert len({story.headline for story in stories}) == len({story.slug for story in stories}) == len(stories)


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_is_read_without_a_loose_end(name: str) -> None:
    feed = next(feed for feed in sample_feeds() if feed.name == name)
    parsed = read(name)
    assert (parsed.bad, parsed.notes, parsed.reader) == ((), (), "xml")
    assert parsed.hints.title == feed.title
    assert parsed.hints.language == feed.language
    assert len(parsed.entries) == len(feed.stories)
    for entry in parsed.entries:
        assert entry.published_at is not None
        assert entry.guid
        assert (entry.url or "").startswith(feed.site)


@pytest.mark.parametrize("name", NAMES)
def test_no_link_leads_to_a_real_publisher(name: str) -> None:
    feed = next(feed for feed in sample_feeds() if feed.name == name)
    assert (urlsplit(feed.site).hostname or "").endswith(".example")


def test_at_the_start_each_feed_has_stories_that_were_out_before() -> None:
    for name in NAMES:
        entries = read(name, 0.0).entries
        assert len(entries) >= 2
        for entry in entries:
            assert entry.published_at is not None
            assert entry.published_at < STARTED


def test_a_story_comes_in_every_twenty_seconds_until_the_pool_is_used_up() -> None:
    later = sorted(story.appears for feed in sample_feeds() for story in feed.stories if story.appears > 0)
    assert later == [8, 30, 50, 70, 90, 110, 130]
    for feed in sample_feeds():
        for story in (story for story in feed.stories if story.appears > 0):
            before = [entry.headline for entry in read(feed.name, story.appears - 0.5).entries]
            after = [entry.headline for entry in read(feed.name, story.appears).entries]
            assert set(before) < set(after)
            assert next(headline for headline in after if headline not in before).startswith(story.headline)


def test_a_document_is_the_same_bytes_until_something_happens_in_it() -> None:
    for feed in sample_feeds():
        versions = {document(feed, seconds / 2, STARTED) for seconds in range(400)}
        assert len(versions) == len(feed.moments)


def test_a_crawled_page_of_the_daily_comes_out_as_an_article() -> None:
    for slug, article in cleaned("pegelblatt").items():
        kinds = [block.kind for block in article.blocks]
        assert kinds.count(BlockKind.SUBHEAD) == 2, slug
        assert article.sources, slug
        assert all(source.name.endswith(".example") for source in article.sources)
        assert article.teaser
        assert article.teaser not in article.text
        assert article.headline not in article.text
        for line in ("Transparenz", "Veröffentlicht am", ".example"):
            assert line not in article.text
        gone = [removal.line for removal in article.removals if removal.removed]
        assert gone.count(article.teaser) == 3
        assert gone.count(article.headline) == 2


def test_what_a_port_paper_adds_around_its_copy_goes() -> None:
    for slug, article in cleaned("harbour_ledger").items():
        assert not article.headline.endswith("The Harbour Ledger"), slug
        assert article.teaser
        assert article.teaser[:40] not in article.text, slug
        assert "Breaking:" not in article.text
        assert "All rights reserved" not in article.text
        assert any(removal.line.endswith("…") for removal in article.removals if removal.removed)


def test_its_box_and_its_tail_go_once_they_stood_in_other_articles_too() -> None:
    articles = cleaned("harbour_ledger")
    seen = Counter(key for article in articles.values() for key in line_keys(article))
    known = {key: KnownLine(key=key, seen=count - 1, articles=len(articles) - 1) for key, count in seen.items()}
    for entry in read("harbour_ledger").entries:
        article = normalize(entry, publisher="The Harbour Ledger", known=known)
        for line in ("Sign up for our newsletter", "Subscribe now", "©", "Read more:"):
            assert line not in article.text
        assert len(article.blocks) >= 6


def test_the_daily_corrects_one_paragraph_after_fifteen_seconds_and_says_so() -> None:
    before, after = (cleaned("pegelblatt", seconds)["hochwassermauer-urfelden"] for seconds in (14.9, 15.0))
    assert "mit 4,2 Millionen Euro" in before.text
    assert before.correction is None
    assert "mit 14,2 Millionen Euro" in after.text
    assert (after.correction or "").startswith("Berichtigung: ")
    changed = [(a.text, b.text) for a, b in zip(before.blocks, after.blocks, strict=True) if a != b]
    assert len(changed) == 1
    others = [{k: v for k, v in cleaned("pegelblatt", s).items() if k != "hochwassermauer-urfelden"} for s in (14, 16)]
    assert others[0] == others[1]


def test_the_agency_carries_the_dailys_text_under_another_headline_and_shorter() -> None:
    original = cleaned("pegelblatt", 8.0)["hochwassermauer-urfelden"]
    copy = cleaned("vierwind", 8.0)["hochwasserschutz-urfelden"]
    assert copy.headline != original.headline
    paragraphs = [block.text for block in original.blocks if block.kind is BlockKind.PARAGRAPH]
    copied = [text for text in paragraphs if text in copy.text]
    assert len(copied) == len(paragraphs) - 1
    assert not any(block.kind is BlockKind.SUBHEAD for block in copy.blocks)
    assert "hochwasserschutz-urfelden" not in cleaned("vierwind", 7.9)


def test_agency_copy_is_plain_text_with_a_dateline() -> None:
    for entry in read("vierwind").entries:
        assert entry.teaser is not None
        assert "<" not in entry.teaser.value
        assert " (vierwind) – " in entry.teaser.value


def test_every_story_is_told_in_the_language_of_its_feed_and_tagged() -> None:
    enrichers = Enrichers.load(None)
    for feed in sample_feeds():
        for entry in read(feed.name).entries:
            article = normalize(entry, publisher=feed.publisher)
            told = enrichers.tag(
                EnrichInput(headline=article.headline, teaser=article.teaser, blocks=article.blocks, url=entry.url)
            )
            kinds = {tag.kind for tag in told.tags}
            assert told.language == feed.language, article.headline
            assert {"place", "topic"} <= kinds, article.headline


def test_the_wire_serves_its_feeds_on_loopback_and_lists_them(wire: SampleWire) -> None:
    assert [feed.language for feed in wire.feeds] == ["de", "en", "de"]
    for url, title, publisher, _ in wire.feeds:
        assert urlsplit(url).hostname == "127.0.0.1"
        answer, body = get(url)
        assert answer.status == 200
        assert title.encode() in body
        assert publisher
        assert answer.getheader("Content-Type", "").endswith("; charset=utf-8")


def test_a_reader_that_holds_the_document_is_told_so(wire: SampleWire, clock: Clock) -> None:
    url = wire.feeds[0].url
    answer, _ = get(url)
    etag, modified = answer.getheader("ETag", ""), answer.getheader("Last-Modified", "")
    for headers in ({"If_None_Match": etag}, {"If_None_Match": f'W/{etag}, "x"'}, {"If_Modified_Since": modified}):
        again, body = get(url, **headers)
        assert (again.status, body) == (304, b"")
        assert again.getheader("ETag") == etag
    clock.go_to(15)
    for headers in ({"If_None_Match": etag}, {"If_Modified_Since": modified}):
        changed, body = get(url, **headers)
        assert changed.status == 200
        assert b"Berichtigung" in body
        assert changed.getheader("ETag") != etag


def test_an_etag_outranks_a_date_and_a_date_that_is_none_counts_for_nothing(wire: SampleWire) -> None:
    url = wire.feeds[0].url
    modified = get(url)[0].getheader("Last-Modified", "")
    assert get(url, If_None_Match='"another"', If_Modified_Since=modified)[0].status == 200
    assert get(url, If_Modified_Since="yesterday")[0].status == 200


def test_a_head_request_gets_the_headers_alone(wire: SampleWire) -> None:
    url = wire.feeds[1].url
    answer, body = get(url, method="HEAD")
    assert body == b""
    assert int(answer.getheader("Content-Length", "0")) == len(get(url)[1])


def test_the_front_page_leads_to_the_feeds_and_anything_else_is_not_found(wire: SampleWire) -> None:
    _, page = get(wire.url)
    for feed in wire.feeds:
        assert f'href="{urlsplit(feed.url).path}"'.encode() in page
    assert get(f"{wire.url}nothing")[0].status == 404


def test_the_wire_says_once_which_feeds_changed(wire: SampleWire, clock: Clock) -> None:
    daily, paper, agency = (feed.url for feed in wire.feeds)
    assert wire.changed() == []
    clock.go_to(8)
    assert wire.changed() == [agency]
    assert wire.changed() == []
    clock.go_to(31)
    assert wire.changed() == [daily, paper]
    clock.go_to(ALL_OUT)
    assert wire.changed() == [daily, paper, agency]
    clock.go_to(2 * ALL_OUT)
    assert wire.changed() == []


def test_a_wire_started_again_with_its_former_start_serves_the_same_documents(clock: Clock) -> None:
    clock.go_to(40)
    bodies = []
    for _ in range(2):
        served = SampleWire(started=STARTED + timedelta(milliseconds=400), clock=clock)
        served.start()
        bodies.append([get(feed.url)[1] for feed in served.feeds])
        served.stop()
        clock.go_to(45)
    assert bodies[0] == bodies[1]


def test_a_taken_port_is_refused_and_a_stopped_wire_frees_its_own(wire: SampleWire) -> None:
    port = urlsplit(wire.url).port or 0
    with pytest.raises(OSError, match="in use"):
        SampleWire(port=port).start()
    wire.stop()
    heir = SampleWire(port=port)
    heir.start()
    assert urlsplit(heir.url).port == port
    heir.stop()
    with pytest.raises(RuntimeError):
        _ = heir.url


def test_serving_the_wire_needs_neither_database_nor_broker() -> None:
    heavy = "{'sqlalchemy', 'sqlmodel', 'celery', 'redis', 'feedparser', 'lxml', 'aiohttp'}"
    script = f"import sys, workers.sample; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
