"""Entry to clean article: pure, versioned, every removal with its reason."""

from tasks.normalize.boilerplate import KnownLine, line_keys
from tasks.normalize.clean import THRESHOLD, VERSION, clean_copy, normalize

__all__ = ["THRESHOLD", "VERSION", "KnownLine", "clean_copy", "line_keys", "normalize"]
