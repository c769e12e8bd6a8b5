"""The fast reader and feedparser give the same entries, so that a feed may change hands between two polls.

Not compared: titles and credits inside `media:content`, which feedparser does not tie to their picture.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from storage.records import Entry
from tasks.formats import FormatError, charset, loose, mend, parse

sys.path.insert(0, str(Path(__file__).parent))

from feedwriter import FEEDS, Item, atom, rss  # the folder is no package

URL = "https://paper.example/feeds/all.xml"
DOCUMENTS = sorted(path for path in (Path(__file__).parent / "documents").glob("*.xml"))


def comparable(entries: tuple[Entry, ...]) -> list[Entry]:
    return [
        replace(
            one,
            position=index,
            sha256="",
            raw_sha256="",
            media=tuple(replace(medium, title=None, credit=None) for medium in one.media),
        )
        for index, one in enumerate(entries)
    ]


def by_feedparser(body: bytes) -> list[Entry]:
    text, _ = charset.decode(body, None)
    return comparable(loose.read(mend.without_doctype(mend.start_of(text)), URL).entries)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_feedparser_reads_a_well_formed_document_as_we_do(path: Path) -> None:
    body = path.read_bytes()
    try:
        found = parse(body, content_type=None, url=URL)
    except FormatError:
        return
    if found.reader == "xml":
        assert by_feedparser(body) == comparable(found.entries)


@settings(max_examples=40)
@given(FEEDS)
def test_feedparser_reads_rss_as_we_do(items: list[Item]) -> None:
    body = rss(items)
    assert by_feedparser(body) == comparable(parse(body, content_type=None, url=URL).entries)


@settings(max_examples=40)
@given(FEEDS)
def test_feedparser_reads_atom_as_we_do(items: list[Item]) -> None:
    body = atom(items)
    assert by_feedparser(body) == comparable(parse(body, content_type=None, url=URL).entries)


@settings(max_examples=40)
@given(FEEDS)
def test_an_entry_has_the_same_fingerprint_whichever_reader_read_it(items: list[Item]) -> None:
    """Under a broken channel the items are read one by one, with the same result to the last bit."""
    body = rss(items)
    sound = parse(body, content_type=None, url=URL)
    broken = parse(body.replace(b"<title>Paper</title>", b"<title>Paper</b></title>", 1), content_type=None, url=URL)
    assert [one.sha256 for one in sound.entries] == [one.sha256 for one in broken.entries]
    assert not items or (sound.reader, broken.reader) == ("xml", "items")
