"""Writes the gallery of docs/cleaning.md from the normalizer's own cases: what came in, what went, and why.

`python benchmarks/gallery.py` rewrites the page; a test checks that it is current.
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import yaml

from storage.records import CleanArticle, Entry, KnownLine, Markup, Removal
from tasks.normalize import clean_copy, key_of, normalize

ROOT = Path(__file__).parents[1]
CASES = ROOT / "tests" / "normalize" / "cases"
PAGE = ROOT / "docs" / "cleaning.md"
BEGIN, END = "<!-- gallery: begin -->", "<!-- gallery: end -->"
FIELDS = ("headline", "teaser", "byline", "dateline", "credit", "correction", "embargo")


def gallery() -> str:
    """Return the gallery as Markdown."""
    cases = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(CASES.glob("*.yaml"))]
    return "\n\n".join(_exhibit(case) for case in cases if "gallery" in case)


def current(page: str) -> str:
    """Return the page with the gallery as it is now."""
    head, rest = page.split(BEGIN)
    return f"{head}{BEGIN}\n{gallery()}\n{END}{rest.split(END)[1]}"


def _exhibit(case: dict[str, Any]) -> str:
    article = clean_case(case)
    rows = [f"### {case['gallery']}", case["why"], "Came in:", f"```{case['kind']}\n{case['source'].strip()}\n```"]
    if article.removals:
        rows.append("| line | what it said | why it went |\n|---|---|---|\n" + "\n".join(map(_row, article.removals)))
    fields = [f"- **{name}** {_cell(value)}" for name in FIELDS if (value := getattr(article, name))]
    fields += [f"- **source** {note.name}, block {note.block + 1}" for note in article.sources]
    rows += ["Came out:", "\n".join(fields)]
    rows.append("\n".join(f"1. *{block.kind.value}* {_cell(block.text)}" for block in article.blocks))
    return "\n\n".join(rows)


def clean_case(case: dict[str, Any]) -> CleanArticle:
    """Clean a case as its file has it; lines it names as known stand in nine of twelve other articles."""
    keys = [key_of(line) for line in case.get("known", [])]
    known = {key: KnownLine(key=key, seen=9, articles=12) for key in keys}
    if "headline" not in case:
        return clean_copy(case["source"], known=known)
    teaser = Markup(value=case["teaser"], kind="text") if "teaser" in case else None
    content = Markup(value=case["source"], kind=case["kind"])
    entry = Entry(position=0, guid=None, url=None, headline=case["headline"], teaser=teaser, content=content)
    return normalize(entry, known=known)


def _row(gone: Removal) -> str:
    marked = "" if gone.removed else " (only marked: it stays)"
    return f"| {gone.position} | {_cell(gone.line)} | `{gone.rule}` {gone.reason}{marked} |"


def _cell(text: str) -> str:
    shown = html.escape(text, quote=False).replace("|", "\\|").replace("\n", "<br>").replace("*", "\\*")
    return shown if len(shown) <= 150 else f"{shown[:110]} … {shown[-30:]}"


if __name__ == "__main__":
    PAGE.write_text(current(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
