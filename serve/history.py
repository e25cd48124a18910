"""A unit's incidents in months and words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from features.vocabulary import POLITICAL_VIOLENCE, Language
from serve.schemas import History, IncidentOut, Month
from store.schema import Incident

MONTHS = 36
LAST = 50

_PRECISION = {
    Language.EN: {
        1: "at the place itself",
        2: "near the place named",
        3: "somewhere in the wider area",
    },
    Language.FR: {
        1: "au lieu même",
        2: "près du lieu nommé",
        3: "quelque part dans la zone",
    },
}
_VAGUE = {
    Language.EN: "known for a large area only (level {} of 7)",
    Language.FR: "situé seulement dans une vaste zone (niveau {} sur 7)",
}


def history(incidents: Sequence[Incident], as_of: date, language: Language) -> History:
    """What to show of a unit's incidents.

    Args:
        incidents: those known by `as_of`, newest first.
        as_of: the last day that counts.
        language: of the words.
    """
    return History(
        as_of=as_of,
        incidents_count=len(incidents),
        incidents=[_line(incident, language) for incident in incidents[:LAST]],
        monthly=monthly(incidents, as_of),
    )


def monthly(incidents: Sequence[Incident], as_of: date) -> list[Month]:
    """Counts per month for the months up to that of `as_of`, oldest first."""
    last = as_of.year * 12 + as_of.month - 1
    months = {
        number: Month(
            month=f"{number // 12:04d}-{number % 12 + 1:02d}",
            political_violence_count=0,
            other_count=0,
            fatalities=0,
        )
        for number in range(last - MONTHS + 1, last + 1)
    }
    for incident in incidents:
        month = months.get(incident.event_date.year * 12 + incident.event_date.month - 1)
        if month is None:
            continue
        if incident.event_type in POLITICAL_VIOLENCE:
            month.political_violence_count += 1
        else:
            month.other_count += 1
        month.fatalities += incident.fatalities
    return list(months.values())


def _line(incident: Incident, language: Language) -> IncidentOut:
    precision = incident.geo_precision
    says = _PRECISION[language].get(precision, _VAGUE[language].format(precision))
    columns = {c.name: getattr(incident, c.name) for c in Incident.__table__.columns}
    return IncidentOut.model_validate({**columns, "geo_precision_says": says})
