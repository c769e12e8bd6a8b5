"""The word lists that the enrichers read: written for this project, one plain text file each."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files


def read_lines(name: str) -> Iterator[str]:
    """Yield the lines of the list `name` that say something: no blank ones, no comments."""
    for line in files(__name__).joinpath(name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line
