"""Reads an entry: its markup into lines, mended, each with its key. It is done once, however often it is cleaned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from storage.records import BlockKind, Entry
from tasks.normalize.blocks import read_blocks
from tasks.normalize.fold import fold_lines
from tasks.normalize.latin import fold_latin
from tasks.normalize.look import Look, Sight
from tasks.normalize.mend import has_entity, mend, mend_lines, tidy_spaces
from tasks.normalize.plain import Piece
from tasks.normalize.verse import without_furniture

_FULL_TEXT = 600  # characters from which a teaser of several paragraphs is the article itself
_BLANKS = " \t\r\n"


@dataclass(kw_only=True, slots=True)
class Reading:
    """An entry as read: what cleaning it does not have to do again when its source has taught more.

    The lines of the body stand with their kinds and keys, those of the teaser with their keys; none is empty. `look`
    is what the lines of the body are by their form; it is there once the entry has been cleaned. `authors` are those
    that the feed names.
    """

    headline: str
    headline_key: bytes
    teaser: Sequence[str]
    teaser_keys: Sequence[bytes]
    kinds: Sequence[BlockKind]
    lines: Sequence[str]
    keys: Sequence[bytes]
    look: Look | None = None
    authors: Sequence[str] = ()

    @property
    def seen(self) -> Sight | None:
        """The lines that were judged, with their keys; None as long as the entry was not cleaned."""
        return self.look.seen if self.look is not None else None

    def looked_at(self, seen: Sight) -> Look:
        """The look at what is given: the one that was had, or a new one; the first is kept."""
        if self.look is not None and self.look.seen == seen:
            return self.look
        look = Look.at(seen)
        if self.look is None:
            self.look = look
        return look


def read(entry: Entry) -> Reading:
    """Read the markup of an entry into lines."""
    teaser = read_blocks(entry.teaser) if entry.teaser else []
    body = read_blocks(entry.content) if entry.content else []
    if not body and len(teaser) > 1 and sum([len(text) for _, text in teaser]) > _FULL_TEXT:
        body, teaser = teaser, []
    reading = reading_of(entry.headline, teaser, body)
    reading.authors = entry.authors
    return reading


def reading_of(headline: str, teaser: Sequence[Piece], body: Sequence[Piece]) -> Reading:
    """Mend and fold a headline and the pieces of a teaser and a body."""
    said = [text for kind, text in teaser if kind is not BlockKind.EMBED]
    kinds = [kind for kind, _ in body]
    if BlockKind.VERSE in kinds:
        body = without_furniture(headline, said, body)
        kinds = [kind for kind, _ in body]
    texts = [headline, *said, *[text for _, text in body]]
    plain = None if BlockKind.VERSE in kinds else _plain(texts)
    if plain is None:
        mended = _mended(kinds, [text for _, text in body])
        texts = [mend(headline), *mend_lines(said), *mended]
        keys = fold_lines(texts)
    else:
        texts, keys = plain
    begin = 1 + len(said)
    reading = Reading(
        headline=texts[0],
        headline_key=keys[0],
        teaser=texts[1:begin],
        teaser_keys=keys[1:begin],
        kinds=kinds,
        lines=texts[begin:],
        keys=keys[begin:],
    )
    return reading if "" not in texts else _without_empty(reading)


def _plain(texts: Sequence[str]) -> tuple[list[str], list[bytes]] | None:
    """Mend and fold texts that have no more to mend than white space; None where there is more."""
    texts = [text.strip(_BLANKS) for text in texts]
    if [text for text in texts if "\n" in text]:
        texts = [text.replace("\n", " ") for text in texts]
    joined = "\n".join(texts)
    whole = joined.replace("\u00a0", " ").replace("\t", " ")
    keys = fold_latin(whole)
    if keys is None or has_entity(whole):
        return None
    if whole != joined or whole.rfind("  ") >= 0:  # from behind it is found, and not found, a third sooner
        texts = tidy_spaces(whole).split("\n")
    return texts, keys


def _mended(kinds: Sequence[BlockKind], texts: Sequence[str]) -> list[str]:
    """Mend whatever there is; verse keeps its line breaks."""
    verses = [n for n, kind in enumerate(kinds) if kind is BlockKind.VERSE]
    mended = mend_lines([text if kind is not BlockKind.VERSE else "" for kind, text in zip(kinds, texts, strict=True)])
    for n in verses:
        mended[n] = "\n".join([verse for verse in mend_lines(texts[n].split("\n")) if verse])
    return mended


def _without_empty(reading: Reading) -> Reading:
    spoken = [n for n, text in enumerate(reading.teaser) if text]
    filled = [n for n, text in enumerate(reading.lines) if text]
    return replace(
        reading,
        teaser=[reading.teaser[n] for n in spoken],
        teaser_keys=[reading.teaser_keys[n] for n in spoken],
        kinds=[reading.kinds[n] for n in filled],
        lines=[reading.lines[n] for n in filled],
        keys=[reading.keys[n] for n in filled],
    )
