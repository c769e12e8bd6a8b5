"""The feed's own categories as tags, told apart by vocabulary where the feed names one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from storage.records import Tag
from tasks.enrich.reading import EnrichInput

VERSION: Final = "1"
NAME: Final = "categories"
SCHEME: Final = "feed"
AT_MOST: Final = 40  # feeds that put a page's whole menu into every entry exist


def tag_categories(article: EnrichInput) -> Iterator[Tag]:
    """Yield one tag per category, the feed's word as code and its label, when there is one, as label."""
    seen: set[str] = set()
    for category in article.categories:
        term = " ".join(category.term.split())
        label = " ".join((category.label or "").split()) or term
        key = f"{category.scheme}\n{term}".casefold()
        if not term or key in seen:
            continue
        seen.add(key)
        evidence = (category.scheme,) if category.scheme else ()
        yield Tag("category", label, SCHEME, term, 1.0, NAME, VERSION, evidence)
        if len(seen) == AT_MOST:
            return
