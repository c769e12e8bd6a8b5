"""JSON Schemas and the AsyncAPI document, made from the contracts; committed under docs/ and checked to be current."""

from __future__ import annotations

import json
from typing import Any

import yaml
from pydantic import BaseModel

from tasks.events.contracts import EVENTS, CloudEvent
from tasks.events.envelope import schema_of, type_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ENVELOPE = "urn:wireroom:schema:envelope:v1"


def data_schema(name: str, version: int) -> dict[str, Any]:
    """The JSON Schema of an event's `data`; its `$id` is the event's `dataschema`."""
    model = EVENTS[(name, version)]
    return {"$schema": DIALECT, "$id": schema_of(name, version), **_schema(model)}


def envelope_schema() -> dict[str, Any]:
    """The JSON Schema of what stands around `data`: CloudEvents 1.0 as we use it."""
    return {"$schema": DIALECT, "$id": ENVELOPE, **_schema(CloudEvent)}


def asyncapi(version: str) -> dict[str, Any]:
    """The AsyncAPI 3.0 document: where events are to be had, and all of their messages."""
    messages = {
        _camel(name, number): {
            "name": type_of(name, number),
            "title": name,
            "summary": " ".join((model.__doc__ or "").split()),
            "contentType": "application/cloudevents+json",
            "payload": {
                "allOf": [
                    {"$ref": "#/components/schemas/Envelope"},
                    {
                        "properties": {
                            "type": {"const": type_of(name, number)},
                            "dataschema": {"const": schema_of(name, number)},
                            "data": {"$ref": f"schemas/{name}.v{number}.json"},
                        }
                    },
                ]
            },
        }
        for (name, number), model in EVENTS.items()
    }
    sent = {key: {"$ref": f"#/components/messages/{key}"} for key in messages}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Wireroom events",
            "version": version,
            "description": (
                "What happened to articles, stories and feeds. Every accepted entry is stored once; its event is "
                "delivered at least once, in order per subject, under an id that never changes. docs/events.md is "
                "the guide."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "servers": {
            "redis": {
                "host": "localhost:6379",
                "protocol": "redis",
                "description": "The stream; WIREROOM_REDIS_URL says where.",
            },
            "http": {
                "host": "localhost:8787",
                "protocol": "http",
                "description": "Server-sent events and replay; `wireroom events serve` says where.",
            },
        },
        "channels": {
            "stream": {
                "address": "wireroom:events",
                "title": "The Redis stream",
                "servers": [{"$ref": "#/servers/redis"}],
                "description": (
                    "Entry `<position>-0` has the fields id, type, subject, feed and ce; ce is the message. Read it "
                    "as a consumer group (XREADGROUP, XACK). Positions have no holes: one that is skipped was trimmed."
                ),
                "x-redis-entry": {"id": "<position>-0", "fields": ["id", "type", "subject", "feed", "ce"]},
                "messages": sent,
            },
            "http": {
                "address": "/events",
                "title": "Server-sent events, or newline-delimited JSON",
                "servers": [{"$ref": "#/servers/http"}],
                "description": "`id:` is the position; Last-Event-ID resumes. What is past retention is a `gap` event.",
                "messages": sent,
            },
        },
        "operations": {
            f"send{channel.capitalize()}": {"action": "send", "channel": {"$ref": f"#/channels/{channel}"}}
            for channel in ("stream", "http")
        },
        "components": {
            "schemas": {"Envelope": {"$ref": "schemas/envelope.v1.json"}},
            "messages": messages,
        },
    }


def documents(version: str) -> dict[str, str]:
    """Every generated file, by its path below docs/."""
    files = {f"schemas/{name}.v{number}.json": _pretty(data_schema(name, number)) for name, number in sorted(EVENTS)}
    files["schemas/envelope.v1.json"] = _pretty(envelope_schema())
    files["asyncapi.yaml"] = yaml.safe_dump(asyncapi(version), sort_keys=False, allow_unicode=True, width=110)
    return files


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    """What pydantic says, open for fields to come: readers must not fail on what they do not know."""
    opened: dict[str, Any] = _opened(model.model_json_schema(mode="serialization"))
    return opened


def _opened(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {
            key: _opened(value)
            for key, value in schema.items()
            if not (key == "additionalProperties" and value is False)
        }
    return [_opened(value) for value in schema] if isinstance(schema, list) else schema


def _pretty(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _camel(name: str, version: int) -> str:
    words = name.replace(".", "_").split("_")
    return words[0] + "".join(word.capitalize() for word in words[1:]) + f"V{version}"
