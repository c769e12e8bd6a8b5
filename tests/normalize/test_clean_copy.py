"""A wire copy as a crawler hands it over becomes the article as an editor would have it."""

from __future__ import annotations

import pytest

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


def test_what_a_blog_adds_to_its_feed_leaves_teaser_and_body() -> None:
    note = (
        "The post <a href='https://lowmouth.example'>Pier rebuilt</a> appeared first on <a href='#'>Lowmouth Echo</a>."
    )
    body = (
        "Councillors in Lowmouth voted on Tuesday night to rebuild the pier that last winter's storms tore in two. "
        "The work will cost 3.2 million pounds and take eleven months."
    )
    teaser = f"<p>{body[:70]} [&#8230;]</p><p>{note}</p>"
    entry = Entry(
        position=0,
        guid="1",
        url=None,
        headline="Pier rebuilt",
        teaser=Markup(value=teaser),
        content=Markup(value=f"<p>{body}</p><p>{note}</p>"),
    )
    article = normalize(entry)
    assert article.teaser == f"{body[:70]} […]"
    assert article.text == body
    assert [(gone.rule, gone.position) for gone in article.removals] == [("stub", -1), ("stub", 1)]


def test_a_description_that_is_the_whole_article_becomes_the_body() -> None:
    third = "Der Hafenmeister rechnet mit elf Monaten Bauzeit und einem Winter ohne Fischmarkt am alten Kai. " * 3
    html = f"<p>{FIRST}</p><p>{SECOND}</p><p>{third}</p>"
    article = normalize(Entry(position=0, guid="1", url=None, headline=HEADLINE, teaser=Markup(value=html)))
    assert article.teaser is None
    assert len(article.blocks) == 3


def test_a_headline_loses_the_name_of_its_paper() -> None:
    entry = Entry(position=0, guid="1", url=None, headline=f"{HEADLINE} | Altwiker Bote")
    article = normalize(entry, publisher="Altwiker Bote")
    assert article.headline == HEADLINE
    assert [gone.line for gone in article.removals] == ["| Altwiker Bote"]


def test_paragraphs_that_follow_a_pattern_all_stay() -> None:
    days = ("Montag", "Dienstag", "Mittwoch", "Donnerstag")
    html = "".join(
        f"<p>Am {day} tagte der Rat von Altwik im alten Zollhaus und ging ohne Ergebnis auseinander, wie man hört.</p>"
        f"<p>Im Saal saßen {n} Gäste, mehr als je zuvor in diesem Jahr.</p>"
        for n, day in enumerate(days)
    )
    article = normalize(Entry(position=0, guid="1", url=None, headline=HEADLINE, content=Markup(value=html)))
    assert len(article.blocks) == 8
    assert article.teaser is None


@pytest.mark.parametrize("rule", ["headline_copy", "teaser_copy"])
def test_a_copy_that_may_stay_leaves_under_no_other_name(rule: str) -> None:
    headline = "Hafenstadt Altwik bleibt sechs Wochen ohne Fähre"
    teaser = "Der Rat von Altwik lässt die alte Mole abreißen, und die Fähre steht deshalb bis Mitte Juli still."
    body = "Die Arbeiten beginnen im Juni und sollen vor den Herbststürmen enden, doch der Nordkai ist eng und weit."
    kept, gone = (headline, teaser) if rule == "headline_copy" else (teaser, headline)
    article = clean_copy(f"{kept}\n\n{gone}\n\n{body}", headline=headline, teaser=teaser, off=frozenset({rule}))
    assert [block.text for block in article.blocks] == [kept, body]


def test_the_name_of_a_feeds_author_in_a_line_of_its_own_is_the_byline() -> None:
    told = "Eva Lang hat die Mole von Altwik zwanzig Jahre lang beobachtet und schreibt heute zum letzten Mal über sie."
    more = "Die Arbeiten beginnen im Juni und sollen vor den Herbststürmen enden, was den Weg der Fähre verlängert."
    content = Markup(value=f"<p>Eva Lang</p><p>{told}</p><p>Jan Ode</p><p>{more}</p><p>Eva Lang</p>", kind="html")
    entry = Entry(position=0, guid=None, url=None, headline="Die Mole", content=content, authors=("Eva Lang",))
    article = normalize(entry)
    assert article.byline == "Eva Lang"
    assert [block.text for block in article.blocks] == [told, "Jan Ode", more]
