"""Every setting is documented, with its default and meaning as the code has them."""

from __future__ import annotations

import re
from pathlib import Path

from workers.settings import Settings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


def rows() -> list[str]:
    """The table's rows as they should be."""
    found = []
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = "" if default is None or default == () else f"`{default}`"
        found.append(f"| `WIREROOM_{name.upper()}` | {shown} | {field.description} |")
    return found


def test_the_page_lists_each_setting_as_it_is() -> None:
    listed = [line for line in PAGE.read_text().splitlines() if line.startswith("| `WIREROOM_")]
    assert listed == rows()


def test_no_setting_is_named_that_is_not_there() -> None:
    known = {f"WIREROOM_{name.upper()}" for name in Settings.model_fields}
    root = PAGE.parents[1]
    pages = [*root.glob("docs/*.md"), root / "README.md"]
    named = {word for page in pages for word in re.findall(r"WIREROOM_[A-Z_]+[A-Z]", page.read_text())}
    assert named - known == set()
