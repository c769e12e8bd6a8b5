"""What docs/tagging.md shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from storage.records import Block, BlockKind
from tasks.enrich import EnrichInput
from tasks.enrich.lexicon import topics

TEXT = (Path(__file__).parents[2] / "docs" / "tagging.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", TEXT, re.DOTALL)
PYTHON = [text for language, text in BLOCKS if language == "python"]
SHOWN = [text for language, text in BLOCKS if language == "text"]
YAML = [text for language, text in BLOCKS if language == "yaml"]


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


@pytest.mark.parametrize("number", range(len(SHOWN)))
def test_an_example_prints_what_stands_below_it(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("desk.yaml").write_text(YAML[0], encoding="utf-8")
    exec(compile(PYTHON[number], "docs/tagging.md", "exec"), {"__name__": "docs"})
    assert lines(capsys.readouterr().out) == lines(SHOWN[number])


def test_the_example_of_an_own_enricher_works() -> None:
    module: dict[str, object] = {"__name__": "docs"}
    exec(compile(PYTHON[len(SHOWN)], "docs/tagging.md", "exec"), module)
    long_read = EnrichInput(headline="x", blocks=(Block(kind=BlockKind.PARAGRAPH, text="word " * 900),))
    tags = list(module["tag_length"](long_read))  # type: ignore[operator]
    assert [tag.label for tag in tags] == ["long read"]


def test_the_desk_file_shown_is_valid_yaml() -> None:
    assert {"rules", "entities"} == set(yaml.safe_load(YAML[0]))


def test_every_topic_is_listed_with_both_names() -> None:
    assert len(topics()) == 17
    for topic in topics():
        assert f"| `medtop:{topic.code}` | {topic.names['en']} | {topic.names['de']} |" in TEXT
