"""The article's part of a page, from bytes of any kind."""

from __future__ import annotations

import pytest

from storage.records import Entry, Markup
from tasks.formats import FormatError, NoArticle, ParseKilled, article_guarded
from tasks.formats.pages import article_html, is_teaser, own_text, visible

TEXT = "Die Brücke am Hafen wird im März gesperrt, sagte Stadtrat Emil Haas am Montag in Altenbrück vor dem Rat. " * 4
PAGE = (
    "<html><head>{meta}<title>Zeitung</title></head><body><nav><a href='/'>Start</a> <a href='/s'>Sport</a></nav>"
    "<article><p>{text}</p><h2>Umleitung</h2><p>{text}</p></article><footer>Impressum</footer></body></html>"
)


def test_the_text_comes_with_its_subheads_and_without_the_menu() -> None:
    found = article_html(PAGE.format(meta="", text=TEXT).encode(), "text/html; charset=utf-8")
    assert "Umleitung</h2>" in found
    assert TEXT.strip() in found
    assert "Sport" not in found
    assert "Impressum" not in found


@pytest.mark.parametrize(
    ("encoding", "meta", "header"),
    [
        ("latin-1", "<meta charset='iso-8859-1'>", "text/html"),
        ("latin-1", "", "text/html; charset=ISO-8859-1"),
        ("utf-8", "<meta http-equiv='content-type' content='text/html; charset=utf-8'>", None),
        ("utf-16", "", "text/html"),
    ],
)
def test_a_page_is_read_in_the_charset_that_it_declares(encoding: str, meta: str, header: str | None) -> None:
    assert "Brücke" in article_html(PAGE.format(meta=meta, text=TEXT).encode(encoding), header)


def test_an_xhtml_page_with_its_declaration_is_read() -> None:
    page = '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>' + PAGE.format(meta="", text=TEXT)
    assert TEXT.strip() in article_html(page.encode(), None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00\xff\xfe",
        b"{}",
        b"<html><body><form>Anmelden</form></body></html>",
        b"<div>" * 300_000,
        b"<" * 2_000_000,
        b"<!--" * 100_000,
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 50,
    ],
)
def test_a_page_without_an_article_says_so(body: bytes) -> None:
    with pytest.raises(FormatError):
        article_guarded(body, content_type="text/html")


def test_a_page_that_takes_quadratic_time_is_ended_and_the_next_is_read() -> None:
    attributes = b" ".join(b"a%d=1" % number for number in range(200_000))
    with pytest.raises(ParseKilled):
        article_guarded(b"<html><body><p " + attributes + b">Text</p>", content_type=None, cpu_seconds=1)
    assert TEXT.strip() in article_guarded(PAGE.format(meta="", text=TEXT).encode(), content_type="text/html")


def test_no_article_crosses_the_pipe_from_the_child_as_itself() -> None:
    with pytest.raises(NoArticle, match="no article's text"):
        article_guarded(b"<html><body><p>Kurz.</p></body></html>", content_type=None)


def test_an_entry_with_a_long_text_or_without_a_page_is_no_teaser() -> None:
    short, long = Markup(value="<p>Kurz &amp; knapp.</p>"), Markup(value=f"<p>{TEXT * 5}</p>")
    entry = Entry(position=0, guid="1", url="https://zeitung.example/1", headline="H", teaser=short)
    assert is_teaser(entry)
    assert own_text(entry) == len("Kurz &amp; knapp.")
    assert not is_teaser(Entry(position=0, guid="1", url=None, headline="H", teaser=short))
    assert not is_teaser(Entry(position=0, guid="1", url=entry.url, headline="H", teaser=short, content=long))


@pytest.mark.parametrize("flood", ["<script", "<a ", "<", "<!--", "&", "<style>", " "])
def test_whether_an_entry_is_a_teaser_is_soon_known_of_any_text(flood: str) -> None:
    content = Markup(value=flood * (4_000_000 // len(flood)))
    assert isinstance(own_text(Entry(position=0, guid="1", url=None, headline="H", content=content)), int)


def test_tags_are_not_what_a_reader_sees() -> None:
    assert visible("<p class='x'>Vier</p>\n<p>und  drei</p>") == len("Vier und drei")
