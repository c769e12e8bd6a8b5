"""What must hold of cleaning whatever the copy says."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from storage.records import BlockKind, Entry, KnownLine, Markup
from tasks.normalize import key_of, line_keys, normalize, read
from tasks.normalize.bench import Bench
from tasks.normalize.judge import THRESHOLD, judge, sit
from tasks.normalize.look import Look, Sight
from tasks.normalize.screen import nothing_applies

_POOL = """
Hafen Mole Rat Stadt Fähre Sturm Brücke Kutter Möwe Deich Leuchtturm Ebbe Werft Anker Lotse Kai Reederei Netz Boje
harbour council bridge ferry storm trawler lighthouse tide shipyard anchor pilot quay owner net buoy crane winter
"""
WORDS = _POOL.split()
SHORT = (
    "Ja.", "Nein.", "Applaus", "Hintergrund", "+++ 14 Uhr +++", "Urteil: gut", "Anzeige", "Teilen", "Published",
    "3 hours ago", "Aktualisiert vor 20 Minuten", "Mehr in Kürze.", "Bild: Eva Lang/dpa", "(Quelle: APA)",
    "Startseite", "Kontakt", "Datenschutz", "Mediadaten", "Politik", "Sport", "E-Paper", "Mehr zum Thema",
    "Advertisement · Scroll to continue", "AXC0231 2026-03-16/17:58", "Reporting by Jane Holt; Editing by Tom Roe",
)  # fmt: skip


@st.composite
def sentences(draw: st.DrawFn, *, least: int = 6, most: int = 16) -> str:
    words = draw(st.lists(st.sampled_from(WORDS), min_size=least, max_size=most))
    number = draw(st.integers(min_value=1, max_value=9999))
    return f"{' '.join(words).capitalize()} {number}."


@st.composite
def paragraphs(draw: st.DrawFn) -> str:
    return " ".join(draw(st.lists(sentences(least=9), min_size=2, max_size=3)))


@st.composite
def copies(draw: st.DrawFn) -> tuple[str, str, list[str]]:
    """A headline, a teaser, and lines in which both come back in many forms among body, repeats and short lines."""
    headline = draw(sentences(least=5, most=8)).rstrip(".")
    teaser = draw(sentences(least=10))
    forms = [
        headline,
        f"{headline} | Altwiker Bote",
        f"Eilmeldung: {headline}",
        teaser,
        teaser.upper(),
        teaser[: len(teaser) // 2] + "…",
        f"Altwik (dpa) – {teaser}",
        f"{teaser} Mehr lesen",
        f"{headline} {teaser}",
        f"EILMELDUNG: {teaser[: len(teaser) // 2].rstrip()} …",
        f"{teaser[: len(teaser) // 2].rstrip()} … weiterlesen",
        f"+++ Update +++ {teaser}",
        f"{headline}.",
    ]
    body = draw(st.lists(paragraphs(), min_size=1, max_size=5))
    lines = draw(
        st.lists(st.one_of(st.sampled_from(forms), st.sampled_from(body), st.sampled_from(SHORT)), max_size=14)
    )
    return headline, teaser, [*lines, *body]


def article_of(headline: str, teaser: str | None, lines: list[str]) -> Entry:
    html = "".join(f"<p>{line}</p>" for line in lines)
    summary = Markup(value=teaser, kind="text") if teaser else None
    return Entry(position=0, guid="1", url=None, headline=headline, teaser=summary, content=Markup(value=html))


KNOWN = "Die Altwiker Morgenpost gibt es auch als Hörausgabe"


@st.composite
def pages(draw: st.DrawFn) -> tuple[str, str | None, list[str]]:
    """The same, with what a source, a system and an agency put around it, and not always with a teaser named."""
    headline, teaser, lines = draw(copies())
    body = draw(st.sampled_from(lines[-5:]))
    around = [
        KNOWN,
        "Anzeige",
        "Von Eva Lang",
        f"Altwik (dpa) – {body}",
        f"WIEN (APA) – {body}",
        f"{body} (dpa)",
        f"{body} (APA)",
        f"{body[: len(body) // 2]} …",
        f"{teaser[: len(teaser) // 2]}anders{teaser[len(teaser) // 2 :]}",
    ]
    for line in draw(st.lists(st.sampled_from(around), max_size=6)):
        lines.insert(draw(st.integers(min_value=0, max_value=len(lines))), line)
    return headline, draw(st.sampled_from((teaser, None))), lines


def assert_cleaned_at_once(headline: str, teaser: str | None, lines: list[str]) -> None:
    known = {key_of(KNOWN): KnownLine(key=key_of(KNOWN), seen=9, articles=12)}
    once = normalize(article_of(headline, teaser, lines), known=known)
    twice = normalize(article_of(once.headline, once.teaser, [block.text for block in once.blocks]), known=known)
    assert (twice.headline, twice.teaser, twice.blocks) == (once.headline, once.teaser, once.blocks)


HEADLINE = "Rat baut Mole neu"
TEASER = "Der Rat lässt die alte Mole abreißen, und die Fähre steht bis Mitte Juli still."
SAID = "Der Rat baut die Mole neu, und die Fähre steht bis Mitte Juli still"
LONG = "Die Arbeiten beginnen im Juni und sollen vor den Herbststürmen enden, was den Weg zum Nordkai verlängert."
CUT = f"{TEASER} {LONG[:60]} …"
MOVED = "Der Fischmarkt zieht bis zum Herbst in das alte Zollhaus um, und der Rat sucht noch nach Helfern dafür."


@given(copies())
@example((HEADLINE, TEASER, [f"+++ Update +++ {TEASER}", f"{HEADLINE}.", f"{HEADLINE}.", LONG]))
@example((HEADLINE, TEASER, [f"{HEADLINE} {TEASER}", f"{HEADLINE}.", f"{HEADLINE}.", LONG]))
@example((HEADLINE, TEASER, [f"EILMELDUNG: {TEASER[:70]} …", f"{HEADLINE}.", f"{HEADLINE}.", LONG]))
@example((SAID, MOVED, [f"{SAID}."] * 3))
def test_cleaning_twice_equals_cleaning_once(copy: tuple[str, str, list[str]]) -> None:
    assert_cleaned_at_once(*copy)


@given(pages())
@example((HEADLINE, None, ["Die alte Mole wird abgerissen", KNOWN, "Die alte Mole wird abgerissen", LONG]))
@example((SAID, None, ["Die alte Mole wird abgerissen", f"Eilmeldung: {SAID}", "Die alte Mole wird abgerissen", LONG]))
@example((SAID, None, [LONG, MOVED, LONG, "Die Mole 20:44", f"{SAID} | Altwiker Bote", LONG]))
@example((HEADLINE, CUT, [LONG, *[f"{CUT} Mehr lesen"] * 2]))
@example((HEADLINE, TEASER, [LONG, "Applaus", LONG, *["Anzeige"] * 2, KNOWN, "Anzeige", LONG, f"Nun: {LONG}"]))
@example((HEADLINE, TEASER, [TEASER.upper(), f"Altwik (dpa) – {LONG}", TEASER]))
@example((HEADLINE, TEASER, [LONG, f"{LONG} (dpa)", f"+++ Update +++ {TEASER}"]))
def test_cleaning_a_whole_page_twice_equals_cleaning_it_once(page: tuple[str, str | None, list[str]]) -> None:
    assert_cleaned_at_once(*page)


@given(copies())
def test_no_line_comes_out_that_did_not_go_in(copy: tuple[str, str, list[str]]) -> None:
    headline, teaser, lines = copy
    article = normalize(article_of(headline, teaser, lines))
    assert all(any(line.endswith(block.text) for line in lines) for block in article.blocks)
    gone = {removal.position for removal in article.removals if removal.removed and removal.rule != "dateline"}
    assert len(gone) + len(article.blocks) == len(lines), "a line is neither in the body nor among the removals"


@given(sentences(least=5), sentences(least=10), st.lists(paragraphs(), min_size=1, max_size=6, unique=True))
def test_a_clean_article_stays_as_it_is(headline: str, teaser: str, body: list[str]) -> None:
    assume(key_of(headline) != key_of(teaser))
    article = normalize(article_of(headline, teaser, body))
    assert [block.text for block in article.blocks] == body
    assert (article.headline, article.teaser, article.removals) == (headline, teaser, ())


@given(copies(), st.integers(min_value=0, max_value=19))
@example((HEADLINE, TEASER, ["(Quelle: APA)", f"{LONG} {MOVED}", "(Quelle: APA)", f"{LONG} {MOVED}", MOVED * 2]), 0)
def test_one_more_copy_of_the_teaser_before_the_body_changes_nothing(copy: tuple[str, str, list[str]], at: int) -> None:
    headline, teaser, lines = copy
    first = next((n for n, line in enumerate(lines) if len(line) > 150 and teaser not in line), None)
    assume(first is not None)
    at %= first + 1
    plain = normalize(article_of(headline, teaser, lines))
    again = normalize(article_of(headline, teaser, [*lines[:at], teaser, *lines[at:]]))
    assert (again.headline, again.teaser, again.blocks) == (plain.headline, plain.teaser, plain.blocks)


@given(copies())
def test_an_entry_read_once_is_cleaned_again_as_if_for_the_first_time(copy: tuple[str, str, list[str]]) -> None:
    headline, teaser, lines = copy
    entry = article_of(headline, teaser, lines)
    reading = read(entry)
    first = normalize(entry, reading=reading)
    assert first == normalize(entry)
    assert line_keys(first, reading.seen) == line_keys(first)
    taught = {key: KnownLine(key=key, seen=9, articles=12) for key in line_keys(first)}
    for known in (taught, {}):
        assert normalize(entry, known=known, reading=reading) == normalize(entry, known=known)
    off = frozenset({"stub", "furniture"})
    assert normalize(entry, off=off, reading=reading) == normalize(entry, off=off)


@given(st.text(max_size=400), st.text(max_size=60), st.one_of(st.none(), st.text(max_size=80)))
def test_any_text_at_all_can_be_cleaned(content: str, headline: str, teaser: str | None) -> None:
    for kind in ("html", "text"):
        entry = Entry(
            position=0,
            guid=None,
            url=None,
            headline=headline,
            teaser=Markup(value=teaser, kind="html") if teaser is not None else None,
            content=Markup(value=content, kind="html" if kind == "html" else "text"),
        )
        article = normalize(entry)
        assert all(block.text == block.text.strip() != "" for block in article.blocks)


@pytest.mark.timeout(60)
def test_five_megabytes_of_equal_lines_take_seconds() -> None:
    line = "Der Hafenmeister von Altwik meldet am Abend ruhige See, gute Sicht und keine besonderen Vorkommnisse."
    verdict = judge([line] * 50_000, headline="Ruhige See vor Altwik", teaser=None)
    assert sum(verdict.goes(i) for i in range(50_000)) >= 49_999


@pytest.mark.timeout(60)
def test_fifty_thousand_datelines_take_seconds() -> None:
    line = "Altwik (dpa) – Der Hafenmeister meldet am Abend ruhige See, gute Sicht und keine Vorkommnisse im Hafen"
    article = normalize(article_of("Ruhige See vor Altwik", None, [f"{line} {n}." for n in range(50_000)]))
    assert (len(article.blocks), article.dateline) == (50_000, "Altwik (dpa)")
    assert not any("dpa" in block.text for block in article.blocks)


@pytest.mark.timeout(60)
def test_many_lines_with_one_opening_take_seconds() -> None:
    opening = "Der Hafenmeister von Altwik meldet am Abend"
    lines = [f"{opening} um {n} Uhr ruhige See und gute Sicht …" for n in range(20_000)]
    lines += [f"„Der Hafenmeister {n} sagt: „{opening} viel Wind und hohe Wellen vor Altwik“" for n in range(20_000)]
    lines += [f"{opening} viel Wind und hohe Wellen vor Altwik"] * 2
    verdict = judge(lines, headline="Ruhige See vor Altwik", teaser=f"{opening} um 7 Uhr ruhige See.")
    assert len(verdict.findings) == len(lines)


def test_verse_and_tables_are_never_taken_for_repeats() -> None:
    html = "<p>Das Lied:</p>" + "<pre>Ahoi, ahoi, die See ist weit,\nahoi, ahoi, wir sind bereit.</pre>" * 3
    html += "<table><tr><td>Altwik</td><td>2:1</td></tr><tr><td>Altwik</td><td>2:1</td></tr></table>"
    article = normalize(Entry(position=0, guid=None, url=None, headline="Chor", content=Markup(value=html)))
    kinds = [block.kind for block in article.blocks]
    assert kinds.count(BlockKind.VERSE) == 3
    assert kinds.count(BlockKind.TABLE_ROW) == 2


@given(copies(), st.data())
def test_where_no_rule_can_apply_the_bench_would_have_found_nothing(
    copy: tuple[str, str, list[str]], data: st.DataObject
) -> None:
    headline, teaser, lines = copy
    lines = data.draw(st.lists(st.sampled_from(lines), unique=True, max_size=6))  # few of the copies, if any
    kinds = data.draw(st.lists(st.sampled_from(BlockKind), min_size=len(lines), max_size=len(lines)))
    look = Look.at(Sight.of(lines, headline, teaser))
    if nothing_applies(look, kinds):
        verdict = sit(Bench(look, kinds, {}, {}, frozenset(), THRESHOLD))
        assert not any(verdict.findings), "a rule that the screen has not thought of"
        assert (verdict.headline, verdict.teaser, verdict.slots) == (headline, teaser, {})


def test_plain_prose_needs_no_bench_and_whatever_a_rule_knows_does() -> None:
    lines = [f"{' '.join(WORDS[n : n + 20])} {n}." for n in range(4)]
    headline, teaser = "Sturm zerstört die Mole", f"{' '.join(reversed(WORDS))}."

    def plain(*more: str, kind: BlockKind = BlockKind.PARAGRAPH) -> bool:
        look = Look.at(Sight.of([*lines, *more], headline, teaser))
        return nothing_applies(look, [BlockKind.PARAGRAPH] * len(lines) + [kind] * len(more))

    assert plain()
    assert plain("Die Werft schweigt bislang dazu.")
    assert plain(f"{teaser} {lines[0]}"), "a paragraph that begins as the teaser and goes on is none"
    assert plain(f"{headline[:14]} der Werft, und mehr weiß niemand.")
    for more in (headline, teaser, lines[0], "Teilen", teaser[:60] + "…", f"{headline} | Altwiker Bote"):
        assert not plain(more), more
    quoted = f"Sie sagte: „{lines[0][:80]}“, und ging."
    assert not plain(quoted, lines[0][:80], kind=BlockKind.QUOTE)
