"""What events say, and that they say it in the words of their contract."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone

import pytest
from event_samples import ARTICLE, NOW, article, every_event, long, told
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.records import Block, BlockKind, Cause, Tag
from tasks import events
from tasks.events import contracts


def test_every_event_keeps_its_contract_and_every_contract_has_an_event() -> None:
    types = {told(event)["type"] for event in every_event()}
    assert types == {f"wireroom.{name}.v{version}" for name, version in contracts.EVENTS}


def test_ids_differ_between_events_and_are_the_same_when_told_again() -> None:
    first, again = every_event(), every_event()
    assert len({event.id for event in first}) == len(first)
    random_split = 7  # its target story is drawn anew, and so it is another split
    same = [a.id == b.id for number, (a, b) in enumerate(zip(first, again, strict=True)) if number != random_split]
    assert all(same)
    assert first[random_split].id != again[random_split].id


def test_ids_that_were_published_stay_for_ever() -> None:
    created, revised = every_event()[:2]
    assert created.id == "101dd573-8474-565d-a429-7d5077d11b48"
    assert revised.id == "806b68eb-96ab-5340-98f0-0a29fa66ef8b"


def test_the_source_is_the_feed_and_the_subject_the_article() -> None:
    ce = told(events.article_created(article(), cause=Cause.POLL, backfill=True, now=NOW))
    assert (ce["source"], ce["subject"], ce["partitionkey"]) == ("/feeds/7", str(ARTICLE), str(ARTICLE))
    assert ce["dataschema"] == "urn:wireroom:schema:article.created:v1"
    assert ce["data"]["backfill"] is True
    assert ce["data"]["article"]["body"][1] == {"kind": "subhead", "text": "Wind aus Südwest"}
    assert ce["data"]["article"]["sources"] == ["dpa"]


def test_the_time_is_utc_whatever_zone_the_clock_has() -> None:
    vienna = NOW.astimezone(timezone(timedelta(hours=1)))
    ce = told(events.article_created(article(), cause=Cause.POLL, backfill=False, now=vienna))
    assert ce["time"] == "2026-11-23T08:00:00+00:00"


def test_no_event_carries_a_feeds_credentials() -> None:
    for event in every_event():
        assert b"geheim" not in event.body
        assert b"abc123" not in event.body
        assert b":pw@" not in event.body
    ce = told(every_event()[0])
    assert ce["data"]["article"]["feed"]["url"] == "https://wire.example/rss?topic=fire&api_key=***"


def test_a_revision_says_what_each_changed_field_was() -> None:
    old = {"headline": "Waldbrand", "body": (Block(kind=BlockKind.QUOTE, text="Alt"),), "updated_at": NOW, "url": None}
    ce = told(events.article_revised(article(), changed=old, cause=Cause.POLL, now=NOW))
    assert ce["data"]["changed"] == {
        "headline": {"was": "Waldbrand"},
        "body": {"was": [{"kind": "quote", "text": "Alt"}]},
        "updated_at": {"was": "2026-11-23T08:00:00+00:00"},
        "url": {"was": None},
    }


def test_changed_tags_are_told_as_added_and_removed() -> None:
    fire = Tag(kind="topic", label="Feuer")
    ce = told(events.article_tags_changed(article(), before=(fire,), cause=Cause.REINGEST, now=NOW))
    assert [tag["label"] for tag in ce["data"]["added"]] == ["Brandenburg"]
    assert [tag["label"] for tag in ce["data"]["removed"]] == ["Feuer"]


def test_without_text_an_event_has_ids_links_and_tags_only() -> None:
    for event in every_event(detail=events.REFERENCE)[:5]:
        data = told(event)["data"]
        assert "headline" not in data["article"]
        assert data["article"]["tags"][0]["code"] == "DE-BB"
        assert data["claim"]["href"] == f"/articles/{ARTICLE}/revisions/2"
        assert b"Feuerwehr" not in event.body
        assert b'"was":"Waldbrand"' not in event.body


def test_an_article_too_long_for_an_event_goes_without_its_body_and_says_where_it_is() -> None:
    event = events.article_created(long(40), cause=Cause.POLL, backfill=False, now=NOW)
    data = told(event)["data"]
    assert len(event.body) <= 60 * 1024
    assert data["truncated"] is True
    assert data["article"]["body"] == []
    assert data["article"]["headline"] == "Waldbrand in Brandenburg"
    assert data["claim"]["left_out"] == ["body"]
    assert data["claim"]["bytes"] > 80_000


def test_an_article_that_fits_is_whole() -> None:
    data = told(events.article_created(long(25), cause=Cause.POLL, backfill=False, now=NOW))["data"]
    assert (data["truncated"], len(data["article"]["body"])) == (False, 25)


@settings(max_examples=60, deadline=None)
@given(
    headline=st.integers(0, 40_000),
    teaser=st.integers(0, 40_000),
    body=st.integers(0, 60),
    tags=st.integers(0, 800),
    media=st.integers(0, 800),
    link=st.integers(0, 40_000),
    old=st.integers(0, 40_000),
)
def test_no_article_however_odd_makes_an_event_too_long(
    headline: int, teaser: int, body: int, tags: int, media: int, link: int, old: int
) -> None:
    view = long(body)
    view = replace(
        view,
        clean=replace(view.clean, headline="ö" * headline, teaser="ü" * teaser),
        tags=view.tags * tags,
        media=view.media * media,
        url="https://wire.example/" + "x" * link,
    )
    for event in [
        *every_event(view)[:5],
        events.article_revised(view, changed={"teaser": "ß" * old}, cause=Cause.POLL, now=NOW),
        events.article_withdrawn(view, reason="ß" * old, cause=Cause.POLL, now=NOW),
    ]:
        told(event)
        assert len(event.body) <= 60 * 1024


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://wire.example/rss?format=rss&page=2", "https://wire.example/rss?format=rss&page=2"),
        ("https://u:p@wire.example:8443/rss", "https://wire.example:8443/rss"),
        ("https://wire.example/rss?access_token=x&lang=de", "https://wire.example/rss?access_token=***&lang=de"),
        ("https://wire.example/rss?X-Amz-Signature=x", "https://wire.example/rss?X-Amz-Signature=***"),
        ("https://wire.example/rss?monkey=1", "https://wire.example/rss?monkey=1"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert events.public_url(url) == shown
