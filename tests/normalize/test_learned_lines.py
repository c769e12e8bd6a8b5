"""What a source's articles have in common is learned from new articles, and an operator has the last word."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from storage import source_lines
from storage.models import SourceLines
from storage.records import BlockKind, CleanArticle, Entry, KnownLine, KnownLines, Markup
from tasks.lines import known_lines
from tasks.normalize import key_of, line_keys, normalize

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AD = "Die Altwiker Morgenpost gibt es auch als Hörausgabe"
PHONE = "Telefon der Redaktion: 0461 20 30 {n}"
CAVEAT = "Die Angaben beider Seiten ließen sich zunächst nicht unabhängig überprüfen, weil das Gebiet gesperrt ist."


def piece(n: int, known: dict[str, KnownLine] | None = None) -> CleanArticle:
    body = [
        AD,
        f"Der Hafenmeister von Altwik hat am Tag {n} die {n}. Sperrung der Mole angeordnet, weil das Holz nachgibt.",
        f"Hintergrund {n}",
        f"Im Rat stimmten {n + 9} Mitglieder dafür, und die Fähre legt für {n} Wochen an einem anderen Kai an. " * 3,
        f"Zum Schluss sagte die Bürgermeisterin Satz Nummer {n}, den sich niemand im Saal aufgeschrieben hat. " * 3,
        PHONE.format(n=n),
    ]
    html = "".join(f"<p>{line}</p>" for line in body)
    entry = Entry(position=0, guid=str(n), url=None, headline=f"Sperrung Nummer {n}", content=Markup(value=html))
    return normalize(entry, known=known or {})


def learned(make: Callable[[int, dict[str, KnownLine]], CleanArticle], articles: int) -> SourceLines:
    """A source's row after so many articles, each cleaned with what the earlier ones taught."""
    row = SourceLines(feed_id=1)
    row.articles, row.lines, row.rulings = 0, {}, {}
    for n in range(articles):
        source_lines.count(row, [line_keys(make(n, known_lines(row)))], NOW + timedelta(hours=n))
    return row


def test_a_line_of_every_article_goes_from_the_third_on_whatever_its_number() -> None:
    known = known_lines(learned(piece, 12))
    article = piece(99, known)
    assert [gone.line for gone in article.removals if gone.rule == "learned"] == [AD, PHONE.format(n=99)]
    assert known[key_of(AD)].seen == known[key_of(AD)].articles == 12, "what is removed goes on counting"
    assert len(article.blocks) == 4


def report(n: int, known: dict[str, KnownLine]) -> CleanArticle:
    lines = [
        f"Altwik: heiter bis wolkig, {n} bis {n + 6} Grad.",
        "Wind: schwach aus West.",
        f"Regenrisiko: {n * 10} Prozent.",
        f"Im Tagesverlauf steigen die Werte auf {n + 6} Grad, in der Nacht fallen sie auf {n - 2} Grad am Hafen.",
    ]
    html = "".join(f"<p>{line}</p>" for line in lines)
    entry = Entry(position=0, guid=str(n), url=None, headline=f"Wetter am Tag {n}", content=Markup(value=html))
    return normalize(entry, known=known)


def test_reports_that_differ_by_their_numbers_are_never_learned_away() -> None:
    article = report(9, known_lines(learned(report, 8)))
    assert "Regenrisiko: 90 Prozent." in article.text
    assert "auf 15 Grad" in article.text


def test_a_pinned_line_always_goes_and_a_forbidden_one_never() -> None:
    row = learned(piece, 12)
    source_lines.rule(row, key_of(AD), KnownLines.FORBIDDEN, AD)
    source_lines.rule(row, key_of("Hintergrund 7"), KnownLines.PINNED, "Hintergrund 7")
    article = piece(99, known_lines(row))
    assert AD in article.text
    assert "Hintergrund 99" not in article.text
    source_lines.rule(row, key_of(AD), KnownLines.LEARNED, AD)
    assert AD not in piece(99, known_lines(row)).text


def test_a_sentence_that_a_desk_says_now_and_then_stays() -> None:
    known = {key_of(CAVEAT): KnownLine(key=key_of(CAVEAT), seen=8, articles=40)}
    text = f"<p>{piece(1).blocks[1].text}</p><p>{CAVEAT}</p><p>{piece(2).blocks[3].text}</p>"
    article = normalize(
        Entry(position=0, guid=None, url=None, headline="Lage", content=Markup(value=text)), known=known
    )
    assert CAVEAT in article.text


def test_copies_verse_and_tables_teach_nothing() -> None:
    html = (
        "<p>Sperrung Nummer 1</p><pre>Hol an, hol an,\ndie Flut geht mit</pre><table><tr><td>Altwik</td></tr></table>"
    )
    entry = Entry(position=0, guid=None, url=None, headline="Sperrung Nummer 1", content=Markup(value=html))
    article = normalize(entry)
    assert {block.kind for block in article.blocks} == {BlockKind.VERSE, BlockKind.TABLE_ROW}
    assert line_keys(article) == {}


def cleaned_with(lines: list[str], common: list[str]) -> CleanArticle:
    """An article of a source of which nine in twelve others hold the common lines."""
    known = {key: KnownLine(key=key, seen=9, articles=12) for key in map(key_of, common)}
    html = "".join(f"<p>{line}</p>" for line in lines)
    return normalize(Entry(position=0, guid="1", url=None, headline="Altwik", content=Markup(value=html)), known=known)


BODY = ["Der Hafenmeister von Altwik hat die Sperrung der Mole angeordnet, weil das Holz an drei Stellen nachgibt."] * 2
BODY[1] = "Im Rat stimmten alle Mitglieder dafür, und die Fähre legt bis auf Weiteres an einem anderen Kai an."


def test_a_whole_page_loses_the_new_entries_of_its_lists_too() -> None:
    menu = [f"Ressort {name}" for name in ("Hafen", "Stadt", "Land", "Sport", "Kultur", "Wetter", "Reise", "Leute")]
    foot = [
        "Mehr aus Altwik",
        "Aus dem Archiv der Zeitung",
        "Werben in der Morgenpost",
        "Über die Zeitung",
        "Nach oben",
    ]
    new = ["Onken gewinnt das Rennen der Kutter", "Chor sucht Stimmen", "Lotsen feiern 100 Jahre"]
    page = [*menu, *BODY, foot[0], *new, *foot[1:]]
    article = cleaned_with(page, [*menu, *foot])
    assert [block.text for block in article.blocks] == [*BODY, "Lotsen feiern 100 Jahre"], "a number is news"
    between = [gone for gone in article.removals if gone.line in new]
    assert {gone.reason for gone in between} == {"stands between lines of the source, outside the body"}


def test_names_between_the_headings_that_every_report_has_stay() -> None:
    headings = ["So spielte Altwik", "So spielte Lowmouth", "Die Bilder des Spiels"]
    report = [*BODY, headings[0], "Harms, Onken, Lang, Ode", headings[1], "Miller, Shaw, Penn, Oak", headings[2]]
    kept = [block.text for block in cleaned_with(report, headings).blocks]
    assert "Harms, Onken, Lang, Ode" in kept
    assert "Miller, Shaw, Penn, Oak" in kept


def test_a_line_that_a_source_stopped_printing_is_forgotten_in_time() -> None:
    row = SourceLines(feed_id=1)
    row.articles, row.lines, row.rulings = 0, {}, {}
    source_lines.count(row, [{"old": "Jetzt zur Fastenzeit", "new": "Newsletter"}] * 5, NOW)
    later = NOW + timedelta(days=source_lines.FORGET_DAYS + 1)
    source_lines.count(row, [{"new": "Newsletter"}], later)
    assert set(row.lines) == {"new"}
    assert row.lines["new"][0] == 6


def test_old_counts_lose_their_weight_and_what_an_operator_said_stays() -> None:
    row = SourceLines(feed_id=1)
    row.articles, row.lines, row.rulings = 0, {}, {}
    source_lines.rule(row, "kept", KnownLines.FORBIDDEN, "Der Satz bleibt")
    source_lines.count(row, [{"old": "Jetzt zur Fastenzeit"}] * 40, NOW)
    source_lines.count(row, [{"new": "Newsletter"}] * (source_lines.HALVE_AT - 40), NOW + timedelta(days=1))
    assert row.articles == source_lines.HALVE_AT // 2
    assert (row.lines["old"][0], row.lines["new"][0]) == (20, (source_lines.HALVE_AT - 40) // 2)
    assert row.rulings["kept"] == ["forbidden", "Der Satz bleibt"]


def test_a_line_is_kept_as_its_key_alone_until_it_comes_again() -> None:
    row = SourceLines(feed_id=1)
    row.articles, row.lines, row.rulings = 0, {}, {}
    source_lines.count(row, [{"a": "Ein Satz", "b": "Noch einer"}], NOW)
    assert row.lines == {}
    assert source_lines.seen(row, ["a", "b", "c"]) == {"a": 1, "b": 1, "c": 0}
    assert known_lines(row) == {}
    assert known_lines(row, {"a": 1}, 1)["a"].seen == 2, "the other articles of the document count, too"
    source_lines.count(row, [{"a": "Ein Satz"}], NOW + timedelta(days=1))
    assert [value[0] for value in row.lines.values()] == [2]
    assert row.lines["a"][2] == "Ein Satz"
    assert source_lines.seen(row, ["b"]) == {"b": 1}
    source_lines.count(row, [{"c": "Ganz neu"}], NOW + timedelta(days=source_lines.FORGET_DAYS + 1))
    assert source_lines.seen(row, ["a", "b", "c"]) == {"a": 2, "b": 0, "c": 1}


def test_a_source_keeps_the_lines_that_come_most_often_and_of_the_others_the_newest() -> None:
    row = SourceLines(feed_id=1)
    row.articles, row.lines, row.rulings = 0, {}, {}
    source_lines.count(row, [{"often": "Newsletter", "old": "Alt"}, {"often": "Newsletter"}], NOW)
    much = {f"line-{number}": "" for number in range(source_lines.MOST - 1)}
    source_lines.count(row, [much], NOW + timedelta(days=1))
    assert source_lines.seen(row, ["often", "old", "line-0", *much])["old"] == 0
    assert sum(source_lines.seen(row, ["often", *much]).values()) == 2 + len(much)
