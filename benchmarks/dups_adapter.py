"""The yardstick's door to stories: documents in order of arrival, one cluster id each.

`stream` takes dicts with `headline` and `text`. The look-up is held in memory here; storage has its own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from tasks.stories import Fingerprint, compare, fingerprint


def stream(documents: Iterable[Mapping[str, str]]) -> list[int]:
    """Put each document into a story as it arrives; copies that a later one connects end in the same story."""
    seen: list[Fingerprint] = []
    story: list[int] = []
    having: dict[int, list[int]] = defaultdict(list)
    for document in documents:
        arrived = fingerprint(document["headline"], document["text"])
        keys = (*arrived.keys, *((arrived.text_key,) if arrived.text_key is not None else ()))
        shared = Counter(other for key in keys for other in having[key])
        joined = {story[other] for other, _ in shared.most_common(8) if compare(arrived, seen[other])}
        seen.append(arrived)
        story.append(min(joined, default=len(story)))
        story = [story[-1] if of in joined else of for of in story] if len(joined) > 1 else story
        for key in keys:
            having[key].append(len(seen) - 1)
    return story
