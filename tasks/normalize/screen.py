"""Whether any rule can apply to an article: to most none can, and then the bench need not sit.

It has to be sure: where a line may have any form that a rule knows, it says so, and the bench decides. A rule that is
added there has to be thought of here (a property test holds the two against each other).
"""

from __future__ import annotations

from collections.abc import Sequence

from storage.records import BlockKind
from tasks.normalize.contents import CONTENTS
from tasks.normalize.look import Look
from tasks.normalize.menus import may_have_menus
from tasks.normalize.quotes import add_pulled
from tasks.normalize.shapes import OPENING
from tasks.normalize.targets import AROUND, Finding, Place, near_copy


def nothing_applies(look: Look, kinds: Sequence[BlockKind] | None) -> bool:
    """Whether no line that was looked at can be a copy, a seed or a quotation that a rule takes out.

    What the source has taught is not asked here. Without a teaser the bench has to seek one.
    """
    seen, traits = look.seen, look.traits
    if not seen.teaser_key or look.stubs or traits.dotted or traits.photo_credits or len(traits.timed) >= CONTENTS:
        return False
    if _may_have_copies(look) or may_have_menus(seen.keys):
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
    keys, shapes = look.seen.keys, look.shapes
    heads = [key[:OPENING] for key in keys]
    if len({*heads}) < len(heads) and len({*keys}) < len(keys):
        return True
    alike = [] if shapes.openings.isdisjoint(heads) else [key for key in keys if key[:OPENING] in shapes.openings]
    if alike and any(_may_be_copy(look, key) for key in alike):
        return True
    paragraphs = look.traits.paragraphs
    second, last = (paragraphs[1], paragraphs[-1]) if len(paragraphs) > 1 else (len(keys), len(keys))
    around = [i for i in (*range(min(second + 1, len(keys))), *range(last, len(keys))) if shapes.fit(keys[i])]
    for i in around:
        if _may_be_copy(look, keys[i]):
            return True
        for target in look.targets:
            if near_copy(target, look.seen.lines[i], keys[i], Place.LEAD):
                return True
    return False


def _may_be_copy(look: Look, key: bytes) -> bool:
    """Whether a line may be headline or teaser, cut, with a few words around it, or with the other one."""
    others = 0
    for target in look.targets:
        more = len(key) - len(target.key)
        if more < 0:
            if target.key.startswith(key) or target.bare.startswith(key):
                return True
        elif target.key in key:
            if more <= AROUND or others:
                return True
            others += 1
    return False
