"""The small words around a name that tell what it is, in German and English copy."""

from __future__ import annotations

from typing import Final

WHAT_HE_IS: Final = {"en": frozenset({"a", "an", "the"}), "de": frozenset({"der", "die", "ein", "eine"})}
APART: Final = 6  # words between a role and the name that it is about: "The head of the union, Ann Lee, said"
OWNED: Final = frozenset(
    {"shares", "Shares", "stake", "stakes", "stock", "Stock", "invest", "invested", "investors", "Investors"}
)
PUBLISHED: Final = frozenset(
    {"published", "report", "reported", "reports", "appeared", "appears", "wrote", "writing", "written", "writes"}
)
BESIDE_IN: Final = OWNED | PUBLISHED  # after which "in" names no place
IN: Final = frozenset({"im", "in"})
PAID: Final = frozenset(  # who is named with the house that pays him: "an economist at Zentiva"
    {"economist", "analyst", "strategist", "professor", "researcher", "scientist", "lecturer", "trader"}
    | {"director", "engineer", "historian", "physicist", "biologist", "adviser", "executive", "chemist", "partner"}
    | {"broker", "curator", "editor", "lawyer", "archaeologist", "epidemiologist", "virologist", "geologist"}
)
PAID_ENDINGS: Final = ("nalyst", "nalystin", "konom", "konomin", "olkswirt", "olkswirtin", "tratege", "trategin")
# Between one of these and a name "group" and "firm" do not name: "the group Smith leads", but "the German group X".
GENERAL: Final = frozenset({"firm", "group", "giant"})
DETERMINERS: Final = frozenset({"the", "a", "an", "his", "her", "its", "their", "this", "that", "same", "of", "one"})
WHERE: Final = frozenset(
    {"Kanton", "Bezirk", "Landkreis", "Kreis", "Bundesland", "Bundesstaat", "Norden", "Süden", "Osten", "Westen"}
    | {"Nordosten", "Nordwesten", "Südosten", "Südwesten", "Departement", "Gemeindegebiet", "Bundesstaates"}
)
