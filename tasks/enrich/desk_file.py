"""Reads the desk's YAML file of rules and entities; says of each mistake where it is and what to write instead."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from tasks.enrich.terms import Term

LARGEST: Final = 2_000_000  # bytes of a desk file
LONGEST_REGEX: Final = 500  # characters
REGEX_MEMORY: Final = 8 << 20  # bytes RE2 may use for one pattern; one that needs more is refused

Scope = Literal["headline", "teaser", "body"]
SCOPES: Final[tuple[Scope, ...]] = ("headline", "teaser", "body")
ENTITY_KINDS: Final = ("person", "organisation", "place")

_TOP_KEYS: Final = ("rules", "entities")
_RULE_KEYS: Final = ("name", "tag", "any", "all", "none", "in", "languages", "feeds", "categories")
_TAG_KEYS: Final = ("kind", "scheme", "code", "label", "confidence")
_ENTITY_KEYS: Final = ("label", "kind", "names", "scheme", "code", "confidence", "languages")


class RulesError(ValueError):
    """The desk file cannot be used; the text names the file, the rule, what is wrong and the remedy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pattern:
    """A regular expression of a rule; `search` runs in linear time (RE2)."""

    written: str
    search: Callable[[str], Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class TagSpec:
    """The tag that a rule gives."""

    kind: str
    label: str
    scheme: str | None
    code: str | None
    confidence: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One rule: all its conditions must hold. Empty lists ask nothing."""

    name: str
    tag: TagSpec
    any: tuple[Term | Pattern, ...] = ()
    all: tuple[Term | Pattern, ...] = ()
    none: tuple[Term | Pattern, ...] = ()
    scopes: tuple[Scope, ...] = SCOPES
    languages: frozenset[str] = frozenset()
    feeds: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Entity:
    """A person, organisation or place the desk knows, with every name it goes by (case matters)."""

    tag: TagSpec
    names: tuple[str, ...]
    languages: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class DeskFile:
    """What a desk file holds; `version` is a digest of its bytes."""

    rules: tuple[Rule, ...]
    entities: tuple[Entity, ...]
    version: str


@dataclass(frozen=True, slots=True)
class _At:
    """Where in the file we are, for the error text."""

    file: str
    rule: str = ""

    def error(self, problem: str, remedy: str) -> RulesError:
        where = f"{self.file}: {self.rule}: " if self.rule else f"{self.file}: "
        return RulesError(f"{where}{problem}. {remedy}.")


def read_desk_file(path: Path) -> DeskFile:
    """Read and check `path`. Raises `RulesError`, also when the file is missing or is not YAML."""
    at = _At(path.name)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise at.error(f"cannot be read ({error.strerror})", "Give the path of an existing YAML file") from error
    if len(raw) > LARGEST:
        raise at.error(f"is larger than {LARGEST} bytes", "Split the rules or drop old ones")
    try:
        content = yaml.safe_load(raw)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" at line {mark.line + 1}" if mark else ""
        raise at.error(f"is not YAML{line}", "Check indentation, colons and quotes there") from error
    if content is None:
        content = {}
    top = _mapping(content, at, _TOP_KEYS)
    rules = tuple(_rule(value, number, at) for number, value in enumerate(_sequence(top.get("rules"), "rules", at), 1))
    entities = tuple(
        _entity(value, number, at) for number, value in enumerate(_sequence(top.get("entities"), "entities", at), 1)
    )
    names = [rule.name for rule in rules]
    for name in names:
        if names.count(name) > 1:
            raise _At(path.name, f"rule {name!r}").error("is there twice", "Give each rule its own name")
    return DeskFile(rules=rules, entities=entities, version=hashlib.sha256(raw).hexdigest()[:8])


def _mapping(value: object, at: _At, keys: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise at.error(f"is {_kind(value)}, not a mapping", f"Write it with the keys {', '.join(keys)}")
    for key in value:
        if key not in keys:
            near = get_close_matches(str(key), keys, 1)
            remedy = f"Write {near[0]!r}" if near else f"Use one of {', '.join(keys)}"
            raise at.error(f"has the unknown key {str(key)!r}", remedy)
    return value


def _sequence(value: object, name: str, at: _At) -> Sequence[Any]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise at.error(f"{name!r} is {_kind(value)}, not a list", f"Write {name}: [...] or one '- ' line each")
    return value


def _kind(value: object) -> str:
    return {dict: "a mapping", list: "a list", str: "a text", bool: "yes/no", type(None): "empty"}.get(
        type(value), "a number"
    )


def _text(value: object, name: str, at: _At) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not str(value).strip():
        # YAML reads a bare NO or on as yes/no, which has bitten everyone who lists country codes.
        raise at.error(f"{name!r} is {_kind(value)}, not a text", "Put the word in quotes")
    return str(value).strip()


def _texts(value: object, name: str, at: _At) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else _sequence(value, name, at)
    return tuple([_text(item, name, at) for item in values])


def _rule(value: object, number: int, at_file: _At) -> Rule:
    at = _At(at_file.file, f"rule {number}")
    mapping = _mapping(value, at, _RULE_KEYS)
    if "name" not in mapping:
        raise at.error("has no name", "Add a 'name:' by which the tag's provenance can name it")
    name = _text(mapping["name"], "name", at)
    at = _At(at_file.file, f"rule {name!r}")
    if "tag" not in mapping:
        raise at.error("has no tag", "Add 'tag: {label: ...}'")
    scopes = _texts(mapping.get("in"), "in", at)
    for scope in scopes:
        if scope not in SCOPES:
            raise at.error(f"looks in {scope!r}", f"'in' takes {', '.join(SCOPES)}")
    rule = Rule(
        name=name,
        tag=_tag(mapping["tag"], "rule", at),
        any=_conditions(mapping.get("any"), "any", at),
        all=_conditions(mapping.get("all"), "all", at),
        none=_conditions(mapping.get("none"), "none", at),
        scopes=tuple([scope for scope in SCOPES if not scopes or scope in scopes]),
        languages=_languages(mapping.get("languages"), at),
        feeds=tuple([feed.casefold() for feed in _texts(mapping.get("feeds"), "feeds", at)]),
        categories=tuple([item.casefold() for item in _texts(mapping.get("categories"), "categories", at)]),
    )
    if not (rule.any or rule.all or rule.languages or rule.feeds or rule.categories):
        raise at.error("has no condition that can hold", "Add any, all, languages, feeds or categories")
    return rule


def _languages(value: object, at: _At) -> frozenset[str]:
    codes = _texts(value, "languages", at)
    for code in codes:
        if not re.fullmatch("[a-z]{2,3}", code):
            raise at.error(f"names the language {code!r}", "Write the code of the language alone, such as de or en")
    return frozenset(codes)


def _tag(value: object, kind: str, at: _At) -> TagSpec:
    mapping = _mapping(value, _At(at.file, f"{at.rule}, tag"), _TAG_KEYS)
    if "label" not in mapping and "code" not in mapping:
        raise at.error("gives a tag without label or code", "Add 'label:' to its tag")
    code = _text(mapping["code"], "code", at) if mapping.get("code") is not None else None
    return TagSpec(
        kind=_text(mapping.get("kind", kind), "kind", at),
        label=_text(mapping.get("label", code), "label", at),
        scheme=_text(mapping["scheme"], "scheme", at) if mapping.get("scheme") is not None else None,
        code=code,
        confidence=_confidence(mapping.get("confidence", 1.0), at),
    )


def _confidence(value: object, at: _At) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise at.error(f"has the confidence {value!r}", "Write a number above 0 and up to 1")
    return float(value)


def _conditions(value: object, name: str, at: _At) -> tuple[Term | Pattern, ...]:
    values = [value] if isinstance(value, str) else _sequence(value, name, at)
    conditions: list[Term | Pattern] = []
    for item in values:
        if isinstance(item, dict):
            conditions.append(_pattern(item, name, at))
            continue
        written = _text(item, name, at)
        term = Term.of(written)
        if term is None:
            raise at.error(f"lists {written!r} under {name!r}, which has no letter or digit", "Use {regex: ...} for it")
        conditions.append(term)
    return tuple(conditions)


def _pattern(item: object, name: str, at: _At) -> Pattern:
    import re2  # only desks that use regular expressions pay for the engine

    written = _text(_mapping(item, at, ("regex",)).get("regex"), "regex", at)
    if len(written) > LONGEST_REGEX:
        raise at.error(f"has a regex of more than {LONGEST_REGEX} characters under {name!r}", "List the words instead")
    options = re2.Options()
    options.max_mem = REGEX_MEMORY
    options.log_errors = False
    try:
        compiled = re2.compile(written, options)
    except re2.error as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise at.error(
            f"has the regex {written!r} under {name!r} that does not compile ({reason})",
            "Use RE2 syntax: no look-ahead, no look-behind, no back-references",
        ) from error
    return Pattern(written=written, search=compiled.search)


def _entity(value: object, number: int, at_file: _At) -> Entity:
    at = _At(at_file.file, f"entity {number}")
    mapping = _mapping(value, at, _ENTITY_KEYS)
    if "label" not in mapping:
        raise at.error("has no label", "Add the name that its tag shall show")
    label = _text(mapping["label"], "label", at)
    at = _At(at_file.file, f"entity {label!r}")
    kind = mapping.get("kind")
    if kind not in ENTITY_KINDS:
        raise at.error(f"has the kind {kind!r}", f"Write one of {', '.join(ENTITY_KINDS)}")
    given = {key: mapping[key] for key in ("scheme", "code", "confidence") if key in mapping}
    names = (label, *_texts(mapping.get("names"), "names", at))
    for name in names:
        if Term.of(name) is None:
            raise at.error(f"has the name {name!r} without a letter or digit", "Write the name as it stands in copy")
    return Entity(
        tag=_tag({"label": label, **given}, kind, at),
        names=tuple(dict.fromkeys(names)),
        languages=_languages(mapping.get("languages"), at),
    )
