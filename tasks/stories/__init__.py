"""One story, many copies: which articles are copies of one text, and how they relate.

What is named here is pure; `tasks.stories.settle` reads and writes for the articles of a document, and
`tasks.stories.desk` does what an operator says.
"""

from tasks.stories.compare import Comparison, compare
from tasks.stories.fingerprint import VERSION, Fingerprint, fingerprint, fingerprints
from tasks.stories.place import Candidate, Match, Placement, place

__all__ = [
    "VERSION",
    "Candidate",
    "Comparison",
    "Fingerprint",
    "Match",
    "Placement",
    "compare",
    "fingerprint",
    "fingerprints",
    "place",
]
