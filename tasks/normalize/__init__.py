"""Entry to clean article: pure, versioned, every removal with its reason."""

from storage.records import KnownLine
from tasks.normalize.boilerplate import key_of, line_keys
from tasks.normalize.clean import VERSION, Reading, clean_copy, clean_headline, normalize, read
from tasks.normalize.judge import THRESHOLD

__all__ = [
    "THRESHOLD",
    "VERSION",
    "KnownLine",
    "Reading",
    "clean_copy",
    "clean_headline",
    "key_of",
    "line_keys",
    "normalize",
    "read",
]
