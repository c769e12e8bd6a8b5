"""What feedparser does to an unwary caller, and that it does not happen here; see the folder of documents too."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.formats import FormatError, loose, parse

sys.path.insert(0, str(Path(__file__).parent))

from feedwriter import FEEDS, Item, rss  # the folder is no package

DOCUMENTS = [path.read_bytes() for path in (Path(__file__).parent / "documents").iterdir() if path.suffix != ".json"]
ADDRESSES = ("http://paper.example/rss", "https://www.paper.example/a/b/feed.xml", "https://moved.example/")
GUIDS = """<rss version="2.0"><channel><title>T</title>
<item><title>A</title><guid>12345</guid><link>https://paper.example/a</link></item>
<item><title>B</title><guid isPermaLink="false">/?p=2494</guid><link>https://paper.example/b</link></item>
<item xml:base="https://else.example/x/"><title>C</title><guid>../c</guid><link>https://paper.example/c</link></item>
<item><title>D</title><guid>http://paper.example/?p=4</guid></item></channel></rss>"""


@pytest.mark.parametrize("url", ADDRESSES)
def test_a_guid_does_not_depend_on_where_the_feed_lives(url: str) -> None:
    wanted = ["12345", "/?p=2494", "../c", "http://paper.example/?p=4"]
    assert [one.guid for one in parse(GUIDS.encode(), content_type=None, url=url).entries] == wanted
    assert [one.guid for one in loose.read(GUIDS, url).entries] == wanted


@pytest.mark.parametrize("url", ADDRESSES)
def test_a_feed_that_moves_keeps_every_fingerprint(url: str) -> None:
    here = parse(GUIDS.encode(), content_type=None, url="https://paper.example/feed")
    there = parse(GUIDS.encode(), content_type=None, url=url)
    assert [one.sha256 for one in here.entries] == [one.sha256 for one in there.entries]


def test_links_in_a_malformed_feed_are_joined_to_its_real_address() -> None:
    links = {
        "1.html": "https://paper.example/feeds/1.html",
        "/2": "https://paper.example/2",
        "../3": "https://paper.example/3",
        "?p=4": "https://paper.example/feeds/all.xml?p=4",
        "//cdn.example/5": "https://cdn.example/5",
        "https://paper.example/6": "https://paper.example/6",
    }
    items = "".join(f"<item><title>{name}</b></title><link>{name}</link></item>" for name in links)
    found = parse(
        f"<rss version='2.0'><channel><title>T</title>{items}</channel></rss>".encode(),
        content_type=None,
        url="https://paper.example/feeds/all.xml",
    )
    assert [one.url for one in found.entries] == list(links.values())


PLACES = [b"/etc/hostname", b"http://127.0.0.1:1/", b"file:///etc/hostname", str(Path(__file__)).encode()]


@pytest.mark.parametrize("body", PLACES)
def test_a_body_that_is_a_path_or_an_address_opens_nothing(body: bytes) -> None:
    with pytest.raises(FormatError, match="text"):
        parse(body, content_type=None, url=ADDRESSES[0])
    assert loose.read(body.decode(), ADDRESSES[0]).entries == ()


def test_published_is_never_taken_for_updated_nor_the_other_way_round() -> None:
    entries = (
        "<entry><id>1</id><title>A</title><published>2024-01-01T10:00:00Z</published></entry>"
        "<entry><id>2</id><title>B</title><updated>2024-01-02T10:00:00Z</updated></entry>"
    )
    text = f'<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title>{entries}</feed>'
    for found in (parse(text.encode(), content_type=None, url=ADDRESSES[0]), loose.read(text, ADDRESSES[0])):
        assert [(one.published_raw, one.updated_raw) for one in found.entries] == [
            ("2024-01-01T10:00:00Z", None),
            (None, "2024-01-02T10:00:00Z"),
        ]


@pytest.mark.parametrize(
    "fragment",
    ["<!h<!h<", "<![if x]>", "<!doctype", "<!--", "<![CDATA[", "<![", "<!", "<?", "</", "<![x[y]]>", "<!-- -- -->",
     "&#xFFFFFFFF;", "&#x110000;", "&#-1;", "<a b=>", "<a 'b'>", "<\x00a>", "<title", "]]>", "<item"],
)  # fmt: skip
def test_a_fragment_that_broke_parsers_breaks_one_item_at_most(fragment: str) -> None:
    items = f"<item><title>A</title><guid>1</guid></item><item><title>B</title>{fragment}</item>"
    body = f"<rss version='2.0'><channel><title>T</title>{items}</channel></rss>"
    found = parse(body.encode(), content_type=None, url=ADDRESSES[0])
    assert found.entries[0].headline == "A"
    assert found.entries[0].guid == "1"


@pytest.mark.parametrize(
    "codec", ["utf-7", "idna", "base64", "rot13", "unicode_escape", "punycode", "zlib", "nosuch", "utf-16"]
)
def test_a_codec_that_is_no_charset_is_not_believed(codec: str) -> None:
    item = "<item><title>Größe</title></item>"
    body = f"<?xml version='1.0' encoding='{codec}'?><rss version='2.0'><channel>{item}</channel></rss>"
    for content_type in (None, f"text/xml; charset={codec}"):
        assert parse(body.encode(), content_type=content_type, url=ADDRESSES[0]).entries[0].headline == "Größe"


def read(body: bytes) -> None:
    try:
        found = parse(body, content_type=None, url=ADDRESSES[0])
    except FormatError:
        return
    for entry in found.entries:
        assert entry.url is None or entry.url.startswith(("http://", "https://"))
        assert entry.headline == " ".join(entry.headline.split())
        assert len(entry.sha256) == 64


@settings(max_examples=150)
@given(st.sampled_from(DOCUMENTS), st.randoms(use_true_random=False))
def test_no_damage_to_a_document_raises_anything_but_our_own_errors(body: bytes, chance: random.Random) -> None:
    damaged = bytearray(body)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(damaged) + 1) if damaged else 0
        match chance.randint(0, 3):
            case 0:
                del damaged[at : at + chance.randint(1, 40)]
            case 1:
                damaged[at:at] = chance.choice(
                    [b"<", b">", b"&", b"]]>", b"<![CDATA[", b"<item>", b"</item>", b"\x00", b"\xff", b'"']
                )
            case 2:
                damaged[at:at] = damaged[chance.randrange(len(damaged) + 1) :][: chance.randint(1, 60)]
            case _:
                damaged[at : at + 1] = bytes([chance.randrange(256)])
    read(bytes(damaged))


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_our_own_errors(body: bytes) -> None:
    read(body)
    read(b"<rss version='2.0'><channel><item>" + body + b"</item></channel></rss>")


@settings(max_examples=40)
@given(FEEDS, st.data())
def test_a_feed_cut_off_anywhere_gives_its_whole_items_and_never_half_a_one(
    items: list[Item], data: st.DataObject
) -> None:
    body = rss(items)
    whole = parse(body, content_type=None, url=ADDRESSES[0]).entries
    at = data.draw(st.integers(body.index(b"</language>") + 11, len(body)))
    complete = body[:at].count(b"</item>")
    try:
        found = parse(body[:at], content_type=None, url=ADDRESSES[0])
    except FormatError:
        assert complete == 0
        return
    assert [one.sha256 for one in found.entries] == [one.sha256 for one in whole[:complete]]
