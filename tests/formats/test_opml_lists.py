"""Subscription lists come in from any reader and go out for any reader."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.formats import NotAFeed
from tasks.formats.opml import Subscription, parse, render
from tasks.formats.text import headline

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


def test_a_list_with_folders_is_read_with_the_way_to_each_feed() -> None:
    found = parse(
        b"""<?xml version="1.0"?><opml version="1.0"><head><title>x</title></head><body>
        <outline text="Politik"><outline text="Inland" title="Inland">
          <outline type="rss" text="Die Zeitung" xmlUrl="https://paper.example/rss" htmlUrl="https://paper.example/"/>
        </outline></outline>
        <outline XMLURL="https://two.example/atom" TEXT="Zwei &amp;amp; drei"/>
        <outline type="rss" url="https://three.example/rss"/>
        <outline text="no feed"/></body></opml>"""
    )
    assert found == (
        Subscription(
            url="https://paper.example/rss",
            title="Die Zeitung",
            site_url="https://paper.example/",
            folders=("Politik", "Inland"),
        ),
        Subscription(url="https://two.example/atom", title="Zwei & drei"),
        Subscription(url="https://three.example/rss"),
    )


def test_each_address_comes_once_and_only_web_addresses_come() -> None:
    outlines = (
        '<outline xmlUrl="https://paper.example/rss"/><outline xmlUrl="https://paper.example/rss"/>'
        '<outline xmlUrl="file:///etc/passwd"/><outline xmlUrl="javascript:x"/><outline xmlUrl="/relative"/>'
    )
    assert [one.url for one in parse(f"<opml><body>{outlines}</body></opml>".encode())] == ["https://paper.example/rss"]


def test_a_list_with_bare_ampersands_and_missing_ends_is_read_all_the_same() -> None:
    found = parse(b'<opml><body><outline text="A & B" xmlUrl="https://paper.example/?a=1&b=2"/><outline text="x">')
    assert found == (Subscription(url="https://paper.example/?a=1&b=2", title="A & B"),)


def test_entities_of_the_lists_own_are_not_expanded() -> None:
    body = b'<!DOCTYPE o [<!ENTITY x SYSTEM "file:///etc/passwd">]><opml><body><outline text="&x;" xmlUrl="https://p.example/"/></body></opml>'
    assert parse(body)[0].title == "&x;"


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"<rss/>", b"hello", b"{}"])
def test_what_is_no_list_is_refused(body: bytes) -> None:
    with pytest.raises(NotAFeed):
        parse(body)


def test_folders_without_end_are_not_followed_for_ever() -> None:
    body = "<opml><body>" + "<outline text='f'>" * 200 + '<outline xmlUrl="https://p.example/"/>' + "</outline>" * 200
    assert parse((body + "</body></opml>").encode()) == ()


NAMES = (
    st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=20)
    .map(lambda name: " ".join(name.replace("&", "+").split()))
    .filter(lambda name: name and headline(name, literal=True) == name)  # what looks encoded twice is put right
)
LISTS = st.lists(
    st.builds(
        Subscription,
        url=st.integers(0, 99).map("https://paper.example/{}?a=1&b=2".format),
        title=st.none() | NAMES,
        site_url=st.none() | st.just("https://paper.example/"),
        folders=st.lists(NAMES, max_size=3).map(tuple),
    ),
    unique_by=lambda one: one.url,
    max_size=8,
)


@settings(max_examples=50)
@given(LISTS)
def test_what_goes_out_comes_in_again(subscriptions: list[Subscription]) -> None:
    back = parse(render(subscriptions, title="Wireroom", created=NOW))
    expected = [(one.url, one.title or one.url, one.site_url, one.folders) for one in subscriptions]
    assert sorted((one.url, one.title, one.site_url, one.folders) for one in back) == sorted(
        expected, key=lambda e: e[0]
    )
