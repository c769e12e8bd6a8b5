"""Article in, tags out, each with its provenance: language, feed categories, names, topics, the desk's own rules."""

from tasks.enrich.desk_file import RulesError
from tasks.enrich.language import detect_language
from tasks.enrich.reading import EnrichInput
from tasks.enrich.registry import VERSION, Enricher, EnricherError, Enrichers, Tagging

__all__ = [
    "VERSION",
    "EnrichInput",
    "Enricher",
    "EnricherError",
    "Enrichers",
    "RulesError",
    "Tagging",
    "detect_language",
]
