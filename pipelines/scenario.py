"""What is assumed in a what-if: campaign events added or moved, incidents taken as known."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated, TypeVar

import pandas as pd
from pydantic import Field, ValidationError

from features.contracts import require
from features.errors import ConfigError
from features.tables import Tables
from features.vocabulary import CampaignKind, EventType, KnownOnRule, PlacedBy
from pipelines.sources.kinds import Frozen

Name = Annotated[str, Field(min_length=1)]


class AddedEvent(Frozen):
    """A campaign event that is not in the calendar."""

    unit_id: Name
    kind: CampaignKind
    party: Name
    event_date: date


class MovedEvent(Frozen):
    """A campaign event of the calendar, held elsewhere or on another day, or both."""

    campaign_event_id: Name
    unit_id: Name | None = None
    event_date: date | None = None


class AssumedIncident(Frozen):
    """An incident taken as if it had been known on `as_of`."""

    unit_id: Name
    event_type: EventType
    event_date: date
    fatalities: Annotated[int, Field(ge=0)] = 0
    electoral: bool = False


Part = TypeVar("Part", AddedEvent, MovedEvent, AssumedIncident)


class Scenario(Frozen):
    """Everything that is assumed. The keys are those of a scenario file."""

    add_event: tuple[AddedEvent, ...] = ()
    move_event: tuple[MovedEvent, ...] = ()
    assume_incident: tuple[AssumedIncident, ...] = ()

    @property
    def campaigns(self) -> bool:
        """Whether campaign events are touched."""
        return bool(self.add_event or self.move_event)

    def joined(self, other: Scenario) -> Scenario:
        """Both scenarios in one."""
        return Scenario(
            add_event=self.add_event + other.add_event,
            move_event=self.move_event + other.move_event,
            assume_incident=self.assume_incident + other.assume_incident,
        )


def load_scenario(file: Path) -> Scenario:
    """Read a scenario file, TOML or (named `.json`) JSON.

    Raises:
        ConfigError: the file is missing or broken, or has an unknown key or a wrong value.
    """
    try:
        text = file.read_text(encoding="utf-8")
        raw = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except FileNotFoundError:
        raise ConfigError(f"{file}: expected a scenario (TOML or JSON), got no such file") from None
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: expected TOML or JSON in UTF-8, got: {error}") from None
    try:
        return Scenario.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(_faults(f"{file}", error)) from None


def parts(option: str, cls: type[Part], given: Iterable[str]) -> tuple[Part, ...]:
    """Options of the command line, each `key=value,key=value`.

    Raises:
        ConfigError: a part has no `=`, an unknown key or a wrong value.
    """
    made = []
    for text in given:
        pairs = [piece.partition("=") for piece in text.split(",")]
        if not all(equals for _, equals, _ in pairs):
            keys = ", ".join(cls.model_fields)
            raise ConfigError(
                f"{option}: expected key=value,key=value with keys among {keys}, got {text!r}"
            )
        try:
            made.append(cls.model_validate({k.strip(): v.strip() for k, _, v in pairs}))
        except ValidationError as error:
            raise ConfigError(_faults(f"{option} {text}", error)) from None
    return tuple(made)


def _faults(where: str, error: ValidationError) -> str:
    return "\n".join(
        f"{where}, key {'.'.join(str(p) for p in e['loc'])!r}: {e['msg']}, got {e['input']!r}"
        for e in error.errors()
    )


def assume(tables: Tables, scenario: Scenario, as_of: date) -> Tables:
    """The tables with the scenario's rows, all of them known on `as_of`.

    Args:
        tables: what was known on `as_of`.
        scenario: what is assumed.
        as_of: the bulletin's day.

    Raises:
        ConfigError: an unknown unit or campaign event, an event moved twice or nowhere, or an
            incident after `as_of`.
    """
    _require_units(tables, scenario)
    _require_days(scenario, as_of)
    today = pd.Timestamp(as_of)
    return replace(
        tables,
        incidents=_with_incidents(tables.incidents, scenario, today),
        campaign_events=_with_events(tables.campaign_events, scenario, today),
    )


def _require_units(tables: Tables, scenario: Scenario) -> None:
    known = set(tables.units["unit_id"])
    given: list[AddedEvent | MovedEvent | AssumedIncident] = []
    given += [*scenario.add_event, *scenario.move_event, *scenario.assume_incident]
    for part in given:
        if part.unit_id is not None and part.unit_id not in known:
            raise ConfigError(
                f"scenario, {type(part).__name__}: expected the unit_id of a commune of the "
                f"registry, such as {min(known)}, got {part.unit_id!r}"
            )


def _require_days(scenario: Scenario, as_of: date) -> None:
    for incident in scenario.assume_incident:
        if incident.event_date > as_of:
            raise ConfigError(
                f"scenario, assume_incident in {incident.unit_id}: expected an event_date up to "
                f"{as_of}, the bulletin's day, got {incident.event_date}: what comes later is "
                "what the forecast is about"
            )


def _with_incidents(
    incidents: pd.DataFrame, scenario: Scenario, today: pd.Timestamp
) -> pd.DataFrame:
    rows: list[dict[str, object]] = [
        {
            "incident_id": f"assumed-{number}",
            "event_date": pd.Timestamp(incident.event_date),
            "known_on": today,
            "known_on_rule": str(KnownOnRule.DECLARED),
            "unit_id": incident.unit_id,
            "placed_by": str(PlacedBy.PCODE),
            "geo_precision": 1,
            "event_type": str(incident.event_type),
            "sub_event_type": None,
            "electoral": incident.electoral,
            "fatalities": float(incident.fatalities),
            "actor1": None,
            "actor2": None,
            "lon": float("nan"),
            "lat": float("nan"),
        }
        for number, incident in enumerate(scenario.assume_incident, start=1)
    ]
    return _appended(incidents, rows, "incidents")


def _with_events(events: pd.DataFrame, scenario: Scenario, today: pd.Timestamp) -> pd.DataFrame:
    ids = [move.campaign_event_id for move in scenario.move_event]
    for move in scenario.move_event:
        _require_move(events, move, ids)
    moved = events.copy()
    for move in scenario.move_event:
        here = moved["campaign_event_id"] == move.campaign_event_id
        if move.unit_id is not None:
            moved.loc[here, "unit_id"] = move.unit_id
        if move.event_date is not None:
            moved.loc[here, "event_date"] = pd.Timestamp(move.event_date)
        moved.loc[here, "known_on"] = today
    rows: list[dict[str, object]] = [
        {
            "campaign_event_id": f"assumed-{number}",
            "unit_id": event.unit_id,
            "kind": str(event.kind),
            "party": event.party,
            "event_date": pd.Timestamp(event.event_date),
            "known_on": today,
        }
        for number, event in enumerate(scenario.add_event, start=1)
    ]
    return _appended(moved, rows, "campaign_events")


def _require_move(events: pd.DataFrame, move: MovedEvent, ids: list[str]) -> None:
    name = f"scenario, move_event {move.campaign_event_id!r}"
    if move.unit_id is None and move.event_date is None:
        raise ConfigError(f"{name}: expected a unit_id or an event_date to move it to, got none")
    if ids.count(move.campaign_event_id) > 1:
        raise ConfigError(f"{name}: expected each event once, got it twice")
    if move.campaign_event_id not in set(events["campaign_event_id"]):
        some = ", ".join(events["campaign_event_id"].head(3)) or "none at all"
        raise ConfigError(
            f"{name}: expected the id of a campaign event known on the bulletin's day "
            f"(among them {some}), got no such event; to add one, use add_event"
        )


def _appended(table: pd.DataFrame, rows: list[dict[str, object]], name: str) -> pd.DataFrame:
    """The table with more rows, in its own types; the very same where there are none."""
    if not rows:
        return table
    more = pd.DataFrame(rows)[table.columns].astype(table.dtypes.to_dict())
    return require(pd.concat([table, more], ignore_index=True), name)
