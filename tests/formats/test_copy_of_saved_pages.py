"""A page that somebody saved: its headline, teaser, language and text, without the site around it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tasks.formats.pages import copy_of_page
from workers.cli.root import app

TEXT = "Die Donaubrücke in Altenbrück ist seit Freitag gesperrt. Fachleute fanden Risse im zweiten Pfeiler. " * 3
PAGE = """<!doctype html><html lang="de-AT"><head><meta charset="utf-8"><title>Brücke gesperrt - Altenpost</title>
<meta property="og:title" content="Sperre!"><meta name="description" content="Risse im Pfeiler zwingen dazu."></head>
<body><nav><a href="/">Start</a> <a href="/sport">Sport</a></nav><article>{heads}
<p>Risse im Pfeiler zwingen dazu.</p><p>{text}</p><p>Teilen</p><h2>Umleitung über Steyr</h2>
<p>Wer pendelt, braucht nun zwanzig Minuten länger.</p></article>
<footer>Impressum Datenschutz</footer></body></html>"""


def page(*heads: str, text: str = TEXT) -> bytes:
    return PAGE.format(heads="".join(f"<h1>{head}</h1>" for head in heads), text=text).encode()


@pytest.mark.parametrize(
    ("heads", "headline"),
    [
        (["Brücke <em>gesperrt</em>"], "Brücke gesperrt"),
        (["Altenpost", "Brücke gesperrt"], "Sperre!"),
        ([], "Sperre!"),
    ],
)
def test_the_headline_is_the_only_heading_or_what_previews_are_told(heads: list[str], headline: str) -> None:
    found = copy_of_page(page(*heads))
    assert found is not None
    assert (found.headline, found.teaser, found.language) == (headline, "Risse im Pfeiler zwingen dazu.", "de-AT")
    assert "Impressum" not in found.html
    assert "Umleitung" in found.html


def test_a_page_without_an_article_is_its_own_text_and_its_title_the_headline() -> None:
    found = copy_of_page(b"<html><head><title>Nothing here</title></head><body><p>Soon.</p></body></html>")
    assert found is not None
    assert (found.headline, found.teaser, found.language) == ("Nothing here", None, None)
    assert "Soon." in found.html


@pytest.mark.parametrize("body", [b"", b"<p>A piece of a page</p>", TEXT.encode(), b"<htmlx>"])
def test_what_is_no_whole_page_is_none(body: bytes) -> None:
    assert copy_of_page(body) is None


def test_a_saved_page_is_cleaned_as_its_article(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_bytes(page("Brücke gesperrt"))
    done = CliRunner().invoke(app, ["articles", "clean", str(file), "--json"])
    assert done.exit_code == 0, done.output
    shown = json.loads(done.output)
    assert (shown["headline"], shown["teaser"]) == ("Brücke gesperrt", "Risse im Pfeiler zwingen dazu.")
    assert [block["kind"] for block in shown["body"]] == ["paragraph", "subhead", "paragraph"]
    assert {"Teilen", "Risse im Pfeiler zwingen dazu."} <= {gone["line"] for gone in shown["removals"]}
    named = CliRunner().invoke(app, ["articles", "clean", str(file), "--headline", "Anders", "--json"])
    assert json.loads(named.output)["headline"] == "Anders"


def test_the_publisher_that_a_page_names_is_no_part_of_its_headline(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    title = b'<meta property="og:title" content="Die Sperre dauert an - Altenpost">'
    head = b'<meta property="og:site_name" content="Altenpost">' + title
    file.write_bytes(page().replace(b'<meta property="og:title" content="Sperre!">', head))
    done = CliRunner().invoke(app, ["articles", "clean", str(file), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["headline"] == "Die Sperre dauert an"
