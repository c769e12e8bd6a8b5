"""All spellings of one page's address are one; two pages stay two."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.urls import canonical

SAME = [
    ("http://paper.example/a", "https://paper.example/a"),
    ("https://www.paper.example/a/", "https://paper.example/a"),
    ("HTTPS://Paper.Example:443/a", "https://paper.example/a"),
    ("http://paper.example:80/a", "https://paper.example/a"),
    ("https://paper.example./a", "https://paper.example/a"),
    ("https://reader@paper.example/a", "https://paper.example/a"),
    ("https://m.paper.example/a", "https://paper.example/a"),
    ("https://amp.paper.example/a", "https://paper.example/a"),
    ("https://www2.paper.example/a", "https://paper.example/a"),
    ("https://paper.example/a?utm_source=rss&utm_medium=feed", "https://paper.example/a"),
    ("https://paper.example/a?fbclid=x&id=7", "https://paper.example/a?id=7"),
    ("https://paper.example/a?b=2&a=1", "https://paper.example/a?a=1&b=2"),
    ("https://paper.example/a?wt_zmc=fix.int.zonaudev&page=2", "https://paper.example/a?page=2"),
    ("https://paper.example/a#comments", "https://paper.example/a"),
    ("https://paper.example/a?ref=rss", "https://paper.example/a"),
    ("https://paper.example/a?at_medium=RSS&at_campaign=KARANGA", "https://paper.example/a"),
    ("https://paper.example/stadt/bruecke/amp", "https://paper.example/stadt/bruecke"),
    ("https://paper.example/amp/stadt/bruecke", "https://paper.example/stadt/bruecke"),
    ("https://paper.example/bruecke.amp.html", "https://paper.example/bruecke.html"),
    ("https://paper.example/bruecke-amp.html", "https://paper.example/bruecke.html"),
    ("https://paper.example/bruecke?outputType=amp", "https://paper.example/bruecke"),
    ("https://paper.example/bruecke?print=1", "https://paper.example/bruecke"),
    ("https://paper.example/bruecke/druckversion", "https://paper.example/bruecke"),
    ("https://paper.example//a//b", "https://paper.example/a/b"),
    ("https://paper.example/x/../a/./b", "https://paper.example/a/b"),
    ("https://paper.example/a/index.html", "https://paper.example/a"),
    ("https://paper.example/a;jsessionid=4F2A?id=1", "https://paper.example/a?id=1"),
    ("https://paper.example/%7Edesk/%c3%bcber", "https://paper.example/~desk/über"),
    ("https://bücher.example/a", "https://xn--bcher-kva.example/a"),
    ("https://www-paper-example.cdn.ampproject.org/c/s/www.paper.example/a", "https://paper.example/a"),
    ("https://www.google.com/amp/s/www.paper.example/a/amp/", "https://paper.example/a"),
    ("  https://paper.example/a  ", "https://paper.example/a"),
    ("https://paper.example/a?amp;utm_source=x&amp;id=3", "https://paper.example/a?id=3"),
    ("https://paper.example", "http://www.paper.example/"),
]
OTHER = [
    ("https://paper.example/a?id=1", "https://paper.example/a?id=2"),
    ("https://paper.example/?p=1", "https://paper.example/?p=2"),
    ("https://paper.example/A", "https://paper.example/a"),
    ("https://paper.example:8080/a", "https://paper.example/a"),
    ("https://one.example/a", "https://two.example/a"),
    ("https://sport.paper.example/a", "https://paper.example/a"),
    ("https://m.example/a", "https://example/a"),
    ("https://paper.example/#!/a", "https://paper.example/#!/b"),
    ("https://paper.example/camp", "https://paper.example/c"),
    ("https://paper.example/a?s=tax", "https://paper.example/a"),
    ("https://paper.example/blueprint", "https://paper.example/blue"),
    ("https://paper.example/a%2Fb", "https://paper.example/a/b"),
    ("https://paper.example/?q=a%26b", "https://paper.example/?q=a&b"),
    ("https://paper.example/?v=a%2Bb", "https://paper.example/?v=a+b"),
]


@pytest.mark.parametrize(("one", "two"), SAME)
def test_two_spellings_of_one_page_are_the_same_address(one: str, two: str) -> None:
    assert canonical(one) == canonical(two)


@pytest.mark.parametrize(("one", "two"), OTHER)
def test_two_pages_keep_their_own_addresses(one: str, two: str) -> None:
    assert canonical(one) != canonical(two)


@pytest.mark.parametrize(
    "text", ["", "urn:uuid:1", "mailto:a@b.example", "javascript:alert(1)", "http://[::1", "https://"]
)
def test_what_is_no_web_address_is_left_as_it_is(text: str) -> None:
    assert canonical(text) == text


PIECES = st.text(alphabet="ab/.%?&=#;:@é ü+2Fmpw-_~!", max_size=30)


@given(PIECES)
def test_the_canonical_form_of_a_canonical_form_is_itself(piece: str) -> None:
    once = canonical(f"http://www.paper.example/{piece}")
    assert canonical(once) == once


@given(PIECES)
def test_scheme_and_www_never_matter(piece: str) -> None:
    assert canonical(f"http://www.paper.example/{piece}") == canonical(f"https://paper.example/{piece}")


@given(st.text(max_size=60))
def test_any_text_has_a_canonical_form(text: str) -> None:
    canonical(text)
    canonical(f"https://{text}")


@given(st.permutations(["a=1", "b=2", "utm_source=x", "c=", "gclid=9"]))
def test_the_order_of_parameters_and_trackers_never_matter(pairs: list[str]) -> None:
    assert canonical("https://paper.example/x?" + "&".join(pairs)) == "https://paper.example/x?a=1&b=2&c="


HOSTS = st.lists(
    st.sampled_from(["www", "m", "amp", "mobile", "paper", "google", "cdn", "ampproject", "org", "example", "a-b"]),
    min_size=1,
    max_size=4,
).map(".".join)
FORMS = ("amp", "a.amp.html", "a-amp.html", "print", "druck", "druckversion", "index.html", "Index.php", "home", "s")
SEGMENTS = st.sampled_from(
    ("", "a", "Stadt", "über-uns", "漢字", "2026", "bruecke.html", "x~y", "a.b", ".", "..", "-", "_", *FORMS)
)


@given(
    scheme=st.sampled_from(["http", "https"]),
    host=HOSTS,
    path=st.lists(SEGMENTS, max_size=5).map(lambda parts: "".join(f"/{part}" for part in parts)),
)
def test_an_ordinary_address_comes_out_as_it_does_with_where_the_click_came_from(
    scheme: str, host: str, path: str
) -> None:
    plain = f"{scheme}://{host}{path}"
    assert canonical(f"{plain}?fbclid=x") == canonical(plain)  # of which the rules for all addresses are asked
    assert canonical(f"{plain}?utm_source=rss&utm_campaign=amp") == canonical(plain)
