"""Which extractor serves best for articles' pages: how much of the text it finds, how much else, what it costs.

Run with `python -m benchmarks.pages CASES…` where each of CASES is a folder of `NAME.html` with the article's text in
`NAME.txt` beside it, or a `.jsonl` of line cases (`lines_in` with a label per line: K stays, B is boilerplate), which
are set as a plain page first. Extractors that are not installed are left out. Every answer goes through our normalizer
as well, since that is what an article becomes.
"""

from __future__ import annotations

import html
import importlib
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection
from pathlib import Path

from tasks.formats.pages import article_html
from tasks.normalize import clean_copy

Extract = Callable[[bytes], str]
# Characters below which a line of a page is taken for an entry of a menu when a line case is set as a page.
_SHORT = 40
# Size of the pages made to hurt, and the seconds that a reading of one may take.
_HOSTILE_BYTES, _PATIENCE = 400_000, 20


@dataclass(frozen=True, kw_only=True)
class Case:
    """A page and the words of its article; `junk` are words that must not come, where a case names them."""

    name: str
    page: bytes
    text: list[str]
    junk: list[str]


def main(paths: list[str]) -> None:
    """Print a table for each of `paths`, and what hostile pages cost."""
    extractors = dict(_extractors())
    for path in paths:
        cases = list(_lines(Path(path)) if path.endswith(".jsonl") else _pages(Path(path)))
        print(f"\n{len(cases)} pages, {sum(len(case.page) for case in cases) // len(cases) // 1000} kB each\n")
        print("| extractor | F1 | precision | recall | pages lost | F1 normalized | junk left | CPU ms a page |")
        print("|---|---|---|---|---|---|---|---|")
        for name, extract in extractors.items():
            print(_row(name, extract, cases))
    print("\n| extractor | " + " | ".join(_HOSTILE) + " |\n|---|" + "---|" * len(_HOSTILE))
    for name, extract in extractors.items():
        print(f"| {name} | " + " | ".join(_suffered(extract, make()) for make in _HOSTILE.values()) + " |")


def _row(name: str, extract: Extract, cases: list[Case]) -> str:
    scores, normalized, spent, lost, junk, junk_of = [], [], 0.0, 0, 0, 0
    for case in cases:
        began = time.process_time()
        try:
            found = extract(case.page)
        except Exception:  # noqa: BLE001  # an extractor that fails has found nothing
            found = ""
        spent += time.process_time() - began
        words = _shingles(_words(_plain(found)))
        truth = _shingles(case.text)
        scores.append(_score(words, truth))
        lost += scores[-1][1] < 0.2
        clean = clean_copy(found).text if found else ""
        normalized.append(_score(_shingles(_words(clean)), truth)[2])
        if case.junk:
            bad = _shingles(case.junk) - truth
            junk += sum((bad & _shingles(_words(clean))).values())
            junk_of += sum(bad.values())
    mean = [sum(score[k] for score in scores) / len(scores) for k in range(3)]
    left = f"{100 * junk / junk_of:.1f} %" if junk_of else "–"
    return (
        f"| {name} | {mean[2]:.3f} | {mean[0]:.3f} | {mean[1]:.3f} | {lost} | {sum(normalized) / len(normalized):.3f} "
        f"| {left} | {1000 * spent / len(cases):.1f} |"
    )


def _score(found: Counter[str], truth: Counter[str]) -> tuple[float, float, float]:
    """Precision, recall and F1 of runs of four words."""
    hits = sum((found & truth).values())
    precision = hits / max(sum(found.values()), 1)
    recall = hits / max(sum(truth.values()), 1)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


def _shingles(words: list[str]) -> Counter[str]:
    return Counter(" ".join(words[n : n + 4]) for n in range(max(len(words) - 3, 1)))


def _words(text: str) -> list[str]:
    return re.findall(r"[぀-ヿ一-鿿]|\w+", text.casefold())


def _plain(found: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", " ", found)) if "<" in found else found


# --- cases --------------------------------------------------------------------------------------------------------


def _pages(folder: Path) -> Iterator[Case]:
    for path in sorted(folder.glob("*.html")):
        text = path.with_suffix(".txt").read_text(errors="replace")
        yield Case(name=path.stem, page=path.read_bytes(), text=_words(text), junk=[])


def _lines(path: Path) -> Iterator[Case]:
    for line in path.read_text().splitlines():
        case = json.loads(line)
        if case["kind"] != "real_page":
            continue
        pairs = list(zip(case["lines_in"], case["labels"], strict=True))
        kept = [text for text, label in pairs if label == "K"]
        gone = [text for text, label in pairs if label == "B"]
        yield Case(
            name=case["id"],
            page=_set(case["headline"], [text for text, _ in pairs]),
            text=_words("\n".join(kept)),
            junk=_words("\n".join(gone)),
        )


def _set(headline: str, lines: list[str]) -> bytes:
    """Set lines as a page without any hint but their length: three short ones in a row are a list of links."""
    parts: list[str] = []
    run: list[str] = []

    def close() -> None:
        items = [html.escape(text) for text in run]
        if len(run) > 2:
            parts.append("<ul>" + "".join(f'<li><a href="/x">{item}</a></li>' for item in items) + "</ul>")
        else:
            parts.extend(f"<p>{item}</p>" for item in items)
        run.clear()

    for text in lines:
        if text == headline:
            close()
            parts.append(f"<h1>{html.escape(text)}</h1>")
        elif len(text) < _SHORT:
            run.append(text)
        else:
            close()
            parts.append(f"<p>{html.escape(text)}</p>")
    close()
    head = f"<!doctype html><html><head><meta charset='utf-8'><title>{html.escape(headline)}</title></head><body>"
    return (head + "".join(parts) + "</body></html>").encode()


# --- pages made to hurt -------------------------------------------------------------------------------------------


def _deep() -> bytes:
    return b"<html><body>" + b"<div>" * (_HOSTILE_BYTES // 5) + b"Text"


def _flat() -> bytes:
    return b"<html><body>" + b"<p>Ein Satz, der lang genug ist, um zu gelten.</p>" * (_HOSTILE_BYTES // 50)


def _attributes() -> bytes:
    return b"<html><body><p " + b" ".join(b"a%d=1" % n for n in range(_HOSTILE_BYTES // 8)) + b">Text</p>"


def _unclosed() -> bytes:
    return b"<html><body>" + b"<a><b><i><p>" * (_HOSTILE_BYTES // 12) + b"Text"


def _comments() -> bytes:
    return b"<html><body>" + b"<!--" * (_HOSTILE_BYTES // 4)


_HOSTILE = {"deep": _deep, "many paragraphs": _flat, "attributes": _attributes, "unclosed": _unclosed,
            "comments": _comments}  # fmt: skip


def _suffered(extract: Extract, page: bytes) -> str:
    """CPU seconds that a page costs, in a process of its own that is ended after a while."""
    ours, theirs = Pipe(duplex=False)
    process = Process(target=_suffer, args=(extract, page, theirs))
    process.start()
    theirs.close()
    said = ours.recv() if ours.poll(_PATIENCE) else f"ended after {_PATIENCE} s"
    process.kill()
    process.join()
    return str(said)


def _suffer(extract: Extract, page: bytes, answer: Connection) -> None:
    began = time.process_time()
    said = ""
    try:
        extract(page)
    except Exception as error:  # noqa: BLE001  # what it raises is the finding
        said = f" ({type(error).__name__})"
    answer.send(f"{time.process_time() - began:.2f} s{said}")


# --- extractors ---------------------------------------------------------------------------------------------------


def _extractors() -> Iterator[tuple[str, Extract]]:
    for name, make in _MAKERS.items():
        try:
            yield name, make()
        except ImportError:
            print(f"{name} is not installed", file=sys.stderr)


def _ours() -> Extract:
    return lambda page: article_html(page, None)


def _trafilatura(**options: object) -> Extract:
    module = importlib.import_module("trafilatura")
    return lambda page: module.extract(page, include_comments=False, include_tables=True, **options) or ""


def _resiliparse() -> Extract:
    extract = importlib.import_module("resiliparse.extract.html2text")
    return lambda page: extract.extract_plain_text(page.decode("utf-8", "replace"), main_content=True, links=False)


def _newspaper() -> Extract:
    module = importlib.import_module("newspaper")

    def extract(page: bytes) -> str:
        article = module.Article("https://paper.example/a")
        article.download(input_html=page.decode("utf-8", "replace"))
        article.parse()
        return str(article.text)

    return extract


def _justext() -> Extract:
    module = importlib.import_module("justext")
    words = module.get_stoplist("German") | module.get_stoplist("English")
    return lambda page: "\n".join(part.text for part in module.justext(page, words) if not part.is_boilerplate)


def _boilerpy() -> Extract:
    module = importlib.import_module("boilerpy3.extractors")
    extractor = module.ArticleExtractor(raise_on_failure=False)
    return lambda page: str(extractor.get_content(page.decode("utf-8", "replace")))


_MAKERS: dict[str, Callable[[], Extract]] = {
    "readability-lxml, as used": _ours,
    "trafilatura": _trafilatura,
    "trafilatura fast": lambda: _trafilatura(fast=True),
    "resiliparse": _resiliparse,
    "newspaper4k": _newspaper,
    "jusText": _justext,
    "boilerpy3": _boilerpy,
}


if __name__ == "__main__":
    main(sys.argv[1:])
