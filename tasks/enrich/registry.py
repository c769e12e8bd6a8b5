"""The enrichers that are installed, run over one article; what one of them does wrong stays with it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from itertools import islice
from pathlib import Path
from typing import Final

from storage.frozen import record
from storage.records import Tag
from tasks.enrich import language
from tasks.enrich.language import SAMPLE_WORDS, UNKNOWN, detect_in_words
from tasks.enrich.reading import EnrichInput
from tasks.enrich.rules import Desk, load_desk

VERSION: Final = 2  # of what is built around the enrichers; raise it when tags change though no enricher's version did
GROUP: Final = "wireroom.enrichers"
ENOUGH_WORDS: Final = 60  # of body, from which headline and teaser are not asked for the language
AT_MOST: Final = 200  # tags one enricher may give one article

Function = Callable[[EnrichInput], Iterable[Tag]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Enricher:
    """A named, versioned function from an article to tags."""

    name: str
    version: str
    function: Function


@dataclass(frozen=True, kw_only=True, slots=True)
class EnricherError:
    """An enricher that could not be loaded, or that failed on an article: which one, and what it said."""

    enricher: str
    error: str


@record(frozen=True, kw_only=True, slots=True)
class Tagging:
    """All tags of one article, in the order of the enrichers, and what went wrong.

    `version` changes whenever an enricher, its version or the rules file does, so that a backfill is a query.
    """

    tags: tuple[Tag, ...]
    language: str
    language_confidence: float
    version: str
    errors: tuple[EnricherError, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Enrichers:
    """The enrichers of this process, in the order in which they run. `broken` are those that did not load."""

    enrichers: tuple[Enricher, ...]
    broken: tuple[EnricherError, ...] = ()

    @classmethod
    def load(cls, rules_file: Path | None = None) -> Enrichers:
        """Read the rules and take every entry point of the group `wireroom.enrichers`, by name.

        Raises `RulesError` when the file cannot be used. An entry point that does not import is kept in `broken`.
        """
        enrichers: list[Enricher] = []
        broken: list[EnricherError] = []
        for point in sorted(entry_points(group=GROUP), key=lambda point: (not _is_ours(point), point.name)):
            try:
                enrichers.append(_enricher_at(point))
            except Exception as error:  # noqa: BLE001 - a stranger's module may fail in any way; the others still run
                broken.append(EnricherError(enricher=point.name, error=f"{type(error).__name__}: {error}"))
        if rules_file is not None:
            enrichers += _of_desk(load_desk(rules_file))
        return cls(enrichers=tuple(enrichers), broken=tuple(broken))

    @cached_property
    def versions(self) -> dict[str, str]:
        """Name of each enricher and its version."""
        return {enricher.name: enricher.version for enricher in self.enrichers}

    @cached_property
    def version(self) -> str:
        """The frame's version and a digest of every enricher's, such as `1-5be01c7f`."""
        listed = "\n".join(f"{name}={version}" for name, version in sorted(self.versions.items()))
        return f"{VERSION}-{hashlib.sha256(listed.encode()).hexdigest()[:8]}"

    def with_language(self, article: EnrichInput) -> EnrichInput:
        """The article with its language detected, as every enricher gets it."""
        return article.in_language(*_language_of(article))

    def tag(self, article: EnrichInput) -> Tagging:
        """Detect the language, then run every enricher; one that raises loses its own tags only and is reported."""
        known = self.with_language(article)
        tags: list[Tag] = []
        errors = list(self.broken)
        for enricher in self.enrichers:
            try:
                tags += _checked(enricher, enricher.function(known))
            except Exception as error:  # noqa: BLE001 - see above; the error is reported, not swallowed
                errors.append(EnricherError(enricher=enricher.name, error=f"{type(error).__name__}: {error}"))
        return Tagging(
            tags=tuple(tags),
            language=known.language,
            language_confidence=known.language_confidence,
            version=self.version,
            errors=tuple(errors),
        )


def tag_language(article: EnrichInput) -> Iterator[Tag]:
    """Yield the language as a tag, when it is known; the feed's own word for it is the evidence beside the text."""
    if article.language != UNKNOWN:
        evidence = (f"feed: {article.feed_language}",) if article.feed_language else ()
        code, sure = article.language, article.language_confidence
        yield Tag("language", code, "bcp47", code, sure, "language", language.VERSION, evidence)


def _language_of(article: EnrichInput) -> tuple[str, float]:
    words, _, body = article.tokens
    start = body if len(words) - body >= ENOUGH_WORDS else 0
    return detect_in_words(words[start : start + SAMPLE_WORDS], article.feed_language)


def _is_ours(point: EntryPoint) -> bool:
    return point.value.startswith("tasks.enrich.")


def _enricher_at(point: EntryPoint) -> Enricher:
    function = point.load()
    if not callable(function):
        raise TypeError(f"{point.value} is not a function")
    module_version = getattr(__import__(function.__module__, fromlist=["VERSION"]), "VERSION", None)
    version = (
        getattr(function, "version", None)
        or (language.VERSION if function is tag_language else module_version)
        or (point.dist.version if point.dist else "0")
    )
    return Enricher(name=point.name, version=str(version), function=function)


def _of_desk(desk: Desk) -> Sequence[Enricher]:
    named = (("desk-rules", desk.tag_rules, desk.rules), ("desk-entities", desk.tag_entities, desk.entities))
    return [Enricher(name=name, version=desk.version, function=function) for name, function, used in named if used]


def _checked(enricher: Enricher, tags: Iterable[Tag]) -> list[Tag]:
    name, version = enricher.name, enricher.version
    checked = []
    for tag in islice(tags, AT_MOST):
        if not isinstance(tag, Tag):
            raise TypeError(f"gave {type(tag).__name__} instead of a Tag")
        if not 0.0 <= tag.confidence <= 1.0:
            raise ValueError(f"confidence {tag.confidence} of {tag.label!r} is not between 0 and 1")
        if tag.enricher != name or tag.version != version:
            tag = replace(tag, enricher=name, version=version)
        checked.append(tag)
    return checked
