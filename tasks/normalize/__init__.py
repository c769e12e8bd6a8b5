"""Entry to clean article: pure, versioned, every removal with its reason."""

from storage.records import KnownLine
from tasks.normalize.boilerplate import key_of, line_keys
from tasks.normalize.clean import VERSION, clean_copy, normalize
from tasks.normalize.headlines import clean_headline
from tasks.normalize.judge import THRESHOLD
from tasks.normalize.reading import Reading, read

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
