"""Writes the gallery of docs/cleaning.md from the normalizer's own cases: what came in, what went, and why.

`python benchmarks/gallery.py` rewrites the page; a test checks that it is current.
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import yaml

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
    expect = case["expect"]
    rows = [f"### {case['gallery']}", case["why"], "Came in:", f"```{case['kind']}\n{case['source'].strip()}\n```"]
    if expect["removals"]:
        rows += ["| line | went by | what it said |\n|---|---|---|\n" + "\n".join(map(_row, expect["removals"]))]
    fields = [f"**{name}** {_cell(expect[name])}" for name in FIELDS if expect.get(name)]
    fields += [f"**source** {source}" for source in expect.get("sources", ())]
    rows += ["Came out:", "\n".join(f"- {field}" for field in fields)]
    rows += ["\n".join(f"1. *{kind}* {_cell(text)}" for kind, text in map(_block, expect["blocks"]))]
    return "\n\n".join(rows)


def _row(removal: str) -> str:
    head, _, line = removal.partition(": ")
    position, _, rule = head.partition(" ")
    return f"| {position} | {rule} | {_cell(line)} |"


def _block(block: str) -> tuple[str, str]:
    kind, _, text = block.partition(": ")
    return kind, text


def _cell(text: str) -> str:
    shown = html.escape(text, quote=False).replace("|", "\\|").replace("\n", "<br>").replace("*", "\\*")
    return shown if len(shown) <= 150 else f"{shown[:110]} … {shown[-30:]}"


if __name__ == "__main__":
    PAGE.write_text(current(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
