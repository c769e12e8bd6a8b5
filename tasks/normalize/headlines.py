"""The headline: found at the top of a bare copy, and without the publisher's name that its title ends in."""

from __future__ import annotations

from collections.abc import Container, Sequence

from storage.records import BlockKind
from tasks.normalize.fold import fold_lines, mask_digits
from tasks.normalize.furniture import read_byline, read_dateline
from tasks.normalize.mend import mend
from tasks.normalize.menus import below_menu, is_section
from tasks.normalize.plain import PARAGRAPH, RUNNING
from tasks.normalize.stubs import find_stubs
from tasks.normalize.targets import ends_sentence
from tasks.normalize.traits import Traits

_SHORTEST_HEADLINE = 12  # characters that must stay when a publisher's name is taken off
_KICKER = 3  # words that a kicker above the headline may have: a place, a section
_KICKERS, _KICKER_WORDS = 2, 4  # lines of a kicker that leaves with the copy below it, and words in one
_BELOW = 2  # lines that must stand below a kicker
_TOP = 12  # lines in which a headline is looked for
_HOURS = frozenset([b"0", b"0uhr"])  # "++ 14:32 Uhr ++"
_TITLE_MARKS = ("|", "–", "—", "-", "·", "»", ":", "/")


def clean_headline(headline: str, *, publisher: str | None = None) -> str:
    """Return a headline as `normalize` does, where nothing else of the entry is needed."""
    return without_publisher(mend(headline), publisher)[0] if publisher else mend(headline)


def without_publisher(headline: str, publisher: str) -> tuple[str, str]:
    """Take " | Publisher" off a headline's end; return what is left, and what was taken off ("" if nothing was)."""
    if not headline.casefold().endswith(publisher.casefold()):
        return headline, ""
    front = headline[: -len(publisher)].rstrip()
    if not front.endswith(_TITLE_MARKS) or len(front) < _SHORTEST_HEADLINE:
        return headline, ""
    shorter = front.rstrip("".join(_TITLE_MARKS) + " ")
    return shorter, headline[len(shorter) :].strip()


def kickers_above(
    standing: Sequence[int], texts: Sequence[str], kinds: Sequence[BlockKind], copies: Container[int]
) -> Sequence[int]:
    """Return the first lines that stand, where they are a few words right above a copy of the headline that left.

    Pages have a place or a section there. Where no paragraph follows all may be a list.
    """
    for n, i in enumerate(standing[:_KICKERS]):
        if kinds[i] not in RUNNING or len(texts[i].split()) > _KICKER_WORDS or ends_sentence(texts[i]):
            break
        below = standing[n + 1 :]
        if any(j in copies for j in range(i + 1, below[0] if below else len(texts))):
            return standing[: n + 1] if any(len(texts[j]) >= PARAGRAPH for j in below) else ()
    return ()


def headline_of(texts: Sequence[str]) -> str:
    """The first line that is no stamp or label of a page, or the one below a kicker, or below a lead with its place.

    On a page that begins with its menu it is the first line below that is longer than an entry.
    """
    return _below_menu(texts) or _at_the_top(texts)


def _below_menu(texts: Sequence[str]) -> str:
    keys = fold_lines(texts)
    noise = find_stubs(texts, keys)
    first = next((n for n in Traits.of(texts, keys).paragraphs if n not in noise), 0)
    below = [n for n in below_menu(keys[:first]) if n not in noise]
    lines = [n for n in below if len(texts[n].split()) > _KICKER and not read_byline(texts[n])]
    again = [n for n in lines if keys[n] in keys[n + 1 :]]  # the headline says itself again further down
    return texts[(again or lines)[0]] if lines else ""


def _at_the_top(texts: Sequence[str]) -> str:
    top = texts[:_TOP]
    keys = fold_lines(top)
    noise = find_stubs(top, keys)
    lines = [
        (text, key)
        for n, (text, key) in enumerate(zip(top, keys, strict=True))
        if n not in noise and mask_digits(key) not in _HOURS
    ]
    if not lines:
        return texts[0] if texts else ""
    if len(lines) <= _BELOW:
        return lines[0][0]
    (kicker, key), (below, headline), (lead, _), *_ = lines
    if ends_sentence(below) or len(headline) < _SHORTEST_HEADLINE:
        return kicker
    if ends_sentence(kicker):
        return below if read_dateline(kicker) else kicker
    if is_section(key):
        return below
    if len(kicker.split()) > _KICKER:
        return kicker
    # The headline says itself again further down, and a sentence follows it.
    others = fold_lines(texts[texts.index(below) + 1 :])
    again = headline in others and key not in others
    return below if again and ends_sentence(lead) else kicker
