"""A site's page leads to its feeds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.formats.discover import Candidate, discover

URL = "https://paper.example/news/index.html"


def found(body: str, url: str = URL) -> list[Candidate]:
    page = f"<!doctype html><html><head><title>Paper</title>{body}</head><body></body></html>"
    return [one for one in discover(page.encode(), url) if one.how != "guessed"]


FEEDLY = "https://feedly.com/i/subscription/feed/https%3A%2F%2Fpaper.example%2Frss"
RSS = 'rel="alternate" type="application/rss+xml"'
ATOM = 'REL="Alternate Feed" TYPE="application/atom+xml; charset=utf-8"'


@pytest.mark.parametrize(
    ("link", "address", "kind"),
    [
        (f'<link {RSS} title="Alle" href="/rss">', "https://paper.example/rss", "rss"),
        (f'<LINK {ATOM} HREF="atom">', "https://paper.example/news/atom", "atom"),
        ("<link rel=alternate type=application/feed+json href=//cdn.example/f>", "https://cdn.example/f", "json"),
        ('<link rel="feed" href="/all">', "https://paper.example/all", None),
        ('<link rel="alternate" type="text/xml" href="/rss.xml">', "https://paper.example/rss.xml", "rss"),
        (f'<base href="https://b.example/x/"><link {RSS} href="rss">', "https://b.example/x/rss", "rss"),
        (f'<link {RSS} href="feed://paper.example/rss">', "https://paper.example/rss", "rss"),
        (f'<link {RSS} href="feed:http://paper.example/rss">', "http://paper.example/rss", "rss"),
    ],
)
def test_a_feed_that_the_page_declares_is_found(link: str, address: str, kind: str | None) -> None:
    (candidate,) = found(link)
    assert (candidate.url, candidate.type, candidate.how) == (address, kind, "declared")


@pytest.mark.parametrize(
    "link",
    [
        '<link rel="stylesheet" type="text/css" href="/feed.css">',
        '<link rel="alternate" hreflang="en" href="/en/">',
        '<link rel="alternate" type="application/json" href="/wp-json/wp/v2/pages/1">',
        '<link rel="alternate" type="text/xml" href="/wlwmanifest.xml">',
        '<link rel="alternate" type="application/rss+xml" href="javascript:alert(1)">',
        '<link rel="alternate" type="application/rss+xml">',
        '<a href="/feedback">Feedback</a>',
        '<a href="/rss.html">Was ist RSS?</a>',
        '<a href="/sitemap.xml">Karte</a>',
    ],
)
def test_what_is_no_feed_is_not_offered(link: str) -> None:
    assert found(link) == []


@pytest.mark.parametrize(
    ("anchor", "address"),
    [
        ('<a href="/rss/politik.xml">Politik</a>', "https://paper.example/rss/politik.xml"),
        ('<a href="/politik/feed/">Abonnieren</a>', "https://paper.example/politik/feed/"),
        ('<a href="/export.xml"><img src="x.png" alt="RSS"></a>', "https://paper.example/export.xml"),
        ('<a href="/index.php?format=feed&amp;type=rss">x</a>', "https://paper.example/index.php?format=feed&type=rss"),
        (f'<a href="{FEEDLY}">+</a>', "https://paper.example/rss"),
    ],
)
def test_a_feed_that_the_page_only_links_is_found(anchor: str, address: str) -> None:
    (candidate,) = found(anchor)
    assert (candidate.url, candidate.how) == (address, "linked")


def test_declared_feeds_come_first_and_comments_after_articles() -> None:
    candidates = found(
        '<link rel="alternate" type="application/rss+xml" title="Paper » Kommentar-Feed" href="/comments/feed/">'
        '<link rel="alternate" type="application/rss+xml" title="Paper » Feed" href="/feed/">'
        '<a href="/sport/rss">Sport</a>'
    )
    assert [one.url.removeprefix("https://paper.example") for one in candidates] == [
        "/feed/",
        "/comments/feed/",
        "/sport/rss",
    ]
    assert candidates[0].title == "Paper » Feed"


def test_usual_places_are_offered_last_at_the_root_and_beside_the_page() -> None:
    candidates = discover(b"<html></html>", URL)
    assert {one.how for one in candidates} == {"guessed"}
    addresses = [one.url for one in candidates]
    assert addresses[0] == "https://paper.example/feed"
    assert "https://paper.example/news/rss.xml" in addresses
    assert len(set(addresses)) == len(addresses)


def test_a_title_is_read_in_the_charset_that_the_page_names() -> None:
    page = (
        '<html><head><meta charset="iso-8859-1"><link rel="alternate" type="application/rss+xml" title="Österreich" '
        'href="/rss"></head></html>'
    ).encode("latin-1")
    assert discover(page, URL)[0].title == "Österreich"


def test_an_address_is_offered_once() -> None:
    link = '<link rel="alternate" type="application/rss+xml" href="/rss#top">'
    assert len(found(link * 3 + '<a href="/rss">RSS</a>')) == 1


@given(st.binary(max_size=200))
def test_no_page_makes_discovery_fail_and_every_candidate_is_a_web_address(page: bytes) -> None:
    for candidate in discover(b'<link rel="alternate" type="application/rss+xml" href="' + page, URL):
        assert candidate.url.startswith(("http://", "https://"))
