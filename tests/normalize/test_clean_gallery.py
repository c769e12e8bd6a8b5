"""The gallery in the manual shows what the normalizer does now."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from tasks.normalize.rules import RULES

ROOT = Path(__file__).parents[2]


def test_the_gallery_is_current() -> None:
    spec = importlib.util.spec_from_file_location("gallery", ROOT / "benchmarks" / "gallery.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (ROOT / "docs" / "cleaning.md").read_text(encoding="utf-8")
    assert module.current(page) == page, "run: python benchmarks/gallery.py"
    assert page.count("\n### ") >= 10


def test_every_rule_is_in_the_manual_and_every_rule_in_the_code_is_known() -> None:
    page = (ROOT / "docs" / "cleaning.md").read_text(encoding="utf-8")
    assert [rule for rule in RULES if f"`{rule}`" not in page] == []
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tasks" / "normalize").glob("*.py"))
    named = set(re.findall(r'rule="(\w+)"', source)) | set(re.findall(r'remove\([^"]*"(\w+)"', source))
    named |= {f"{name}_{form}" for name in ("headline", "teaser") for form in re.findall(r'found\("(\w+)"', source)}
    assert named - set(RULES) - {"headline_joined", "teaser_joined"} == set()
