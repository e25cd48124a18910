"""The form that mediators fill on a phone, as an XLSForm in French and English.

See https://xlsform.org. It asks for no name, no number and no position.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from response.short_codes import Unit
from response.submissions import digest
from response.vocabulary import SAID, People, PlaceKind, ReportKind, Sign

FR, EN = "Français (fr)", "English (en)"
SEVERITIES: MappingProxyType[str, tuple[str, str]] = MappingProxyType(
    {
        "1": ("1 léger", "1 slight"),
        "2": ("2 à suivre", "2 to be watched"),
        "3": ("3 sérieux", "3 serious"),
        "4": ("4 grave", "4 grave"),
        "5": ("5 mortel", "5 deadly"),
    }
)
"""What the numbers mean: a convention of Vigie."""

Sheets = dict[str, list[dict[str, str]]]
_SEEN = "${kind} != 'nothing_seen'"
_LABELS = (f"label::{FR}", f"label::{EN}")
_HINTS = (f"hint::{FR}", f"hint::{EN}")
_MESSAGES = (f"constraint_message::{FR}", f"constraint_message::{EN}")


def form_id(iso3: str) -> str:
    """The id of a country's form."""
    return f"vigie_report_{iso3.lower()}"


def sheets(units: Iterable[Unit], country: str, iso3: str) -> Sheets:
    """The form's three sheets, rows as column -> text.

    Args:
        units: what may be chosen, region by region, parent area by parent area.
        country: name of the country, for the title.
        iso3: its code, for the form's id.
    """
    chosen = sorted(units, key=lambda u: u.unit_id)
    choices = [*_areas(chosen), *_words()]
    survey = _survey()
    settings = {
        "form_title": f"Vigie {country}",
        "form_id": form_id(iso3),
        "version": str(int(digest(survey, choices)[:12], 16)),
        "default_language": FR,
    }
    return {"survey": survey, "choices": choices, "settings": [settings]}


def _said(fr: str, en: str, into: tuple[str, str] = _LABELS) -> dict[str, str]:
    return {into[0]: fr, into[1]: en}


def _survey() -> list[dict[str, str]]:
    def ask(type_: str, name: str, fr: str, en: str, **more: str) -> dict[str, str]:
        return {"type": type_, "name": name, **_said(fr, en), **more}

    return [
        {"type": "start", "name": "start"},
        {"type": "end", "name": "end"},
        ask(
            "note",
            "private",
            "N'écrivez aucun nom ni numéro. Votre position n'est pas envoyée.",
            "Write no name and no number. Your position is not sent.",
        ),
        ask("select_one region", "region", "Région", "Region", required="yes"),
        ask(
            "select_one parent",
            "parent",
            "Cercle",
            "Cercle",
            required="yes",
            choice_filter="region = ${region}",
        ),
        ask(
            "select_one unit",
            "unit",
            "Commune",
            "Commune",
            required="yes",
            choice_filter="parent = ${parent}",
            appearance="autocomplete",
        ),
        ask("select_one kind", "kind", "Qu'avez-vous vu ?", "What did you see?", required="yes"),
        ask(
            "select_one sign", "sign", "Quel signe ?", "Which sign?", required="yes", relevant=_SEEN
        ),
        ask(
            "select_one severity",
            "severity",
            "Gravité",
            "Severity",
            required="yes",
            relevant=_SEEN,
        ),
        ask("select_one place_kind", "place_kind", "Où ?", "Where?"),
        ask(
            "text",
            "voting_center",
            "Nom du centre de vote",
            "Name of the voting center",
            relevant="${place_kind} = 'voting_center'",
            constraint="string-length(.) <= 100",
            **_said("100 lettres au plus", "at most 100 letters", _MESSAGES),
        ),
        ask("select_one people", "people", "Qui ?", "Who?", relevant=_SEEN),
        ask(
            "dateTime",
            "seen_at",
            "Quand l'avez-vous vu ?",
            "When did you see it?",
            required="yes",
            constraint=". <= now()",
            **_said("pas dans le futur", "not in the future", _MESSAGES),
        ),
        ask(
            "image",
            "photo",
            "Photo, si elle ne met personne en danger",
            "Photo, if it puts nobody at risk",
            parameters="max-pixels=1600",
            relevant=_SEEN,
            **_said(
                "Le lieu et l'appareil sont effacés de la photo",
                "Place and device are removed from the photo",
                _HINTS,
            ),
        ),
    ]


def _areas(units: list[Unit]) -> list[dict[str, str]]:
    """Regions, parent areas and units as choices, each naming the one above it."""
    regions = {u.region_id: u.region_name for u in units}
    parents = {u.parent_id: (u.parent_name, u.region_id) for u in units}
    rows: list[dict[str, str]] = [
        {"list_name": "region", "name": id_, **_said(name, name)} for id_, name in regions.items()
    ]
    rows += [
        {"list_name": "parent", "name": id_, **_said(name, name), "region": region}
        for id_, (name, region) in parents.items()
    ]
    rows += [
        {"list_name": "unit", "name": u.unit_id, **_said(u.name, u.name), "parent": u.parent_id}
        for u in units
    ]
    return rows


def _words() -> list[dict[str, str]]:
    lists: dict[str, type[StrEnum]] = {
        "kind": ReportKind,
        "sign": Sign,
        "place_kind": PlaceKind,
        "people": People,
    }
    rows = [
        {"list_name": name, "name": str(word), **_said(SAID[word].fr, SAID[word].en)}
        for name, enum in lists.items()
        for word in enum
    ]
    rows += [
        {"list_name": "severity", "name": name, **_said(*said)} for name, said in SEVERITIES.items()
    ]
    return rows


def columns(rows: list[dict[str, str]]) -> list[str]:
    """The columns of a sheet, in the order in which they first come."""
    return list(dict.fromkeys(column for row in rows for column in row))


def xform(made: Sheets) -> str:
    """The same form as phones read it, by pyxform.

    Raises:
        pyxform.errors.PyXFormError: the sheets are no XLSForm.
    """
    from pyxform.xls2xform import convert  # takes seconds to import

    whole: dict[str, Any] = {name: [dict(row) for row in rows] for name, rows in made.items()}
    text: str = convert(whole, form_name="data").xform
    return text
