"""The desk's own rules and known entities, run over one article."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from storage.records import Tag
from tasks.enrich.desk_file import SCOPES, DeskFile, Entity, Pattern, Rule, Scope, TagSpec, read_desk_file
from tasks.enrich.reading import EnrichInput
from tasks.enrich.terms import Term, TermIndex

MOST_EVIDENCE: Final = 6


@dataclass(frozen=True, slots=True)
class _Found:
    """What of all listed terms stands in each part of one article, and the parts themselves for the patterns."""

    terms: dict[Scope, set[Term]]
    texts: dict[Scope, str]

    def has(self, condition: Term | Pattern, scopes: tuple[Scope, ...]) -> str | None:
        """The words that fulfil the condition, or None."""
        if isinstance(condition, Term):
            return condition.written if any(condition in self.terms[scope] for scope in scopes) else None
        for scope in scopes:
            if match := condition.search(self.texts[scope]):
                return str(match.group())[:80] or condition.written
        return None


class Desk:
    """A desk file made ready: `tag_rules` and `tag_entities` are enrichers."""

    def __init__(self, file: DeskFile) -> None:
        self.version: Final = file.version
        self.rules: Final = file.rules
        self.entities: Final = file.entities
        self._rule_terms = TermIndex(
            [term for rule in file.rules for term in (*rule.any, *rule.all, *rule.none) if isinstance(term, Term)]
        )
        named = [(_exact(name), entity, name) for entity in file.entities for name in entity.names]
        self._entity_terms = TermIndex([term for term, _, _ in named])
        self._named: dict[Term, list[tuple[Entity, str]]] = {}
        for term, entity, name in named:
            self._named.setdefault(term, []).append((entity, name))

    def tag_rules(self, article: EnrichInput) -> Iterator[Tag]:
        """Yield the tag of each rule that holds, in the file's order; the rule's name is the first evidence."""
        texts: dict[Scope, str] = {
            "headline": article.headline,
            "teaser": article.teaser or "",
            "body": article.body,
        }
        found = _Found({scope: self._rule_terms.find(texts[scope]) for scope in SCOPES}, texts)
        for rule in self.rules:
            evidence = _evidence(rule, article, found)
            if evidence is not None:
                yield _tag(rule.tag, (f"rule: {rule.name}", *evidence[:MOST_EVIDENCE]))

    def tag_entities(self, article: EnrichInput) -> Iterator[Tag]:
        """Yield a tag for each entity of the file one of whose names stands in the article, as written there."""
        text = f"{article.headline}\n{article.whole}"
        seen: dict[int, list[str]] = {}
        by_id: dict[int, Entity] = {}
        for term in self._entity_terms.find(text):
            for entity, name in self._named[term]:
                if name in text and (not entity.languages or article.language in entity.languages):
                    seen.setdefault(id(entity), []).append(name)
                    by_id[id(entity)] = entity
        for entity in self.entities:
            if names := seen.get(id(entity)):
                yield _tag(entity.tag, tuple(sorted(set(names), key=lambda name: (-len(name), name))[:MOST_EVIDENCE]))


def load_desk(path: Path) -> Desk:
    """Read the desk file at `path`. Raises `RulesError` naming file, rule and remedy."""
    return Desk(read_desk_file(path))


def _exact(name: str) -> Term:
    term = Term.of(name)
    if term is None:  # the file was checked; a Desk made by hand may still try
        raise ValueError(f"{name!r} has no letter or digit")
    return term


def _evidence(rule: Rule, article: EnrichInput, found: _Found) -> tuple[str, ...] | None:
    """The words that made the rule hold, or None when it does not."""
    if rule.languages and article.language not in rule.languages:
        return None
    if rule.feeds and not _feed_fits(article, rule):
        return None
    evidence: list[str] = []
    if rule.categories:
        named = [category.term for category in article.categories if _category_fits(category.term, rule)]
        named += [
            category.label for category in article.categories if category.label and _category_fits(category.label, rule)
        ]
        if not named:
            return None
        evidence += dict.fromkeys(named)
    for condition in rule.all:
        words = found.has(condition, rule.scopes)
        if words is None:
            return None
        evidence.append(words)
    if rule.any:
        matched = [words for condition in rule.any if (words := found.has(condition, rule.scopes)) is not None]
        if not matched:
            return None
        evidence += matched
    if any(found.has(condition, rule.scopes) is not None for condition in rule.none):
        return None
    return tuple(dict.fromkeys(evidence))


def _feed_fits(article: EnrichInput, rule: Rule) -> bool:
    known_as = [name.casefold() for name in (article.feed, *article.feed_names) if name]
    return any(fnmatchcase(name, wanted) for name in known_as for wanted in rule.feeds)


def _category_fits(name: str, rule: Rule) -> bool:
    folded = name.casefold()
    return any(fnmatchcase(folded, wanted) for wanted in rule.categories)


def _tag(spec: TagSpec, evidence: tuple[str, ...]) -> Tag:
    return Tag(
        kind=spec.kind,
        label=spec.label,
        scheme=spec.scheme,
        code=spec.code,
        confidence=spec.confidence,
        evidence=evidence,
    )
