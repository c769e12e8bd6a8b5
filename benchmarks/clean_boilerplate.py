"""How much of a source's boilerplate leaves once a dozen of its articles have been seen, and what body goes with it.

Run with `python -m benchmarks.clean_boilerplate CASES [ARTICLES]`. CASES is a file of a line-cleaning yardstick, one
JSON object a line with `publisher`, `kind`, `lang`, `headline`, `teaser`, `lines_in` and one label a line (`B`
boilerplate, `K` body). Few publishers have a dozen pages in it, so each source with two or more is continued: a
further article takes the frame of one of the pages, the body of an article of another publisher in that language, and
where the page has lines that none of its sisters has (lists of other stories, names, captions) as many lines of that
kind from elsewhere, none of them twice, so that nothing is learned from what a real page would not repeat. Numbers in
the frame's short lines change.

Each article is then cleaned with what the others have taught. `standing` counts the boilerplate that two or more of
the others hold, in these words or but for their numbers; `all` counts what is new on each page, too, which no count
can know.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.clean_adapter import verdict

ARTICLES = 12
SHORT = 80  # characters up to which a line's numbers change from article to article
PARAGRAPHS = 4  # that a borrowed body has at least
_DIGIT = re.compile(r"\d")
Line = tuple[str, str]  # label and text
Case = dict[str, Any]


def articles(pages: Sequence[Case], bodies: Sequence[Sequence[str]], strange: Iterator[str], count: int) -> list[Case]:
    """`count` articles of one source: its pages, and further ones in their frames."""
    held = Counter(line for page in pages for line in set(map(_masked, page["lines_in"])))
    made = list(pages)
    for number in range(len(pages), count):
        page = pages[number % len(pages)]
        pick = random.Random(f"{page['publisher']}/{number}")
        body = bodies[pick.randrange(len(bodies))]
        lines = list(_continued(page, held, body, strange, pick))
        made.append(page | {"lines_in": [text for _, text in lines], "labels": [label for label, _ in lines]})
    return made


def _continued(
    page: Case, held: Counter[str], body: Sequence[str], strange: Iterator[str], pick: random.Random
) -> Iterator[Line]:
    """The frame of a page around another body."""
    written = False
    for label, line in zip(page["labels"], page["lines_in"], strict=True):
        if label != "B":
            if not written:
                yield from (("K", paragraph) for paragraph in body)
            written = True
        elif held[_masked(line)] < 2:
            yield from (("B", other) for other in islice(strange, 1))
        elif len(line) > SHORT:
            yield "B", line
        else:
            yield "B", _DIGIT.sub(lambda _: str(pick.randrange(10)), line)


def _masked(line: str) -> str:
    return _DIGIT.sub("0", line)


def measured(cases: Sequence[Case], count: int, kind: str) -> dict[str, Counter[str]]:
    """Counts by source, for the pages of one kind."""
    by_source: dict[str, list[Case]] = defaultdict(list)
    bodies: dict[str, list[tuple[str, list[str]]]] = defaultdict(list)
    for case in cases:
        if case["kind"] == kind:
            by_source[case["publisher"]].append(case)
        if case["kind"] == "clean":
            body = [line for line, label in zip(case["lines_in"], case["labels"], strict=True) if label == "K"]
            if len(body) >= PARAGRAPHS:
                bodies[case["lang"]].append((case["publisher"], body))
    found: dict[str, Counter[str]] = {}
    for source, pages in by_source.items():
        borrowed = [body for publisher, body in bodies[pages[0]["lang"]] if publisher != source]
        if len(pages) < 2 or not borrowed:
            continue
        found[source] = _scored(articles(pages, borrowed, _strange(cases, kind, source), count))
    return found


def _strange(cases: Sequence[Case], kind: str, source: str) -> Iterator[str]:
    """The boilerplate of the other sources, shuffled, each line once."""
    others = [case for case in cases if case["kind"] == kind and case["publisher"] != source]
    pairs = (pair for case in others for pair in zip(case["labels"], case["lines_in"], strict=True))
    lines = sorted({line for label, line in pairs if label == "B"})
    random.Random(source).shuffle(lines)
    return iter(lines)


def _scored(source: Sequence[Case]) -> Counter[str]:
    counts: Counter[str] = Counter(articles=len(source))
    masked = [set(map(_masked, case["lines_in"])) for case in source]
    for number, case in enumerate(source):
        others = Counter(line for at, lines in enumerate(masked) if at != number for line in lines)
        history = [other["lines_in"] for at, other in enumerate(source) if at != number]
        found = verdict(None, None, case["lines_in"], history)
        for i, (label, line) in enumerate(zip(case["labels"], case["lines_in"], strict=True)):
            if label == "K":
                counts["body"] += 1
                counts["lost"] += found.goes(i) and found.findings[i].rule in {"learned", "stub"}  # type: ignore[union-attr]
            elif label == "B":
                counts["all"] += 1
                counts["all_gone"] += found.goes(i)
                if others[_masked(line)] > 1:
                    counts["standing"] += 1
                    counts["standing_gone"] += found.goes(i)
    return counts


def report(path: Path, count: int) -> Iterator[str]:
    """The lines of the report."""
    cases = [json.loads(row) for row in path.read_text(encoding="utf-8").splitlines()]
    for kind in ("real_article", "real_page"):
        found = measured(cases, count, kind)
        total: Counter[str] = sum(found.values(), Counter())
        if not total:
            yield f"{kind}: no source with two pages"
            continue
        yield f"{kind}: {len(found)} sources, {total['articles']} articles, {count - 1} others seen by each"
        for name in ("standing", "all"):
            gone, lines = total[f"{name}_gone"], total[name]
            rates = sorted(one[f"{name}_gone"] / one[name] for one in found.values() if one[name])
            yield (
                f"  boilerplate, {name}: {gone} of {lines} lines gone, {gone / max(1, lines):.3f};"
                f" median of the sources {rates[len(rates) // 2] if rates else 0:.3f}"
            )
        yield f"  body: {total['lost']} of {total['body']} lines lost, {total['lost'] / max(1, total['body']):.3%}"


def main() -> None:
    if len(sys.argv) < 2:
        raise SystemExit("say which file of cases: python -m benchmarks.clean_boilerplate CASES [ARTICLES]")
    for line in report(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else ARTICLES):
        print(line)


if __name__ == "__main__":
    main()
