"""The sample wire's stories: read from the YAML files beside this module, each with the moment it appears or changes.

Times are seconds after the wire's start. Paragraphs are counted from 1 and without sub-headlines, as an editor counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml

# The order they are shown in, and the order of the files' mutual references: a copy stands behind its original.
FILES = ("pegelblatt", "harbour_ledger", "vierwind")
SOURCE_NOTE = re.compile(r" \([a-z.-]+\.example\)")

Kind = Literal["paragraph", "head", "quote", "list"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One part of a body; only a list has more than one line."""

    kind: Kind
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of it in one line."""
        return " ".join(self.lines)


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """A later version: which paragraphs are other ones from `after` on, and the note that says so."""

    after: float
    paragraphs: Mapping[int, str]
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """One piece: when it appears in its feed, and when it says it was published and updated."""

    slug: str
    headline: str
    teaser: str
    section: str
    body: tuple[Part, ...]
    appears: float
    published: float
    updated: float
    author: str | None = None
    place: str | None = None
    edit: Edit | None = None

    def at(self, seconds: float) -> Story:
        """The version that stands in the feed at that moment."""
        if self.edit is None or seconds < self.edit.after:
            return self
        note = Part(kind="paragraph", lines=(self.edit.note,))
        body = (*_with_paragraphs(self.body, self.edit.paragraphs), note)
        return replace(self, body=body, updated=self.edit.after)


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleFeed:
    """One feed of the wire; `shape` is how its system writes it."""

    name: str
    title: str
    publisher: str
    site: str
    language: str
    shape: Literal["rss-html", "atom-html", "rss-text"]
    stories: tuple[Story, ...]

    @property
    def moments(self) -> tuple[float, ...]:
        """When the document changes, the start included."""
        edits = (story.edit.after for story in self.stories if story.edit is not None)
        return tuple(sorted({0.0, *(story.appears for story in self.stories), *edits}))

    def at(self, seconds: float) -> tuple[Story, ...]:
        """The stories that stand in the feed at that moment, the newest first."""
        there = [story.at(seconds) for story in self.stories if story.appears <= seconds]
        return tuple(sorted(there, key=lambda story: -story.published))


@cache
def sample_feeds() -> tuple[SampleFeed, ...]:
    """Every feed of the sample wire."""
    known: dict[str, Story] = {}
    feeds = []
    for name in FILES:
        said = yaml.safe_load(files(__package__).joinpath(f"{name}.yaml").read_text(encoding="utf-8"))
        stories = []
        for told in said.pop("stories"):
            story = _copy(told, known[told["copy_of"]]) if "copy_of" in told else _story(told)
            known[story.slug] = story
            stories.append(story)
        feeds.append(SampleFeed(name=name, stories=tuple(stories), **said))
    return tuple(feeds)


def _story(told: Mapping[str, Any]) -> Story:
    edit = told.get("edit")
    return Story(
        body=tuple(_part(part) for part in told["body"]),
        edit=edit and Edit(after=edit["after_seconds"], paragraphs=edit["paragraphs"], note=edit["note"]),
        **_frame(told),
    )


def _copy(told: Mapping[str, Any], original: Story) -> Story:
    """What an agency makes of a paper's text: no sub-headlines, no source notes, some paragraphs left out."""
    paragraphs = [part for part in original.body if part.kind == "paragraph"]
    kept = [part for number, part in enumerate(paragraphs, 1) if number not in told["leaves_out"]]
    body = tuple(replace(part, lines=(SOURCE_NOTE.sub("", part.text),)) for part in kept)
    return Story(body=body, **_frame(told))


def _frame(told: Mapping[str, Any]) -> dict[str, Any]:
    """What stands around a body; a story is out at the start unless it says after how many seconds it appears."""
    appears = float(told.get("after_seconds", 0))
    published = appears - 60.0 * told.get("minutes_ago", 0)
    return {
        **{name: told[name] for name in ("slug", "headline", "teaser", "section")},
        **{name: told.get(name) for name in ("author", "place")},
        "appears": appears,
        "published": published,
        "updated": published,
    }


def _part(told: str | Mapping[str, Any]) -> Part:
    if isinstance(told, str):
        return Part(kind="paragraph", lines=(told,))
    kind: Kind
    ((kind, text),) = told.items()  # type: ignore[assignment]  # the file is ours, and a test reads all of it
    return Part(kind=kind, lines=tuple(text) if kind == "list" else (text,))


def _with_paragraphs(body: tuple[Part, ...], changed: Mapping[int, str]) -> list[Part]:
    number, parts = 0, []
    for part in body:
        number += part.kind == "paragraph"
        told = changed.get(number) if part.kind == "paragraph" else None
        parts.append(replace(part, lines=(told,)) if told is not None else part)
    return parts
