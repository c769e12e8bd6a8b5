"""What each entry of a document comes to: identified, cleaned, tagged, compared with what is held. Writes nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog

from storage import articles, source_lines
from storage.db import reading
from storage.ids import new_id
from storage.models import Feed, SourceLines
from storage.records import BadEntry, Cause, CleanArticle, Entry, HeldArticle, ParsedDocument, Tag
from tasks import kills
from tasks.content import content_of
from tasks.content import fingerprint as wording
from tasks.enrich import Enrichers, EnrichInput, Tagging
from tasks.identify import Match
from tasks.identities import Keyed, identified, keyed
from tasks.lines import known_lines
from tasks.normalize import KnownLine, Reading, line_keys, normalize, read
from tasks.rekey import Rekeyed
from tasks.revise import Revised, revise
from tasks.room import Room
from tasks.steps import Steps
from tasks.stories import Fingerprint, fingerprints
from tasks.times import believed
from tasks.tombstones import Buried, buried

log = structlog.get_logger()

# Other articles of the same document that must hold a line before they are asked about it: fewer prove nothing.
RECURS = 3
# Versions of an article from which going back to an earlier one is no news: two systems write it in turn.
FLAPS = 24


@dataclass(kw_only=True)
class Decision:
    """What one entry comes to; what stands below `match` is there only where something is written.

    `outcome` is `created`, `revised`, `refreshed` (came out the same), `unchanged`, `stale` (a newer document has
    spoken), `withdrawn` (`reason` says why), `purged` or `repeated`. `taught` are the line keys that a new article
    counts for in its source.
    """

    entry: Entry
    outcome: str
    article_id: UUID | None = None
    held: HeldArticle | None = None
    match: Match | None = None
    clean: CleanArticle | None = None
    content: dict[str, Any] = field(default_factory=dict)
    changed: dict[str, Any] = field(default_factory=dict)
    tags: tuple[Tag, ...] = ()
    language: str | None = None
    fingerprint: Fingerprint | None = None
    taught: dict[str, str] = field(default_factory=dict)
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What a document comes to: its decisions, what could not be read after all, whether its guids mean nothing.

    `rekeyed` says that the feed gave its entries new keys, and that it is time to tell.
    """

    decisions: list[Decision]
    bad: list[BadEntry]
    degraded: bool
    rekeyed: Rekeyed | None = None


def deciding(
    room: Room,
    feed: Feed,
    document_id: int,
    parsed: ParsedDocument,
    *,
    force: bool,
    only: Collection[int] | None = None,
    lines: SourceLines | None = None,
    identities: Keyed | None = None,
) -> Steps[Decided]:
    """Decide, step by step, what each entry of a parsed document comes to, and which could not be read after all.

    What is to be written has to be fingerprinted after it (`fingerprint`).
    With `force` an entry that is held unchanged is normalized and tagged anew (re-ingestion); with `only` the entries
    at other positions are left alone. `lines` are the source's and `identities` the entries' where they were read
    already.
    """
    parsed = believed(parsed, room.clock())
    with reading(room.sessions) as session:
        lines = lines or source_lines.load(session, feed.id)
        own = identities or keyed(session, [(feed, parsed)])[0]
        known = identified(session, feed, parsed, own, None if force else lines, room.clock())
        matches = known.matches
        held = articles.held(session, {match.article for match in matches if match is not None and match.article})
        pairs = zip(parsed.entries, matches, strict=True)
        decisions = [
            _fate(entry, match, held, document_id, force=force)
            for entry, match in pairs
            if only is None or entry.position in only
        ]
        if only is None:
            # Where an entry still stands beside its tombstone, the tombstone counts.
            gone = {one.held.id: _withdrawn(one) for one in buried(session, feed.id, parsed, document_id)}
            decisions = [*(one for one in decisions if one.article_id not in gone), *gone.values()]
        before = articles.contents(session, {d.held.id: d.held.revision for d in decisions if _open(d) and d.held})
    # A feed's first document brings its title with it.
    names = tuple([name for name in (feed.title or parsed.hints.title, feed.publisher) if name])
    yield
    good, bad = yield from _worked_out(room, feed, names, decisions, before, lines)
    _calm(room, [d for d in good if d.outcome == "revised" and d.held is not None and d.held.revision >= FLAPS])
    return Decided(decisions=good, bad=bad, degraded=known.degraded, rekeyed=known.rekeyed)


def _fate(
    entry: Entry, match: Match | None, held: Mapping[UUID, HeldArticle], document_id: int, *, force: bool
) -> Decision:
    """How far the entry goes: `outcome` is final, or open (empty) where it must be read and compared."""
    if match is None:
        return Decision(entry=entry, outcome="repeated")
    if match.article is None:
        if kills.by_status(entry):
            # Withdrawn before it was ever seen: there is nothing to show, and nobody to tell.
            return Decision(entry=entry, outcome="withdrawn", match=match)
        return Decision(entry=entry, outcome="created", article_id=new_id(), match=match)
    known = held.get(match.article)
    if known is None:
        return Decision(entry=entry, outcome="purged", match=match)
    outcome, reason = "", None
    if known.document_id > document_id:
        outcome = "stale"
    elif known.entry_sha256 == entry.sha256 and not force:
        outcome = "unchanged"
    elif (reason := kills.reason(entry)) is not None:
        outcome = "unchanged" if known.withdrawn_at else "withdrawn"
    elif known.withdrawn_at and not _comes_back(entry, known):
        outcome = "unchanged"
    return Decision(entry=entry, outcome=outcome, article_id=known.id, held=known, match=match, reason=reason)


def _comes_back(entry: Entry, held: HeldArticle) -> bool:
    """Whether the entry makes a withdrawn article usable again; what an operator withdrew only he restores."""
    by_operator = held.withdrawn_cause == Cause.OPERATOR
    return not by_operator and kills.comes_back(entry, withdrawn_at=held.withdrawn_at)


def _withdrawn(one: Buried) -> Decision:
    reason = kills.reason(one.stone)
    return Decision(
        entry=one.stone, outcome="withdrawn", article_id=one.held.id, held=one.held, match=one.match, reason=reason
    )


def _open(decision: Decision) -> bool:
    return decision.outcome in {"", "created"}


def _worked_out(
    room: Room,
    feed: Feed,
    names: tuple[str, ...],
    decisions: list[Decision],
    before: Mapping[UUID, dict[str, Any]],
    lines: SourceLines,
) -> Steps[tuple[list[Decision], list[BadEntry]]]:
    """Clean, tag and compare the open decisions, each on its own: one bad entry never stops a feed."""
    todo = [decision for decision in decisions if _open(decision)]
    if not todo:
        return decisions, []
    # Taken before the first entry: rules that cannot be read are no entry's fault.
    enrichers = room.enrichers
    known = known_lines(lines)
    bad: list[BadEntry] = []
    failed: set[int] = set()

    def each(step: Callable[[Decision], None]) -> None:
        """One step for all, then the next: what a step works with stays in the processor's cache."""
        for decision in todo:
            try:
                if id(decision) not in failed:
                    step(decision)
            except Exception as error:  # noqa: BLE001  # kept with its reason, and the others go through
                log.warning("entry.quarantined", feed_id=feed.id, position=decision.entry.position, error=repr(error))
                bad.append(_bad(decision.entry, error))
                failed.add(id(decision))

    readings: dict[int, Reading] = {}

    def clean(decision: Decision) -> None:
        readings[id(decision)] = reading = read(decision.entry)
        decision.clean = _cleaned(room, feed, decision.entry, known, reading)

    def learn(decision: Decision) -> None:
        if decision.outcome == "created":
            decision.taught = line_keys(_clean(decision), readings[id(decision)].seen)

    each(clean)
    each(learn)
    often, richer = _with_this_document(lines, [decision for decision in todo if id(decision) not in failed])

    def clean_again(decision: Decision) -> None:
        if not often.isdisjoint(decision.taught):
            decision.clean = _cleaned(room, feed, decision.entry, richer, readings[id(decision)])

    each(clean_again)
    yield
    each(lambda decision: _tagged(enrichers, feed, names, decision))
    yield
    each(lambda decision: _compared(decision, before))
    return [decision for decision in decisions if id(decision) not in failed], bad


def _with_this_document(lines: SourceLines, decisions: list[Decision]) -> tuple[set[str], dict[str, KnownLine]]:
    """The lines that recur among this document's new articles, and the source's lines with these counted in.

    A first document shows thirty articles of a source at once: its share row need not wait for the second one.
    """
    taught = [decision.taught for decision in decisions if decision.taught]
    counts = Counter(key for article in taught for key in article)
    often = {key: seen for key, seen in counts.items() if seen > RECURS}
    if not often:
        return set(), {}
    # A line counts as seen in the other articles: its own is taken off.
    return set(often), known_lines(lines, {key: seen - 1 for key, seen in often.items()}, len(taught) - 1)


def _cleaned(room: Room, feed: Feed, entry: Entry, known: Mapping[str, KnownLine], reading: Reading) -> CleanArticle:
    return normalize(
        entry,
        known=known,
        off=frozenset(feed.settings.get("rules_off", ())),
        threshold=feed.settings.get("threshold", room.threshold),
        publisher=feed.publisher,
        reading=reading,
    )


def _clean(decision: Decision) -> CleanArticle:
    if decision.clean is None:
        raise ValueError("the entry has to be cleaned first")
    return decision.clean


def _tagged(enrichers: Enrichers, feed: Feed, names: tuple[str, ...], decision: Decision) -> None:
    entry, clean = decision.entry, _clean(decision)
    tagging: Tagging = enrichers.tag(
        EnrichInput.of(
            clean,
            categories=entry.categories,
            feed_language=entry.language or feed.language,
            url=entry.url,
            feed=feed.url,
            feed_names=names,
        )
    )
    for problem in tagging.errors:
        log.warning("enricher.failed", feed_id=feed.id, article_id=str(decision.article_id), error=str(problem))
    decision.language, decision.tags = tagging.language, tuple(tagging.tags)


def _compared(decision: Decision, before: Mapping[UUID, dict[str, Any]]) -> None:
    """Make the content that is kept, and say whether a reader would notice a difference."""
    decision.content = content_of(decision.entry, _clean(decision), language=decision.language)
    if decision.held is not None:
        verdict = revise(before[decision.held.id], decision.content)
        back = {"status": decision.held.status} if decision.held.withdrawn_at else {}
        if isinstance(verdict, Revised) or back:
            decision.outcome = "revised"
            decision.changed = back | (dict(verdict.changed) if isinstance(verdict, Revised) else {})
        else:
            decision.outcome = "refreshed"


def _calm(room: Room, flapping: Sequence[Decision]) -> None:
    """Leave an article alone that goes back to what was told of it before, after so many versions: it does not stop."""
    if not flapping:
        return
    with reading(room.sessions) as session:
        told = articles.wordings(session, [one.held.id for one in flapping if one.held is not None])
    for one in flapping:
        if one.held is not None and not one.held.withdrawn_at and wording(one.content) in told[one.held.id]:
            log.info("entry.flaps", article_id=str(one.held.id), revision=one.held.revision)
            one.outcome, one.content, one.changed, one.tags = "unchanged", {}, {}, ()


def fingerprint(those: Sequence[tuple[int, Decided]]) -> None:
    """Fingerprint what was decided about documents of these feeds, for all at once: so it costs a third less.

    Where that fails, each on its own shows which it was; that one is bad then.
    """
    try:
        _fingerprinted([decision for _, decided in those for decision in decided.decisions])
    except Exception:  # noqa: BLE001  # met again below
        for feed_id, decided in those:
            _fingerprint_each(feed_id, decided)


def _fingerprint_each(feed_id: int, decided: Decided) -> None:
    for decision in [*decided.decisions]:
        try:
            _fingerprinted([decision])
        except Exception as error:  # noqa: BLE001  # kept with its reason, and the others go through
            log.warning("entry.quarantined", feed_id=feed_id, position=decision.entry.position, error=repr(error))
            decided.bad.append(_bad(decision.entry, error))
            decided.decisions.remove(decision)


def _fingerprinted(decisions: Sequence[Decision]) -> None:
    told = [decision for decision in decisions if decision.outcome in {"created", "revised"}]
    wordings = [(clean.headline, clean.teaser, clean.text) for clean in map(_clean, told)]
    for decision, made in zip(told, fingerprints(wordings), strict=True):
        decision.fingerprint = made


def _bad(entry: Entry, error: Exception) -> BadEntry:
    """An entry that parsed but could not be worked out, with all that was read of it."""
    texts = {
        "guid": entry.guid,
        "url": entry.url,
        "headline": entry.headline,
        "teaser": entry.teaser.value if entry.teaser else None,
        "content": entry.content.value if entry.content else None,
    }
    raw = json.dumps(texts, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return BadEntry(position=entry.position, reason="normalize", error=repr(error), raw=raw)
