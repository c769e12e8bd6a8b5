"""Frozen records that cost what an open one costs: whether one is changed is mypy's to see, not the interpreter's.

`dataclass(frozen=True)` sets each field of a new instance by a call. A worker makes a hundred such values for an
article, and setting them so took it longer than a commit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as record
    from functools import cached_property as kept
else:
    from dataclasses import dataclass

    def record(*, frozen, **options):
        """Do what `dataclasses.dataclass` does; `frozen` records hash and compare by value, and are not to be set."""
        return dataclass(unsafe_hash=frozen, **options)

    class kept:  # noqa: N801 - a decorator, as the one it stands for
        """Do what `functools.cached_property` does from Python 3.12 on; 3.11 takes a lock, and a microsecond for it."""

        def __init__(self, function):
            self.function = function
            self.__doc__ = function.__doc__
            self.__name__ = function.__name__

        def __get__(self, instance, owner=None):
            if instance is None:
                return self
            value = instance.__dict__[self.__name__] = self.function(instance)
            return value


__all__ = ["kept", "record"]
