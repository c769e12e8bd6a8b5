"""When something was published or changed, as pages print it in a line of its own: dates, times, "3 hours ago"."""

from __future__ import annotations

import re

_MONTH = (
    r"(?:jan|feb|m[äa]r|apr|ma[iyj]|jun|jui|jul|aug|ao[uû]|sep|o[ck]t|nov|de[zcs]|ene|abr|ago|dic|gen|mag|giu|lug|set|ott)"
    r"[a-zäûé]*\.?"
)
_DAY = r"(?:mo|di|mi|do|fr|sa|so|mon|tue|wed|thu|fri|sat|sun|lun|mar|mer|jeu|ven|sam|dim)[a-zé]*\.?,?\s*"
_DATE = (
    rf"(?:{_DAY})?(?:\d{{1,2}}\.\s?\d{{1,2}}\.\s?\d{{2,4}}|\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{1,2}}/\d{{1,2}}/\d{{2,4}}"
    rf"|\d{{1,2}}(?:\.|st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}\s+\d{{4}}|{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}})"
)
# Any short word may be a zone, but not the month of the date behind the time.
_ZONE = rf"(?!{_MONTH}\b)[a-z]{{2,4}}(?:[+-]\d{{1,2}}|/[a-z]{{3,4}})?\b"
_TIME = rf"\d{{1,2}}[:.h]\d{{2}}(?:[:.]\d{{2}})?(?:\s*(?:uhr\b|h\b|[ap]\.?m\b\.?|{_ZONE}))?(?:\s{_ZONE})?"
_SOME = r"(?:(?:rund|etwa|about)\s+)?(?:\d{1,2}|an?|one|a\s+few|half\s+an|einer|einem|wenigen|einigen)"
_AGO = (
    rf"(?:vor\s+{_SOME}\s*(?:sekunden?|sek\.?|minuten?|min\.?|stunden?|std\.?|tage?n?|wochen?|monate?n?)"
    rf"|{_SOME}\s*(?:[smhd]|secs?\.?|seconds?|mins?\.?|minutes?|hrs?\.?|hours?|days?|weeks?|months?)\s+ago)"
)
_LATELY = rf"(?:heute|gestern|today|yesterday)\s*[,|]?\s*(?:um|at)?\s*{_TIME}"
_WHEN = rf"(?:{_DATE}(?:\s*[,|/–—-]?\s*(?:um|at|à|um)?\s*{_TIME})?|{_LATELY}|{_AGO})"
_LABEL = (
    r"(?:zuletzt\s+|this\s+(?:story|article)\s+was\s+(?:originally\s+)?)?(?:aktualisiert|ver(?:ö|oe)ffentlicht|publiziert|erstellt|erschienen|stand|published|posted|updated|last\s+updated|"
    r"last\s+modified|online\s+seit(?:\s+(?:heute|gestern))?|first\s+published|created|publié|mis\s+à\s+jour|modifié|publicado|actualizado|pubblicato|aggiornato|gepubliceerd|"
    r"bijgewerkt|geplaatst|udgivet|opdateret|publisert|oppdatert|publicerad|uppdaterad|опубликовано|обновлено)\b"
)
_LITTLE = r"(?:am|on|at|le|el|il|op|den|um|der|the|à|uhr|h|vor|minuten|stunden|ago|min|hours?|minutes?)"
# What was read is never read otherwise: "12:10 um 12:10 um …" has as many readings as ways to group its words.
_MORE = rf"(?>{_LABEL}|{_AGO}|{_LATELY}|{_DATE}|{_TIME}|[,|·–—:-]|/(?=\s*\d)|\s|\b{_LITTLE}\b)*+"
_LONGEST = 120  # characters; no stamp is longer, and a longer line could keep the expressions busy
_MOMENT = re.compile(rf"{_WHEN}\.?", re.I)
_STAMP = re.compile(rf"(?:{_WHEN}\s*[,|·/(–—-]?\s*)?{_LABEL}{_MORE}(?:/\s*[^\W\d_][\w.]*(?:\s[\w.]+)?)?[.)]?", re.I)

LABELS = """
online aktualisiert zuletzt this veröffentlicht publiziert erstellt erschienen stand published posted updated last first
created publié mis modifié publicado actualizado pubblicato aggiornato gepubliceerd bijgewerkt geplaatst udgivet
opdateret publisert oppdatert publicerad uppdaterad опубликовано обновлено
"""
# What a date, a day or a time ago may begin with, as two letters: of months, days and the words above.
DATE_STARTS = frozenset(
    b"ja fe m\xc3 ma ap ju au ao se oc ok no de en ab ag di ge gi lu ot "
    b"mo mi do fr sa so tu we th su me je ve vo he to ye".split()
)


def is_moment(text: str) -> bool:
    """Whether a text is nothing but a date, a date and a time, or how long ago that was."""
    return len(text) <= _LONGEST and _MOMENT.fullmatch(text) is not None


def is_labelled(text: str) -> bool:
    """Whether a text says of itself that it is when something was published or changed."""
    return len(text) <= _LONGEST and _STAMP.fullmatch(text) is not None


def is_stamp(text: str) -> bool:
    """Whether a text is nothing but when something was published or changed: a date, a date and a time, a stamp."""
    return is_moment(text) or is_labelled(text)
