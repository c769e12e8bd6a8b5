"""What an entry is known by: keys that survive what feeds do to their guids, and never join two pieces."""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from storage.records import Entry, Markup
from tasks.urls import document_keys, identity_keys


def entry(guid: str | None, url: str | None, headline: str = "Rat beschließt Brücke", position: int = 0) -> Entry:
    return Entry(position=position, guid=guid, url=url, headline=headline)


def kinds(one: Entry) -> list[str]:
    return [kind for kind, _ in identity_keys(one)]


def test_a_guid_is_known_verbatim_and_never_resolved() -> None:
    assert identity_keys(entry("12345", None)) == identity_keys(entry("12345", None))
    assert not set(identity_keys(entry("12345", None))) & set(identity_keys(entry("https://paper.example/12345", None)))


def test_a_move_to_https_keeps_the_article() -> None:
    before = identity_keys(entry("http://paper.example/?p=2494", "http://paper.example/a"))
    after = identity_keys(entry("https://www.paper.example/?p=2494", "https://paper.example/b"))
    assert {kind for kind, _ in set(before) & set(after)} == {"guid_path"}


def test_an_id_that_turns_from_absolute_to_relative_keeps_the_article() -> None:
    assert set(identity_keys(entry("http://paper.example/?p=2494", None))) & set(identity_keys(entry("/?p=2494", None)))


def test_a_tracking_parameter_makes_no_second_article() -> None:
    one, two = entry(None, "https://paper.example/a?utm_source=x"), entry(None, "http://paper.example/a")
    assert identity_keys(one) == identity_keys(two)


def test_keys_are_128_bits_in_hex_and_there_is_always_one() -> None:
    for one in (entry("g", "https://paper.example/a"), entry(None, None), entry(None, "https://paper.example/")):
        keys = identity_keys(one)
        assert keys
        assert all(len(key) == 32 and not set(key) - set(string.hexdigits) for _, key in keys)


def test_a_front_page_identifies_nothing() -> None:
    assert kinds(entry("g", "https://paper.example/")) == ["guid"]
    assert kinds(entry(None, "https://www.paper.example")) == ["text"]


def test_text_tells_apart_what_has_nothing_else() -> None:
    one = Entry(position=0, guid=None, url=None, headline="Lage", teaser=Markup(value="ruhig", kind="text"))
    two = Entry(position=0, guid=None, url=None, headline="Lage", teaser=Markup(value="gespannt", kind="text"))
    assert identity_keys(one) != identity_keys(two)


def test_sound_guids_give_the_same_keys_alone_and_in_a_document() -> None:
    entries = [entry(f"g{n}", f"https://paper.example/{n}", f"Headline {n}") for n in range(30)]
    found = document_keys(entries)
    assert list(found) == [identity_keys(one) for one in entries]
    assert not found.degraded


def test_a_guid_used_for_two_pieces_identifies_neither_alone() -> None:
    """The newer of the two must not be taken for the older one, whichever stands first."""
    filler = [entry(f"g{n}", f"https://paper.example/{n}", f"Headline {n}") for n in range(98)]
    old = entry("N/A", "https://paper.example/old", "Old")
    new = entry("N/A", "https://paper.example/new", "New")
    held = set(identity_keys(old))
    first = document_keys([new, old, *filler])
    assert not held & set(first[0])
    assert held & set(first[1])
    assert set(document_keys([old, new, *filler])[1]) == set(first[0])


def test_an_item_that_stands_twice_in_a_document_is_one_piece() -> None:
    entries = [entry("g", "https://paper.example/a", "A"), entry("g", "http://www.paper.example/a", "A")]
    found = document_keys(entries)
    assert found[0] == found[1]
    assert not found.degraded


def test_equal_guids_for_everything_are_not_used_at_all() -> None:
    entries = [entry("N/A", f"https://paper.example/{n}", f"Headline {n}") for n in range(20)]
    found = document_keys(entries)
    assert found.degraded
    assert len(set(found)) == 20
    assert all(kind != "guid" for keys in found for kind, _ in keys)


def test_blank_guids_above_five_in_a_hundred_degrade_the_feed_and_one_does_not() -> None:
    sound = [entry(f"g{n}", f"https://paper.example/{n}", f"Headline {n}") for n in range(30)]
    blank = [entry(None, f"https://paper.example/b{n}", f"Blank {n}") for n in range(3)]
    assert document_keys([*sound, *blank]).degraded
    assert not document_keys([*sound, *blank[:1]]).degraded
    assert not document_keys(blank[:1]).degraded


def test_two_blank_guids_among_many_known_items_do_not_degrade_the_feed() -> None:
    blank = [entry(None, f"https://paper.example/b{n}", f"Blank {n}") for n in range(2)]
    assert document_keys(blank).degraded
    assert not document_keys(blank, total=60).degraded


def test_a_feed_once_degraded_stays_so_when_its_guids_turn_good() -> None:
    sound = [entry(f"g{n}", f"https://paper.example/{n}", f"Headline {n}") for n in range(30)]
    found = document_keys(sound, degraded=True)
    assert found.degraded
    assert {kind for keys in found for kind, _ in keys} == {"url"}


def test_a_live_blog_whose_entries_share_one_page_stays_many() -> None:
    page = "https://paper.example/liveblog"
    entries = [entry(f"g{n}", f"{page}#entry-{n}", f"Update {n}") for n in range(5)]
    assert [[kind for kind, _ in keys] for keys in document_keys(entries)] == [["guid"]] * 5


def test_a_repeat_under_a_new_guid_with_the_same_headline_keeps_the_page_as_key() -> None:
    first, again = entry("g1", "https://paper.example/a"), entry("g2", "https://paper.example/a#update")
    one, two = document_keys([again, first])
    assert {kind for kind, _ in set(one) & set(two)} == {"url"}


def test_paths_of_guids_do_not_join_articles_of_an_aggregator() -> None:
    entries = [entry("https://one.example/?p=1", None, "A"), entry("https://two.example/?p=1", None, "B")]
    one, two = document_keys(entries)
    assert not set(one) & set(two)


GUIDS = st.one_of(
    st.none(), st.sampled_from(["", "a", "b", "N/A", "https://paper.example/1", "http://paper.example/1"])
)
URLS = st.one_of(st.none(), st.sampled_from([f"https://paper.example/{n}" for n in range(4)]))


@given(st.lists(st.builds(entry, GUIDS, URLS, st.sampled_from(["A", "B", "C"])), max_size=8))
def test_keys_of_an_entry_do_not_depend_on_the_order_of_the_document(entries: list[Entry]) -> None:
    forward, backward = document_keys(entries), document_keys(entries[::-1])
    assert list(forward) == list(backward)[::-1]
    assert forward.degraded == backward.degraded


@given(st.lists(st.builds(entry, GUIDS, URLS, st.sampled_from(["A", "B", "C"])), max_size=8))
def test_two_pieces_never_share_their_strongest_key(entries: list[Entry]) -> None:
    owners: dict[tuple[str, str], tuple[str | None, str]] = {}
    for one, keys in zip(entries, document_keys(entries), strict=True):
        piece = (one.url, one.headline)
        if keys[0][0] == "guid":
            assert owners.setdefault(keys[0], piece) == piece
