"""The texts of held articles, fingerprinted; those that were met last stay in the process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from sqlmodel import Session

from storage import articles
from tasks.stories.fingerprint import Fingerprint, fingerprints

RECENT = 256
"""Texts that are kept fingerprinted in a process, some 30 kB each: a story that runs today is met again and again."""

_recent: OrderedDict[tuple[UUID, int], Fingerprint] = OrderedDict()


def texts(session: Session, versions: Mapping[UUID, int]) -> dict[UUID, Fingerprint]:
    """The fingerprints of these revisions (article id → number), from memory or from what is stored."""
    found: dict[UUID, Fingerprint] = {}
    missing: dict[UUID, int] = {}
    for version in versions.items():
        if version in _recent:
            found[version[0]] = _recent[version]
            _recent.move_to_end(version)
        else:
            missing[version[0]] = version[1]
    if missing:
        contents = articles.contents(session, missing)
        wordings = [
            (
                content.get("headline", ""),
                content.get("teaser"),
                "\n\n".join(block["text"] for block in content.get("blocks", ())),
            )
            for content in contents.values()
        ]
        for article_id, made in zip(contents, fingerprints(wordings), strict=True):
            found[article_id] = remember(article_id, missing[article_id], made)
    return found


def remember(article_id: UUID, revision: int, made: Fingerprint) -> Fingerprint:
    """Keep a text at hand, for one that has a copy soon has another; returns what is kept."""
    kept = replace(made, folded=made.folded.apart())
    _recent[article_id, revision] = kept
    _recent.move_to_end((article_id, revision))
    while len(_recent) > RECENT:
        _recent.popitem(last=False)
    return kept
