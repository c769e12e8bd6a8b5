"""Whether any rule can apply to an article: to most none can, and then the bench need not sit.

It has to be sure: where a line may have any form that a rule knows, it says so, and the bench decides. A rule that is
added there has to be thought of here (a property test holds the two against each other).
"""

from __future__ import annotations

from collections.abc import Sequence

from storage.records import BlockKind
from tasks.normalize.contents import CONTENTS
from tasks.normalize.look import Look
from tasks.normalize.quotes import add_pulled
from tasks.normalize.shapes import OPENING
from tasks.normalize.targets import Finding, Place, near_copy


def nothing_applies(look: Look, kinds: Sequence[BlockKind] | None) -> bool:
    """Whether no line that was looked at can be a copy, a seed or a quotation that a rule takes out.

    What the source has taught is not asked here. Without a teaser the bench has to seek one.
    """
    seen, traits = look.seen, look.traits
    if not seen.teaser_key or look.stubs or traits.dotted or traits.photo_credits or len(traits.timed) >= CONTENTS:
        return False
    if _may_have_copies(look):
        return False
    if not kinds or BlockKind.QUOTE not in kinds:
        return True
    pulled: dict[int, Finding] = {}
    add_pulled(seen.lines, seen.keys, range(len(seen.keys)), kinds, pulled)
    return not pulled


def _may_have_copies(look: Look) -> bool:
    """Whether a line may be a copy of another, or a changed copy of headline or teaser.

    Inside the body such a line begins as they do. Outside it may also have more around it, or other words.
    """
    keys, openings = look.seen.keys, look.shapes.openings
    heads = {key[:OPENING] for key in keys}
    if b"" in heads or not heads.isdisjoint(openings) or (len(heads) < len(keys) and len({*keys}) < len(keys)):
        return True
    paragraphs = look.traits.paragraphs
    second, last = (paragraphs[1], paragraphs[-1]) if len(paragraphs) > 1 else (len(keys), len(keys))
    lines, fit = look.seen.lines, look.shapes.fit
    for i in [*range(min(second + 1, len(keys))), *range(last, len(keys))]:
        if fit(key := keys[i]):
            for target in look.targets:
                if target.key in key or near_copy(target, lines[i], key, Place.LEAD):
                    return True
    return False
