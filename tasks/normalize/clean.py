"""Turns an entry, or any text, into the clean article: blocks, repeats, boilerplate and furniture in one way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from storage.records import BlockKind, CleanArticle, Entry, KnownLine, Markup, Removal
from tasks.normalize import furniture
from tasks.normalize.blocks import looks_like_html, read_blocks
from tasks.normalize.datelines import credits_of_briefs, take_datelines
from tasks.normalize.fold import fold
from tasks.normalize.galley import Galley
from tasks.normalize.headlines import headline_of, kickers_above, without_publisher
from tasks.normalize.judge import THRESHOLD, Verdict, judge_look
from tasks.normalize.look import Sight
from tasks.normalize.plain import PARAGRAPH, RUNNING
from tasks.normalize.reading import Reading, read, reading_of
from tasks.normalize.releases import MOST_CONTACTS, contacts_from, is_body
from tasks.normalize.stubs import find_stubs
from tasks.normalize.targets import READ_MORE_ENDS, Finding, stops, take_read_more
from tasks.normalize.verse import without_title

VERSION = 7  # raise it whenever the same entry would come out otherwise; `reingest --normalized-before` reads it
_ROUNDS = 4  # furniture and paragraphs that leave may uncover a repeat, so the bench sits again
_OF_THE_BODY = frozenset({"paragraph_copy", "paragraph_cut", "block_copy", "contents"})  # a refrain may move
_NOTEPAD = fold("Notizblock")


def normalize(
    entry: Entry,
    *,
    known: Mapping[str, KnownLine] = {},
    off: frozenset[str] = frozenset(),
    threshold: float = THRESHOLD,
    publisher: str | None = None,
    reading: Reading | None = None,
) -> CleanArticle:
    """Return the clean article of an entry.

    `known` are the source's lines by key, `off` the rules this feed does without, `publisher` the name that its
    headlines may end in. `reading` is what `read` made of the entry, where it is cleaned more than once.
    """
    reading = read(entry) if reading is None else reading
    desk = _Desk(off=off, headline=reading.headline)
    return _clean(reading, known=known, threshold=threshold, publisher=publisher, desk=desk)


def clean_copy(
    text: str,
    *,
    headline: str | None = None,
    teaser: str | None = None,
    language: str | None = None,
    known: Mapping[str, KnownLine] = {},
    off: frozenset[str] = frozenset(),
    threshold: float = THRESHOLD,
    publisher: str | None = None,
) -> CleanArticle:
    """Return the clean article of any text or HTML; without a headline it is found among the first lines."""
    del language  # every rule but the seeds is independent of it
    pieces = read_blocks(Markup(value=text, kind="html" if looks_like_html(text) else "text"))
    if headline is None:
        pieces = without_title(pieces)
        headline = headline_of([text for kind, text in pieces if kind is not BlockKind.EMBED])
    reading = reading_of(headline, [(BlockKind.PARAGRAPH, teaser)] if teaser else [], pieces)
    desk = _Desk(off=off, headline=reading.headline)
    return _clean(reading, known=known, threshold=threshold, publisher=publisher, desk=desk)


@dataclass(kw_only=True)
class _Desk:
    """The fields that fill while the lines go by, and the lines that leave."""

    off: frozenset[str]
    headline: str
    removals: list[Removal] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    credited: set[bytes] = field(default_factory=set)  # keys of the lines that left as credits

    def take(self, name: str, value: str) -> None:
        """Fill a field; a second value of another wording joins the first."""
        held = self.fields.get(name)
        if held is None:
            self.fields[name] = value
        elif name in _JOINING and value.casefold() not in held.casefold():
            self.fields[name] = f"{held}{_JOINING[name]}{value}"

    def remove(self, line: str, rule: str, reason: str, position: int) -> None:
        """List a line that left for a field."""
        self.removals.append(Removal(line=line, rule=rule, reason=reason, position=position))


_JOINING = {"credit": "; ", "correction": "\n", "byline": "; "}


def _clean(
    reading: Reading, *, known: Mapping[str, KnownLine], threshold: float, publisher: str | None, desk: _Desk
) -> CleanArticle:
    off, headline, headline_key = desk.off, reading.headline, reading.headline_key
    teaser, teaser_key = _teaser(reading, desk)
    if publisher and "publisher_suffix" not in off:
        headline, name = without_publisher(headline, publisher)
        if name:
            desk.remove(name, "publisher_suffix", "is the publisher's name behind the headline", -1)
        headline_key = headline_key if headline == reading.headline else fold(headline)
    galley = Galley(reading, noted="sources" not in off)
    furnished = _furnish(galley, desk)
    dated = "furniture" not in off
    untidy = (dated and take_datelines(galley, teaser, teaser_key)) or furnished
    marked: dict[int, Removal] = {}
    for _ in range(_ROUNDS):
        lines, keys, kinds = galley.standing_lines()
        look = reading.looked_at(Sight(lines, headline, teaser, keys, headline_key, teaser_key))
        verdict = judge_look(look, kinds=kinds, known=known, off=off, threshold=threshold)
        if (verdict.teaser or "") != teaser:
            teaser = verdict.teaser or ""
            teaser_key = fold(teaser)
        left = any(verdict.findings) and _hear(verdict, galley, marked, desk)
        if not left and not untidy:
            break  # what was no furniture before the bench sat is none now
        untidy = True
        uncovered = left and dated and take_datelines(galley, teaser, teaser_key)
        thinner = any(found and found.rule in _OF_THE_BODY for found in verdict.findings)
        if not _furnish(galley, desk) and not uncovered and not thinner:
            break
    _take_kickers(galley, marked, desk, threshold)
    _settle_pieces(galley, desk)
    if dated and teaser and "dateline" not in desk.fields and not galley.briefs:
        _take_datelines_of_teaser(teaser, desk)
    stay = set(galley.standing)
    removals = [*desk.removals, *(gone for position, gone in marked.items() if position in stay)]
    fields = desk.fields
    return CleanArticle(
        headline=headline,
        teaser=teaser or None,
        blocks=galley.blocks(),
        sources=galley.sources(),
        removals=tuple(sorted(removals, key=lambda gone: gone.position)),
        byline=fields.get("byline"),
        dateline=fields.get("dateline"),
        credit=fields.get("credit"),
        correction=fields.get("correction"),
        embargo=fields.get("embargo"),
    )


def _teaser(reading: Reading, desk: _Desk) -> tuple[str, bytes]:
    """Join the lines of a teaser, without what a system has added to them; the text and its key."""
    texts, keys = reading.teaser, reading.teaser_keys
    if not texts:
        return "", b""
    teaser, key = texts[0], keys[0]
    if len(texts) > 1:
        stubs = {} if "stub" in desk.off else find_stubs(texts, keys)
        for i, stub in stubs.items():
            desk.remove(texts[i], "stub", f"{stub.finding.reason} in the teaser", -1)
        teaser = " ".join([text for i, text in enumerate(texts) if i not in stubs])
        key = fold(teaser)
    if key.endswith(READ_MORE_ENDS) and "stub" not in desk.off:
        teaser, more = take_read_more(teaser)
        if more:
            desk.remove(more, "stub", "is a read-more behind the teaser", -1)
            key = fold(teaser)
    if key and key == reading.headline_key and "headline_copy" not in desk.off:
        desk.remove(teaser, "headline_copy", "is the headline, where the teaser should be", -1)
        return "", b""
    return teaser, key


def _hear(verdict: Verdict, galley: Galley, marked: dict[int, Removal], desk: _Desk) -> bool:
    """Take out the lines that go, and list those that are only marked; return whether any went."""
    kept = []
    for n, i in enumerate(galley.standing):
        finding = verdict.findings[n]
        if finding is None or not verdict.goes(n):
            kept.append(i)
            if finding:
                marked[i] = _removal(galley, i, finding, removed=False)
        else:
            desk.removals.append(_removal(galley, i, finding, removed=True))
    left = len(kept) != len(galley.standing)
    galley.standing = kept
    return left


def _removal(galley: Galley, i: int, finding: Finding, *, removed: bool) -> Removal:
    return Removal(
        line=galley.whole(i),
        rule=finding.rule,
        reason=finding.reason,
        position=i,
        confidence=round(finding.confidence, 3),
        repeats=finding.repeats,
        seen=finding.seen,
        removed=removed,
    )


def _take_kickers(galley: Galley, marked: dict[int, Removal], desk: _Desk, threshold: float) -> None:
    """Take out what stood above a copy of the headline at the top; where that has left is known only now."""
    said = not stops(desk.headline)  # with a full stop that the headline lacks it is the text's
    copies = {
        gone.position for gone in desk.removals if gone.rule == "headline_copy" and not (said and stops(gone.line))
    }
    if not copies or " " not in desk.headline or "headline_cut" in desk.off:
        return  # a word that is the headline heads a part of the text, too
    above = kickers_above(galley.standing, galley.texts, galley.kinds, copies)
    if not above:
        return
    finding = Finding(rule="headline_cut", reason="is a kicker above the headline", confidence=0.85)
    if finding.confidence < threshold:
        marked |= {i: _removal(galley, i, finding, removed=False) for i in above}
        return
    desk.removals += [_removal(galley, i, finding, removed=True) for i in above]
    galley.standing = [i for i in galley.standing if i not in above]


def _furnish(galley: Galley, desk: _Desk) -> bool:
    """Move furniture out of the lines that stand, into the fields; what is left is the body. Return whether any was."""
    if "furniture" in desk.off:
        return False
    _take_notepad(galley, desk)
    _take_contacts(galley, desk)
    texts, keys, standing = galley.texts, galley.keys, galley.standing
    paragraphs = [n for n, i in enumerate(standing) if len(texts[i]) >= PARAGRAPH and keys[i]]
    while paragraphs and furniture.read_credit(texts[standing[paragraphs[-1]]]):
        paragraphs.pop()  # a long copyright line ends no body
    first, last = (paragraphs[0], paragraphs[-1]) if paragraphs else (len(standing), -1)
    moved: set[int] = set()
    starts = furniture.CORRECTION_KEYS  # nearly every line inside the body has none of them
    below = first + 1  # where pages have the byline, too: between a standfirst and the body
    for n in [n for n, i in enumerate(standing) if not first <= n <= last or n == below or keys[i][:4] in starts]:
        i = standing[n]
        text = texts[i]
        name, value = _edge_line(text) if not first <= n <= last else ("", "")
        if not keys[i] and not first <= n <= last and furniture.is_rule(text) and "stub" not in desk.off:
            desk.remove(text, "stub", "is a rule at the edge of the text", i)
            moved.add(i)
            continue
        if furniture.is_correction(text, keys[i]) and not _is_about_corrections(galley, desk):
            name, value = "correction", text
        elif n == below and (byline := furniture.read_byline(text)):
            name, value = "byline", byline
        elif not first <= n <= last and not name and text in galley.authors:
            name, value = "byline", text
        if name and galley.kinds[i] in RUNNING:
            desk.take(name, value)
            desk.remove(text, "furniture", f"is kept as the {name}", i)
            moved.add(i)
            if name == "credit":
                desk.credited.add(keys[i])
    moved |= _take_lone_dateline(galley, first, desk) | _take_credits_again(galley, moved, desk)
    signed = bool(paragraphs) and _take_sign_off(galley, standing[last], desk)
    if moved:
        galley.standing = [i for i in standing if i not in moved]
    return signed or bool(moved)


def _is_about_corrections(galley: Galley, desk: _Desk) -> bool:
    """Whether corrections are what the piece has to say, and no note below it."""
    if furniture.heads_corrections(desk.headline):
        return True
    told = (i for i in galley.standing if len(galley.texts[i]) >= PARAGRAPH)
    return all(furniture.is_correction(galley.texts[i], galley.keys[i]) for i in told)


def _take_credits_again(galley: Galley, moved: set[int], desk: _Desk) -> set[int]:
    """Take out what says a credit again inside the body, letter for letter; return those lines."""
    if not desk.credited:
        return set()
    again = {
        i for i in galley.standing if i not in moved and galley.keys[i] in desk.credited and galley.kinds[i] in RUNNING
    }
    for i in sorted(again):
        desk.remove(galley.texts[i], "furniture", "says the credit again", i)
    return again


def _take_notepad(galley: Galley, desk: _Desk) -> None:
    """Take out the notepad below an agency's copy, with all that stands behind it."""
    if _NOTEPAD not in galley.keys:
        return
    standing, texts = galley.standing, galley.texts
    for n, i in enumerate(standing[:-1]):
        if galley.keys[i] == _NOTEPAD and furniture.is_notepad(texts[i], texts[standing[n + 1]]):
            for j in standing[n:]:
                desk.remove(texts[j], "furniture", "belongs to the agency's notepad", j)
            galley.standing = standing[:n]
            return


def _take_contacts(galley: Galley, desk: _Desk) -> None:
    """Take out whom the press may ask, below a release, with all that stands behind it."""
    standing, texts = galley.standing, galley.texts
    if not standing or is_body(texts[standing[-1]]):
        return  # as nearly always
    below = contacts_from([texts[i] for i in standing[-MOST_CONTACTS - 1 :]])
    if below is None:
        return
    start = max(0, len(standing) - MOST_CONTACTS - 1) + below
    if not any(len(texts[i]) >= PARAGRAPH for i in standing[:start]):
        return
    for i in standing[start:]:
        desk.remove(texts[i], "furniture", "belongs to the contacts for the press", i)
    galley.standing = standing[:start]


def _take_lone_dateline(galley: Galley, first: int, desk: _Desk) -> set[int]:
    """Take out a dateline in a line of its own above the text; where several are, each stands above its brief."""
    above = [i for i in galley.standing[:first] if galley.kinds[i] in RUNNING]
    if not any(furniture.read_lone_dateline(galley.texts[i]) for i in above):
        return set()
    lone = {i: one for i in galley.standing if (one := furniture.read_lone_dateline(galley.texts[i]))}
    if len(lone) > 1:
        return set()
    for i, dateline in lone.items():
        _take_dateline(dateline, desk)
        desk.remove(galley.texts[i], "furniture", "is kept as the dateline", i)
    return {*lone}


def _edge_line(text: str) -> tuple[str, str]:
    """What a line outside the body is kept as, if it is furniture, and what of it is kept."""
    if furniture.is_embargo(text):
        return "embargo", text
    if credit := furniture.read_credit(text):
        return "credit", credit
    byline = furniture.read_byline(text)
    return ("byline", byline) if byline else ("", "")


def _settle_pieces(galley: Galley, desk: _Desk) -> None:
    """List what was taken off lines that stayed, and fill the fields from their datelines and from those of briefs."""
    for brief in galley.briefs:
        if brief.credit:
            desk.take("credit", brief.credit)
    if not galley.datelines and not galley.sign_offs:
        return
    for i in galley.standing:
        if sign_off := galley.sign_offs.get(i):
            desk.remove(sign_off, "sign_off", "is kept as the credit", i)
        if dateline := galley.datelines.get(i):
            _take_dateline(dateline, desk)
            desk.remove(dateline.line, "dateline", "is kept as the dateline", i)
    if galley.datelines and "dateline" not in desk.fields:  # the line that had it is the teaser
        _take_dateline(galley.datelines[min(galley.datelines)], desk)


def _take_datelines_of_teaser(teaser: str, desk: _Desk) -> None:
    """Fill the dateline from the teaser, which keeps it: a lead that says the same left as its copy, dateline too."""
    found = furniture.read_dateline(teaser)
    if found and found.credit:
        _take_dateline(found, desk)


def _take_dateline(dateline: furniture.Dateline, desk: _Desk) -> None:
    desk.take("dateline", dateline.shown)
    if dateline.credit:
        desk.take("credit", dateline.credit)


def _take_sign_off(galley: Galley, i: int, desk: _Desk) -> bool:
    """Take the agency off the last paragraph's end; in a round-up of briefs each keeps its own."""
    rest, credit = furniture.take_credit_tail(galley.texts[i])
    if not credit or galley.kinds[i] is not BlockKind.PARAGRAPH:
        return False
    if signed := credits_of_briefs(galley):
        for each in signed:
            desk.take("credit", each)
        return False
    desk.take("credit", credit)
    galley.take_sign_off(i, rest, galley.texts[i][len(rest) :].strip())
    return True
