"""Takes out the lists of other stories that pages set below a text, under a label that a seed knows."""

from __future__ import annotations

from tasks.normalize.bench import Bench
from tasks.normalize.targets import Finding, ends_sentence

_LINKS = frozenset([b"link", b"links"])
_LABEL = Finding(rule="related", reason="is a label above links, on a page with menus", confidence=0.7)
_ENTRY = Finding(rule="related", reason="stands in a list of other stories, below the text", confidence=0.7)


def take_related(bench: Bench) -> None:
    """Take out the entries below each label that left behind the last paragraph.

    A list ends with a sentence, which may be the text's, and with a number, as results and contacts end.
    """
    labels = {i for i, stub in bench.stubs.items() if stub.opens and i > bench.last and i in bench.gone}
    if any(found.rule == "menu" for found in bench.gone.values()):
        labels |= _links(bench)
    if not labels:
        return
    listed = False
    for i in range(min(labels), len(bench.lines)):
        if i in labels:
            listed = True
        elif i in bench.gone or not bench.keys[i]:
            continue
        elif listed and _is_entry(bench, i):
            bench.mark(i, _ENTRY)
        else:
            listed = False
    bench.sweep()


def _links(bench: Bench) -> set[int]:
    """Where a whole page names its links: in a feed's entry they may be the sources of a fact check."""
    labels = {i for i in bench.standing if i > bench.last and bench.keys[i] in _LINKS}
    for i in labels:
        bench.mark(i, _LABEL)
    return labels


def _is_entry(bench: Bench, i: int) -> bool:
    if i in bench.is_paragraph or bench.is_forbidden(i) or not bench.is_running(i):
        return False
    line = bench.lines[i]
    return not line[-1:].isdigit() and not ends_sentence(line)
