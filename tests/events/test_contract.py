"""The published contract: current, kept by what is really built, and never broken."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from event_samples import every_event, long
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import validator_for

from tasks.events import FULL, REFERENCE
from tasks.events.compatibility import breaks
from tasks.events.contracts import EVENTS
from tasks.events.schemas import data_schema, documents, envelope_schema

DOCS = Path(__file__).parents[2] / "docs"


def published(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((DOCS / "schemas" / f"{name}.json").read_text(encoding="utf-8"))
    return read


def test_the_committed_documents_are_what_the_types_say() -> None:
    generated = documents(version("wireroom"))
    assert {path: (DOCS / path).read_text(encoding="utf-8") for path in generated} == generated
    assert {path.name for path in (DOCS / "schemas").iterdir()} == {
        path.removeprefix("schemas/") for path in generated if path.startswith("schemas/")
    }


def test_what_is_built_is_valid_by_the_committed_schemas() -> None:
    for detail in (FULL, REFERENCE):
        for event in [*every_event(detail=detail), *every_event(long(80), detail)]:
            ce = json.loads(event.body)
            Draft202012Validator(published("envelope.v1")).validate(ce)
            name = ce["dataschema"].removeprefix("urn:wireroom:schema:").replace(":v", ".v")
            schema = published(name)
            assert schema["$id"] == ce["dataschema"]
            Draft202012Validator(schema).validate(ce["data"])


def test_the_committed_schemas_would_notice_a_wrong_event() -> None:
    ce = json.loads(every_event()[0].body)
    for damage in ({"cause": "weather"}, {"backfill": None}, {"article": {"id": "x"}}):
        with pytest.raises(ValidationError):
            Draft202012Validator(published("article.created.v1")).validate(ce["data"] | damage)
    Draft202012Validator(published("article.created.v1")).validate(ce["data"] | {"field_to_come": 1})


def test_every_schema_is_a_schema() -> None:
    for name, number in EVENTS:
        schema = published(f"{name}.v{number}")
        validator_for(schema).check_schema(schema)
    validator_for(envelope_schema()).check_schema(envelope_schema())


def test_the_asyncapi_document_has_every_event_and_no_loose_end() -> None:
    document = yaml.safe_load((DOCS / "asyncapi.yaml").read_text(encoding="utf-8"))
    names = {message["name"] for message in document["components"]["messages"].values()}
    assert names == {f"wireroom.{name}.v{number}" for name, number in EVENTS}

    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if "$ref" in node else []
            return own + [found for value in node.values() for found in references(value)]
        return [found for value in node for found in references(value)] if isinstance(node, list) else []

    for reference in references(document):
        if reference.startswith("#/"):
            node = document
            for step in reference.removeprefix("#/").split("/"):
                node = node[step]
        else:
            assert (DOCS / reference).is_file(), reference


def test_a_published_schema_does_not_break_itself() -> None:
    for name, number in EVENTS:
        assert breaks(published(f"{name}.v{number}"), data_schema(name, number)) == []


def _drop_field(schema: dict[str, Any]) -> None:
    del schema["$defs"]["Article"]["properties"]["headline"]
    schema["$defs"]["Article"]["required"].remove("headline")


def _make_optional(schema: dict[str, Any]) -> None:
    schema["required"].remove("changed")


def _retype(schema: dict[str, Any]) -> None:
    schema["$defs"]["ArticleReference"]["properties"]["revision"]["type"] = "string"
    schema["$defs"]["Article"]["properties"]["revision"]["type"] = "string"


def _may_be_null(schema: dict[str, Any]) -> None:
    schema["$defs"]["Tag"]["properties"]["label"] = {"anyOf": [{"type": "string"}, {"type": "null"}]}


def _new_value(schema: dict[str, Any]) -> None:
    schema["$defs"]["Cause"]["enum"].append("weather")


def _new_format(schema: dict[str, Any]) -> None:
    schema["$defs"]["Claim"]["properties"]["article_id"].pop("format")


def _new_bound(schema: dict[str, Any]) -> None:
    schema["$defs"]["Tag"]["properties"]["confidence"]["maximum"] = 100


def _list_of_other(schema: dict[str, Any]) -> None:
    schema["$defs"]["Article"]["properties"]["sources"]["items"] = {"type": "object"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_drop_field, "data.article.headline: is gone"),
        (_make_optional, "data.changed: was always there"),
        (_retype, "data.article.revision: was integer"),
        (_may_be_null, "data.article.tags[].label: may now be null"),
        (_new_value, "data.cause: was one of"),
        (_new_format, "data.claim.article_id: its format"),
        (_new_bound, "data.article.tags[].confidence: its maximum"),
        (_list_of_other, "data.article.sources[]: was string"),
    ],
)
def test_what_would_break_a_reader_is_refused(change: Callable[[dict[str, Any]], None], says: str) -> None:
    old = published("article.revised.v1")
    new = copy.deepcopy(old)
    change(new)
    faults = breaks(old, new)
    assert faults
    assert any(says in fault for fault in faults), faults


def test_a_new_field_and_a_tighter_bound_break_nobody() -> None:
    old = published("feed.failing.v1")
    new = copy.deepcopy(old)
    new["properties"]["severity"] = {"type": "string"}
    new["required"].append("severity")
    new["properties"]["failures"]["minimum"] = 1
    assert breaks(old, new) == []
