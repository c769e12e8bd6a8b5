"""Frozen records that cost what an open one costs: whether one is changed is mypy's to see, not the interpreter's.

`dataclass(frozen=True)` sets each field of a new instance by a call. A worker makes a hundred such values for an
article, and setting them so took it longer than a commit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:
    from dataclasses import dataclass

    def record(*, frozen, **options):
        """Do what `dataclasses.dataclass` does; `frozen` records hash and compare by value, and are not to be set."""
        return dataclass(unsafe_hash=frozen, **options)


__all__ = ["record"]
