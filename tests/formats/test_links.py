"""An address in a feed comes out absolute, and as it was written where nothing is to put right."""

from __future__ import annotations

import pytest

from tasks.formats.links import web_link

BASE = "https://bote.example/feed/"


@pytest.mark.parametrize(
    ("raw", "link"),
    [
        ("https://bote.example/a?b=c&d=e", "https://bote.example/a?b=c&d=e"),
        ("https://bote.example/köln/straße-gesperrt", "https://bote.example/köln/straße-gesperrt"),
        ("https://köln.example/ä", "https://köln.example/ä"),
        ("/kultur/theater", "https://bote.example/kultur/theater"),
        ("https://bote.example/a?b=c&amp;d=é", "https://bote.example/a?b=c&d=é"),
        ("https://bote.example/öl preis\n\u00a0", "https://bote.example/öl%20preis"),
        ("https://bote.example/ö\ud800", None),
        ("https://[bote/ö", None),
        ("mailto:desk@bote.example", None),
    ],
)
def test_a_link_comes_out_whole_and_safe_to_keep(raw: str, link: str | None) -> None:
    assert web_link(raw, BASE) == link
