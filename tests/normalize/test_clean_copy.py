"""A wire copy as a crawler hands it over becomes the article as an editor would have it."""

from __future__ import annotations

from storage.records import BlockKind, Entry, Markup
from tasks.normalize import VERSION, KnownLine, clean_copy, line_keys, normalize

HEADLINE = "Hafenstadt Altwik baut die Mole bis zum Herbst neu"
TEASER = "Der Rat von Altwik hat den Neubau der Mole beschlossen und die Fähre für sechs Wochen stillgelegt."
FIRST = (
    "Der Rat der Hafenstadt Altwik hat am Montagabend mit großer Mehrheit beschlossen, die baufällige Mole zu "
    "erneuern. Die Bürgermeisterin sprach von einem „überfälligen Schritt“ (altwik-bote.example)."
)
SECOND = (
    "Die Arbeiten beginnen im Juni und sollen vor den Herbststürmen enden. Bis dahin legt die Fähre am "
    "Nordkai an, was den Weg für Pendler um zwanzig Minuten verlängert (hafenamt.example)."
)
COPY = f"""{HEADLINE}

Transparenz: Redaktionell erstellt und geprüft.
Veröffentlicht am

{TEASER}

{TEASER}
{TEASER}

{HEADLINE}

{FIRST}

Fähre legt am Nordkai an

{SECOND}
"""


def test_a_plain_wire_copy_keeps_headline_and_teaser_once() -> None:
    article = clean_copy(COPY)
    assert article.headline == HEADLINE
    assert article.teaser == TEASER
    assert [block.kind for block in article.blocks] == [BlockKind.PARAGRAPH, BlockKind.SUBHEAD, BlockKind.PARAGRAPH]
    assert article.blocks[1].text == "Fähre legt am Nordkai an"
    assert TEASER not in article.text
    assert "Veröffentlicht" not in article.text
    assert "Transparenz" not in article.text


def test_source_notes_leave_the_sentence_and_keep_their_place() -> None:
    article = clean_copy(COPY)
    assert [source.name for source in article.sources] == ["altwik-bote.example", "hafenamt.example"]
    note = article.sources[0]
    assert article.blocks[note.block].text[: note.offset].endswith("überfälligen Schritt“")
    assert article.blocks[note.block].text[note.offset :] == "."


def test_every_removed_line_says_why_it_went() -> None:
    article = clean_copy(COPY)
    assert [gone.rule for gone in article.removals] == [
        "headline_copy",
        "stub",
        "stub",
        "teaser_copy",
        "teaser_copy",
        "teaser_copy",
        "headline_copy",
    ]
    assert all(gone.reason and gone.removed for gone in article.removals)


def test_an_entry_in_html_comes_out_as_the_same_article() -> None:
    html = (
        f"<h1>{HEADLINE}</h1><p>Transparenz: Redaktionell erstellt und geprüft.</p><p>Veröffentlicht am</p>"
        f"<p>{TEASER}</p><p>{TEASER}</p><div>{TEASER}</div><h1>{HEADLINE}</h1><p>{FIRST}</p>"
        f"<h2>Fähre legt am Nordkai an</h2><p>{SECOND}</p>"
    )
    entry = Entry(position=0, guid="1", url=None, headline=HEADLINE, content=Markup(value=html))
    article = normalize(entry)
    plain = clean_copy(COPY)
    assert article.blocks == plain.blocks
    assert article.teaser == TEASER
    assert article.sources == plain.sources


def test_a_rule_turned_off_leaves_its_lines_alone() -> None:
    assert "Veröffentlicht am" in clean_copy(COPY, off=frozenset({"stub"})).text


def test_a_line_below_the_threshold_is_marked_and_stays() -> None:
    article = clean_copy(COPY, threshold=0.95)
    assert "Veröffentlicht am" in article.text
    marked = [gone for gone in article.removals if not gone.removed]
    assert [gone.line for gone in marked] == ["Transparenz: Redaktionell erstellt und geprüft.", "Veröffentlicht am"]


def test_a_line_that_many_articles_of_the_source_hold_is_boilerplate() -> None:
    line = "Die Altwiker Morgenpost erscheint werktags seit 1911"
    text = COPY + f"\n\n{line}\n"
    key = next(key for key, sample in line_keys(clean_copy(text)).items() if sample == line)
    known = {key: KnownLine(key=key, seen=8, articles=10)}
    article = clean_copy(text, known=known)
    assert line not in article.text
    gone = article.removals[-1]
    assert (gone.rule, gone.seen) == ("learned", 8)


def test_the_normalizer_says_its_version() -> None:
    assert VERSION >= 1
