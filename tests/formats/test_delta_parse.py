"""Items that were seen before are not read again, and what is read comes out as in a full parse."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.records import ParsedDocument
from tasks.formats import FormatError, parse
from tasks.formats.delta import audit
from tasks.formats.slices import cut

sys.path.insert(0, str(Path(__file__).parent))

from feedwriter import FEEDS, Item, atom, rss  # the folder is no package

URL = "https://paper.example/feed"
DOCUMENTS = sorted(path for path in (Path(__file__).parent / "documents").iterdir() if path.suffix != ".json")


def read(body: bytes, seen: frozenset[str] | set[str] = frozenset()) -> ParsedDocument:
    return parse(body, content_type=None, url=URL, seen=seen)


def agrees(body: bytes, share: int) -> None:
    """The delta parse of `body`, with every `share`-th item known, gives what the full parse gives without those."""
    full = read(body)
    hashes = [one.raw_sha256 for one in (*full.entries, *full.bad) if one.raw_sha256]
    seen = set(hashes[::share])
    part = read(body, seen)
    assert part.entries == tuple(one for one in full.entries if one.raw_sha256 not in seen)
    assert part.bad == tuple(one for one in full.bad if one.raw_sha256 not in seen)
    assert sorted(part.skipped) == sorted(one for one in hashes if one in seen)
    assert part.hints == full.hints


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
@pytest.mark.parametrize("share", [1, 2, 3])
def test_every_document_gives_the_same_whether_some_items_are_known_or_none(path: Path, share: int) -> None:
    try:
        agrees(path.read_bytes(), share)
    except FormatError as error:
        with pytest.raises(type(error)):
            read(path.read_bytes(), {"x"})


@settings(max_examples=40)
@given(FEEDS, st.integers(1, 3))
def test_rss_gives_the_same_whether_some_items_are_known_or_none(items: list[Item], share: int) -> None:
    agrees(rss(items), share)


@settings(max_examples=40)
@given(FEEDS, st.integers(1, 3))
def test_atom_gives_the_same_whether_some_items_are_known_or_none(items: list[Item], share: int) -> None:
    agrees(atom(items), share)


@settings(max_examples=40)
@given(FEEDS, FEEDS)
def test_only_new_items_are_read_from_a_feed_that_moved_on(before: list[Item], added: list[Item]) -> None:
    held = {item.number for item in before}
    fresh = [item for item in added if item.number not in held]
    seen = {one.raw_sha256 for one in read(rss(before)).entries}
    now = read(rss([*fresh, *before], built="Tue, 03 Mar 2026 06:00:00 +0100"), seen)
    assert [one.guid for one in now.entries] == [f"p-{item.number}" for item in fresh]
    assert len(now.skipped) == len(before)
    assert [one.position for one in now.entries] == list(range(len(fresh)))


def test_a_changed_letter_makes_an_item_new() -> None:
    item = "<item><title>{}</title><guid>1</guid></item>"
    document = "<rss version='2.0'><channel><title>T</title>{}</channel></rss>"
    seen = {one.raw_sha256 for one in read(document.format(item.format("Rat tagt")).encode()).entries}
    assert read(document.format(item.format("Rat tagt!")).encode(), seen).entries[0].headline == "Rat tagt!"


@pytest.mark.parametrize(
    "other",
    [
        b"<rss version='2.0'><channel xml:base='https://else.example/'><title>T</title>%s</channel></rss>",
        b"<rss version='2.0'><channel><title>T</title><language>en</language>%s</channel></rss>",
        b"<rss version='2.0' xmlns:dc='urn:other'><channel><title>T</title>%s</channel></rss>",
        b"<rss version='2.0'><channel><title>T</title><pubDate>2026-03-02T06:00:00+05:00</pubDate>%s</channel></rss>",
    ],
)
def test_what_the_document_says_for_all_items_makes_them_new_when_it_changes(other: bytes) -> None:
    item = b"<item><title>A</title><link>/1</link><pubDate>Mon, 02 Mar 2026 06:00:00</pubDate></item>"
    before = b"<rss version='2.0'><channel><title>T</title>%s</channel></rss>"
    seen = {one.raw_sha256 for one in read(before % item).entries}
    assert read(before % item, seen).entries == ()
    assert len(read(other % item, seen).entries) == 1


def test_one_malformed_item_leaves_the_hashes_of_its_neighbours_alone() -> None:
    sound = b"<rss version='2.0'><channel><title>T</title><item><title>A</title></item>%s</channel></rss>"
    before = read(sound % b"")
    after = read(sound % b"<item><title>B & <b>C</title></item>")
    assert after.reader == "items"
    assert (after.entries[0].raw_sha256, after.entries[0].sha256) == (
        before.entries[0].raw_sha256,
        before.entries[0].sha256,
    )


def test_pages_of_a_news_sitemap_that_were_seen_are_not_read_again() -> None:
    page = (
        "<url><loc>https://paper.example/{n}</loc><news:news><news:publication><news:name>Die Zeitung</news:name>"
        "</news:publication><news:title>Headline {n}</news:title></news:news></url>"
    )
    namespaces = 'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'
    head = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" {namespaces}>'
    before = read((head + "".join(page.format(n=n) for n in range(3)) + "</urlset>").encode())
    seen = {one.raw_sha256 for one in before.entries}
    after = read((head + "".join(page.format(n=n) for n in (9, 0, 1, 2)) + "</urlset>").encode(), seen)
    assert [one.headline for one in after.entries] == ["Headline 9"]
    assert len(after.skipped) == len(seen) == 3
    assert after.hints == before.hints
    assert after.hints.title == "Die Zeitung"


def test_an_audit_finds_an_entry_that_reads_differently_now() -> None:
    full = read(b"<rss version='2.0'><channel><title>T</title><item><title>A</title></item></channel></rss>")
    raw, sound = full.entries[0].raw_sha256, full.entries[0].sha256
    assert audit(full, {raw: sound}) == ()
    assert audit(full, {}) == ()
    assert audit(full, {raw: "0" * 64}) == (raw,)


# --- cutting -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("<rss><item>a</item><item>b</item></rss>", ["<item>a</item>", "<item>b</item>"]),
        ("<rss><item/><item x='1'/></rss>", ["<item/>", "<item x='1'/>"]),
        ("<feed><entry>a</entry ></feed>", ["<entry>a</entry >"]),
        ("<a:feed><a:entry>x</a:entry></a:feed>", ["<a:entry>x</a:entry>"]),
        ("<rss><item><![CDATA[</item><item>]]></item></rss>", ["<item><![CDATA[</item><item>]]></item>"]),
        ("<rss><!-- <item>no</item> --><item>a</item></rss>", ["<item>a</item>"]),
        ("<rss><items/><itemize/><item>a</item></rss>", ["<item>a</item>"]),
    ],
)
def test_items_are_cut_where_they_stand(text: str, items: list[str]) -> None:
    found = cut(text.encode())
    assert found is not None
    assert [item.decode() for item in found.items] == items
    assert found.around(list(found.items)).decode().replace("\n", "") == text or len(items) > 1


@pytest.mark.parametrize(
    "text",
    [
        "<rss><item>a<item>b</item></item></rss>",
        "<rss></item></rss>",
        "<rss><item>a</entry></rss>",
        "<rss></rss>",
        "",
        "<rss><![CDATA[<item>",
        "<a:item>x</b:item>",
    ],
)
def test_what_does_not_add_up_is_not_cut(text: str) -> None:
    assert cut(text.encode()) is None


@given(st.text(alphabet="<>/!-[]CDATA item&;entryä", max_size=200))
def test_no_document_loses_a_byte_in_cutting(text: str) -> None:
    found = cut(text.encode())
    if found is not None:
        whole = found.head + b"".join(
            piece
            for index, item in enumerate(found.items)
            for piece in (item, found.between[index] if index < len(found.between) else b"")
        )
        assert whole + found.tail + (found.truncated or b"") == text.encode()


@pytest.mark.parametrize("start", ["", "\ufeff", " \n", "\xa0", "Warning: x\n", "<!DOCTYPE rss>"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_an_item_has_one_hash_whatever_encoding_its_document_comes_in(start: str, encoding: str) -> None:
    document = "<rss version='2.0'><channel><item><title>Übung</title></item></channel></rss>"
    plain = read(document.encode())
    if encoding == "latin-1":
        start = start.replace("\ufeff", "") + "<?xml version='1.0' encoding='iso-8859-1'?>"
    found = read((start + document).encode(encoding))
    assert [(one.raw_sha256, one.headline) for one in found.entries] == [(plain.entries[0].raw_sha256, "Übung")]
