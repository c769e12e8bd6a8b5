"""The lines newsroom systems leave behind, known without having seen the source: a seed, German and English first.

A seed matches a whole line, or the start of one that goes on as such lines do. What a seed does not know, the count of
the source's own articles learns (`tasks.normalize.boilerplate`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files

from tasks.normalize.fold import fold
from tasks.normalize.targets import Finding

_DIGITS = re.compile(rb"\d+")
_MONTH = (
    r"(?:jan|feb|m[äa]r|apr|ma[iyj]|jun|jui|jul|aug|ao[uû]|sep|o[ck]t|nov|de[zcs]|ene|abr|ago|dic|gen|mag|giu|lug|set|ott)"
    r"[a-zäûé]*\.?"
)
_DAY = r"(?:mo|di|mi|do|fr|sa|so|mon|tue|wed|thu|fri|sat|sun|lun|mar|mer|jeu|ven|sam|dim)[a-zé]*\.?,?\s*"
_DATE = (
    rf"(?:{_DAY})?(?:\d{{1,2}}\.\s?\d{{1,2}}\.\s?\d{{2,4}}|\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{1,2}}/\d{{1,2}}/\d{{2,4}}"
    rf"|\d{{1,2}}\.?\s+{_MONTH}\s+\d{{4}}|{_MONTH}\s+\d{{1,2}},?\s+\d{{4}})"
)
_TIME = r"\d{1,2}[:.h]\d{2}(?:[:.]\d{2})?\s*(?:uhr|h|[ap]\.?m\.?|[a-z]{2,4}|utc[+-]?\d*)?"
_MOMENT = re.compile(rf"(?:{_DATE}(?:\s*[,|/–—-]?\s*(?:um|at|à|um)?\s*{_TIME})?)\.?", re.I)
_STAMP = re.compile(
    r"(?:zuletzt\s+)?(?:aktualisiert|ver(?:ö|oe)ffentlicht|publiziert|erstellt|erschienen|stand|published|posted|updated|last\s+updated|"
    r"last\s+modified|first\s+published|created|publié|mis\s+à\s+jour|modifié|publicado|actualizado|pubblicato|aggiornato|gepubliceerd|"
    r"bijgewerkt|geplaatst|udgivet|opdateret|publisert|oppdatert|publicerad|uppdaterad|опубликовано|обновлено)\b"
    rf"(?:\s*(?:am|on|at|le|el|il|op|den|um|:|der|the))*\s*(?:{_DATE}|{_TIME}|[,|–—-]|\s|um|at|à|uhr|h\b|vor|minuten|stunden|ago|min|hours?|minutes?)*\.?",
    re.I,
)

_LONGEST = 220  # bytes of key; a longer line says something


def _read_seeds() -> tuple[dict[bytes, str], dict[str, str]]:
    """Read the seeds: whole lines by key, and beginnings in lower case, each with what it is."""
    whole: dict[bytes, str] = {}
    beginnings: dict[str, str] = {}
    kind = ""
    for row in (files("tasks.normalize") / "seeds.txt").read_text(encoding="utf-8").splitlines():
        if row.startswith("["):
            kind = row.strip("[]")
        elif row.endswith("…"):
            beginnings[row.removesuffix("…").rstrip()] = kind
        elif row and not row.startswith("#"):
            whole[fold(row)] = kind
    return whole, beginnings


_WHOLE, _BEGINNINGS = _read_seeds()
_BEGIN = tuple(_BEGINNINGS)


def find_stubs(lines: Sequence[str], keys: Sequence[bytes], first_paragraph: int) -> dict[int, Finding]:
    """Return the lines that are newsroom furniture by their form; bare dates only before the first paragraph."""
    found: dict[int, Finding] = {}
    for i, key in enumerate(keys):
        if not key or len(key) > _LONGEST:
            continue
        kind = (
            _WHOLE.get(_DIGITS.sub(b"0", key))
            or _by_start(lines[i])
            or _by_date(lines[i], key, in_head=i < first_paragraph)
        )
        if kind:
            found[i] = Finding(rule="stub", reason=f"is a {kind}", confidence=0.9)
    return found


def _by_start(line: str) -> str | None:
    low = line[:80].lower().lstrip("-–•>» ")
    if not low.startswith(_BEGIN):
        return None
    return next(kind for phrase, kind in _BEGINNINGS.items() if low.startswith(phrase))


def _by_date(line: str, key: bytes, *, in_head: bool) -> str | None:
    if len(key) > 70:
        return None
    if _STAMP.fullmatch(line):
        return "publication stamp"
    if in_head and key[:1].isdigit() and _MOMENT.fullmatch(line):
        return "publication stamp"
    return None
