"""Does a new schema still hold what a published one promised? Whatever is valid now must have been valid then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]
# Bounds may only become tighter.
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems")


def breaks(published: Schema, new: Schema) -> list[str]:
    """Every way in which `new` breaks a reader of `published`, as `path: what`; empty when it breaks none."""
    return _breaks(_Side(published), published, _Side(new), new, "data")


class _Side:
    """One of the two schemas, to look references up in."""

    def __init__(self, root: Schema) -> None:
        self.definitions: Mapping[str, Schema] = root.get("$defs", {})

    def alternatives(self, schema: Schema) -> list[Schema]:
        """The schema without references and unions: each of its alternatives."""
        if reference := schema.get("$ref"):
            return self.alternatives(self.definitions[reference.removeprefix("#/$defs/")])
        if union := schema.get("anyOf"):
            return [found for member in union for found in self.alternatives(member)]
        return [schema]


def _breaks(then: _Side, published: Schema, now: _Side, new: Schema, path: str) -> list[str]:
    before, after = then.alternatives(published), now.alternatives(new)
    if len(before) == len(after) == 1:
        return _plain(then, before[0], now, after[0], path)
    found: list[str] = []
    for alternative in after:
        # A named model stands for itself: that a poorer one would take it too does not help who reads the richer one.
        namesakes = [old for old in before if "title" in old and old["title"] == alternative.get("title")]
        faults = [_plain(then, old, now, alternative, path) for old in namesakes or before]
        if all(faults):
            kinds = sorted({_kind(old) for old in before})
            found += faults[0] if namesakes else [f"{path}: may now be {_kind(alternative)}, was {kinds}"]
    return found


def _kind(schema: Schema) -> str:
    return str(schema.get("title") or schema.get("type", "any"))


def _plain(then: _Side, old: Schema, now: _Side, new: Schema, path: str) -> list[str]:
    kind = old.get("type")
    if kind is not None and new.get("type") != kind and (kind, new.get("type")) != ("number", "integer"):
        return [f"{path}: was {kind}, is {new.get('type', 'any')}"]
    return [
        *_values(old, new, path),
        *_object(then, old, now, new, path),
        *(_breaks(then, old["items"], now, new.get("items", {}), f"{path}[]") if "items" in old else ()),
    ]


def _values(old: Schema, new: Schema, path: str) -> list[str]:
    """Constants, enumerations, formats and bounds."""
    found = []
    allowed = [old["const"]] if "const" in old else old.get("enum")
    if allowed is not None:
        possible = [new["const"]] if "const" in new else new.get("enum")
        if possible is None or not set(possible) <= set(allowed):
            found.append(f"{path}: was one of {allowed}, is {possible or 'anything'}")
    if "format" in old and new.get("format") != old["format"]:
        found.append(f"{path}: its format was {old['format']}, is {new.get('format')}")
    found += [
        f"{path}: its {bound} was {old[bound]}, is {new.get(bound)}"
        for bound in (*_UPPER, *_LOWER)
        if bound in old
        and (bound not in new or (new[bound] > old[bound] if bound in _UPPER else new[bound] < old[bound]))
    ]
    return found


def _object(then: _Side, old: Schema, now: _Side, new: Schema, path: str) -> list[str]:
    found = []
    fields = new.get("properties", {})
    for name, schema in old.get("properties", {}).items():
        if name not in fields:
            found.append(f"{path}.{name}: is gone")
        else:
            found += _breaks(then, schema, now, fields[name], f"{path}.{name}")
    optional = set(old.get("required", ())) - set(new.get("required", ())) - (old.get("properties", {}).keys() - fields)
    found += [f"{path}.{name}: was always there, need not be" for name in sorted(optional)]
    if isinstance(old.get("additionalProperties"), Mapping):
        values = new.get("additionalProperties", {})
        found += _breaks(then, old["additionalProperties"], now, values, f"{path}.*")
    return found
