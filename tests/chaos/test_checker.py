"""The checker of the whole line sees every kind of fault, and finds none in what is right."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from chaos.checker import Evidence, Kept, Row, Version, faults
from chaos.ledger import KILLED, Book

ONE, TWO = UUID(int=1), UUID(int=2)
HEADLINE = "Linz: Brand in der Altstadt p1 Fassung {}"


def book() -> Book:
    """A piece in two feeds; in the first it was corrected once, and both versions were accepted."""
    made = Book()
    for name, version, etag in (("a", 1, "x"), ("b", 1, "y"), ("a", 2, "z")):
        made.publish(name, "p1", version)
        made.serve(name, etag, {"p1": version})
        made.sent_back(name, etag)
    made.copies.append(frozenset((("a", "p1"), ("b", "p1"))))
    return made


def kept(article_id: UUID, feed: str, *versions: int) -> Kept:
    stored = [Version(number=n, headline=HEADLINE.format(version)) for n, version in enumerate(versions, 1)]
    return Kept(id=article_id, feed=feed, revision=len(versions), canceled=False, versions=stored, story=UUID(int=9))


def row(position: int, name: str, article: UUID, what: str, revision: int) -> Row:
    return Row(position=position, id=name, type=f"wireroom.article.{what}.v1", subject=str(article), revision=revision)


def right() -> Evidence:
    outbox = (row(1, "e1", ONE, "created", 1), row(2, "e2", TWO, "created", 1), row(3, "e3", ONE, "revised", 2))
    told = [(one.id, one.subject) for one in outbox]
    return Evidence(
        articles=(kept(ONE, "a", 1, 2), kept(TWO, "b", 1)),
        outbox=outbox,
        streamed=told,
        effects=told,
        inbox={name: {"body"} for name, _ in told},
    )


def test_what_is_right_has_no_fault() -> None:
    assert faults(book(), right()) == []


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"articles": (kept(ONE, "a", 1, 2),)}, ["articles: b/p1 is lost"]),
        ({"articles": (*right().articles, kept(UUID(int=3), "b", 1))}, ["articles: b/p1 is there 2 times"]),
        ({"articles": (kept(ONE, "a", 2), kept(TWO, "b", 1))}, ["revisions: a/p1 has lost the versions [1]"]),
        ({"articles": (kept(ONE, "a", 1, 2, 2), kept(TWO, "b", 1))}, ["revisions: a/p1 has the versions [1, 2, 2]"]),
        ({"articles": (kept(ONE, "a", 2, 1), kept(TWO, "b", 1))}, ["revisions: a/p1 ends with [1]"]),
        ({"articles": (kept(ONE, "a", 1, 2, 7), kept(TWO, "b", 1))}, ["versions [7] that were never published"]),
        ({"articles": (*right().articles, kept(UUID(int=3), "c", 1))}, ["articles: c/p1 was never published"]),
        ({"articles": (kept(ONE, "a", 1, 2), replace(kept(TWO, "b", 1), story=None))}, ["are in 2 stories"]),
        ({"articles": (replace(kept(ONE, "a", 1, 2), canceled=True), kept(TWO, "b", 1))}, ["a/p1 is withdrawn"]),
        ({"outbox": right().outbox[:2]}, ["there is told [('created', 1)], was [('created', 1), ('revised', 2)]"]),
        ({"outbox": (*right().outbox, row(4, "e4", ONE, "created", 1))}, [f"of {ONE} there is told"]),
        ({"outbox": (replace(right().outbox[0], position=7), *right().outbox[1:])}, ["positions: not 1 to 3"]),
        ({"streamed": right().streamed[1:]}, ["stream: e1 is lost"]),
        ({"effects": [*right().effects, right().effects[0]]}, ["effects: e1 is there 2 times"]),
        ({"effects": right().effects[:2]}, ["effects: e3 is lost"]),
        ({"effects": right().effects[::-1]}, [f"effects: order of {ONE} is ['e3', 'e1']"]),
        ({"inbox": {"e1": {"body"}, "e2": {"body"}}}, ["webhook: e3 is lost"]),
        ({"inbox": right().inbox | {"e1": {"body", "another"}}}, ["webhook: e1 came with several bodies"]),
        ({"inbox": right().inbox | {"e9": {"body"}}}, ["webhook: e9 was never committed"]),
        ({"waiting": {"documents": 1}}, ["1 documents never came to rest"]),
    ],
)
def test_each_kind_of_fault_is_seen(wrong: dict[str, object], named: list[str]) -> None:
    found = faults(book(), replace(right(), **wrong))  # type: ignore[arg-type]
    assert all(any(part in fault for fault in found) for part in named), found


def test_a_kill_that_did_not_reach_the_article_is_seen() -> None:
    killed = book()
    killed.publish("b", "p1", KILLED)
    assert faults(killed, right()) == ["revisions: b/p1 is not withdrawn, and should be otherwise"]


def test_a_version_that_nobody_accepted_may_be_missing() -> None:
    never_seen = book()
    never_seen.serve("b", "w", {"p1": 0})
    assert faults(never_seen, right()) == []
