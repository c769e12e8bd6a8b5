"""Takes out the lines that are headline or teaser, letter for letter; what an article says of its headline stays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tasks.normalize.bench import Bench
from tasks.normalize.targets import Target, ends_sentence, is_quotation, stops

_PIECE = 12  # bytes of key that a line must have to be the first piece of a teaser

_WORD = 30  # bytes of key below which a text without a blank is a word, and not a sentence of Chinese


def take_exact(bench: Bench, target: Target) -> None:
    """Take out the lines that are the target; the first of them holds its place."""
    if target.key not in bench.first_at:
        return
    keys, wanted = bench.keys, target.key
    copies = [i for i in bench.standing if keys[i] == wanted]
    if len(wanted) < _WORD and " " not in target.text:  # "Wien" heads a part of "Wien", too
        bench.find_places()
        copies = [i for i in copies if i <= bench.first]
    quoted = is_quotation(target.text)
    if target.name == "headline" and (quoted or len(copies) > 1) and not ends_sentence(target.text):
        bench.find_places()
        bench.spoken = _said(bench, copies, quoted=quoted)
        copies = [i for i in copies if i not in bench.spoken]
    elif target.name == "teaser" and quoted:
        copies = [i for i in copies if is_quotation(bench.lines[i])]  # without marks it is the speaker's answer
    _take_copies(bench, target, copies)
    setattr(bench, target.name, target._replace(stands=True))
    bench.sweep()


def _take_copies(bench: Bench, target: Target, copies: Sequence[int]) -> None:
    for i in copies:
        known = target.name in bench.slots.values()
        if not known:
            bench.slots[i] = target.name
        bench.mark(i, target.found("copy", "repeats" if known else "is", 1.0))


def _said(bench: Bench, copies: Iterable[int], *, quoted: bool) -> set[int]:
    """Which copies of the headline the article says: sentences behind its first paragraph, and more than one.

    What stands before that paragraph belongs to the page, and nobody says it. Where the headline is a quotation, one
    that has a full stop, which the headline has not, is what it quotes, wherever that stands.
    """
    said = {i for i in copies if i > bench.first and ends_sentence(bench.lines[i])}
    return {i for i in copies if (quoted and stops(bench.lines[i])) or (i in said and len(said) > 1)}


def take_unspoken(bench: Bench) -> None:
    """Take out the headline where it is not said after all: what seemed the first paragraph has left."""
    if not bench.spoken or not bench.headline:
        return
    said = _said(bench, bench.spoken, quoted=is_quotation(bench.headline.text))
    _take_copies(bench, bench.headline, sorted(bench.spoken - said))
    bench.spoken = said
    bench.sweep()


def take_kicker(bench: Bench) -> bool:
    """Take out the headline's kicker in a line of its own, above the body and right above a copy that left."""
    headline = bench.headline
    if not headline or not headline.bare:
        return False
    kicker = headline.key[: -len(headline.bare)]
    at = bench.first_at.get(kicker)
    below = None if at is None else bench.gone.get(at + 1)
    if at is None or below is None or at > bench.first or not below.rule.startswith("headline_"):
        return False
    bench.mark(at, headline.found("cut", "is the kicker, in a line of its own, of", 0.9))
    return bench.sweep()


def take_pieces(bench: Bench, target: Target) -> None:
    """The teaser line by line, right before a copy of headline or teaser: there the body has not begun."""
    keys, standing, last = bench.keys, bench.standing, max(bench.gone, default=-1)
    for n, i in enumerate(standing):
        if i > last:
            break
        size = len(keys[i])
        if not (_PIECE <= size < len(target.key) and target.key.startswith(keys[i])):
            continue
        end = n + 1
        while end < len(standing) and target.key.startswith(keys[standing[end]], size):
            size += len(keys[standing[end]])
            end += 1
        behind = standing[end - 1] + 1
        if size == len(target.key) and behind in bench.gone and bench.gone[behind].confidence == 1.0:
            for piece in standing[n:end]:
                bench.mark(piece, target.found("cut", "is, with the lines beside it,", 0.9))
            break
    bench.sweep()
