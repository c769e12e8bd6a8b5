"""One story, many copies: which articles are copies of one text, and how they relate. Pure."""

from tasks.stories.compare import Comparison, compare
from tasks.stories.fingerprint import VERSION, Fingerprint, fingerprint

__all__ = ["VERSION", "Comparison", "Fingerprint", "compare", "fingerprint"]
