"""The kinds of source that a country pack can name, with their options.

Each has its connector beside this module.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from features.vocabulary import EventType


class Frozen(BaseModel):
    """A table of a country pack: it cannot change, and refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _check_keys(
    columns: dict[str, str], needed: tuple[str, ...], optional: tuple[str, ...]
) -> dict[str, str]:
    unknown = sorted(set(columns) - set(needed) - set(optional))
    missing = [key for key in needed if key not in columns]
    if unknown or missing:
        raise ValueError(
            f"expected the keys {', '.join(needed)} and perhaps {', '.join(optional)}; "
            f"unknown: {', '.join(unknown) or 'none'}; missing: {', '.join(missing) or 'none'}"
        )
    return columns


class SourceFileOptions(Frozen):
    """What every source says of its file."""

    path: Path
    licence: str
    retrieved: date
    publisher: str = ""


class CodAbTable(SourceFileOptions):
    """OCHA COD-AB attribute tables (xlsx): the registry of units."""

    kind: Literal["cod_ab_table"]
    sheet: str | None = None


class CodAbPolygons(SourceFileOptions):
    """COD-AB polygons in any vector format that GDAL reads."""

    kind: Literal["cod_ab_polygons"]


class Polygons(SourceFileOptions):
    """Polygons of another publisher; `columns` maps our names to the file's.

    Keys of `columns`: `unit_id`, `name`, `parent_id`, `region_id` and, where the file has
    them, `parent_name`, `region_name`, `iso3` (any ISO 3166-1 code). `keep` filters features
    by exact value; the others are counted as outside.
    """

    kind: Literal["polygons"]
    columns: dict[str, str]
    keep: dict[str, str | int] = {}
    layer: str | None = None

    @field_validator("columns")
    @classmethod
    def _known_columns(cls, columns: dict[str, str]) -> dict[str, str]:
        needed = ("unit_id", "name", "parent_id", "region_id")
        return _check_keys(columns, needed, ("parent_name", "region_name", "iso3"))


class CodPs(SourceFileOptions):
    """OCHA COD-PS population by admin area (csv or xlsx, columns `T_TL`, `admin2Pcode`).

    `splits` shares the count of an area that was divided since over the new areas, by area.
    """

    kind: Literal["cod_ps"]
    level: Literal[1, 2, 3]
    known_on: date
    splits: dict[str, tuple[str, ...]] = {}


class AreaTable(SourceFileOptions):
    """Any csv or xlsx with one row per area (and day or year).

    Attributes:
        area_id: the file's column with the P-code of a unit, parent area or region.
        variables: our names -> the file's columns.
        known_on: the day on which every row was known, or
        known_on_column: the file's column that says it: a day, or a year; what is said of a
            year is known `known_lag_days` after its last day.
        country: the file's column with the country's ISO code; rows of others are outside.
    """

    kind: Literal["area_table"]
    area_id: str
    variables: dict[str, str]
    known_on: date | None = None
    known_on_column: str | None = None
    known_lag_days: Annotated[int, Field(ge=0)] = 0
    country: str | None = None

    @model_validator(mode="after")
    def _one_known_on(self) -> AreaTable:
        if (self.known_on is None) == (self.known_on_column is None):
            raise ValueError("expected either known_on or known_on_column")
        return self


class Elections(SourceFileOptions):
    """The election calendar (csv).

    A round is known on its `announced_on` day, else `known_lead_days` before its polling day,
    but a run-off never before the polling day of the round that it follows.
    """

    kind: Literal["elections"]
    known_lead_days: Annotated[int, Field(ge=0)] = 365


class ReignElections(SourceFileOptions):
    """The REIGN election list (csv, world-wide).

    A round is known on the day that the list announces it, else as in `Elections`.
    """

    kind: Literal["reign_elections"]
    known_lead_days: Annotated[int, Field(ge=0)] = 365


class CampaignEvents(SourceFileOptions):
    """Campaign events (csv).

    Columns: `campaign_event_id`, `kind`, `party`, `event_date`; enough of `unit_id`,
    `unit_name`, `parent_name`, `region_name`, `lon`, `lat` to place the row; `announced_on`,
    without which the event is known `known_lead_days` ahead.
    """

    kind: Literal["campaign_events"]
    known_lead_days: Annotated[int, Field(ge=0)] = 7


class WatchPlaces(SourceFileOptions):
    """Lasting places to watch, such as voting centers (csv).

    Columns: `place_id`, `name`, `kind` (`voting_center` where blank); enough of `unit_id`,
    `unit_name`, `parent_name`, `region_name`, `lon`, `lat` to place the row. All are known from
    `known_on`, the day on which the list came out.
    """

    kind: Literal["watch_places"]
    known_on: date


class _Incidents(SourceFileOptions):
    reporting_lag_days: Annotated[int, Field(ge=0)] = 14


class Acled(_Incidents):
    """ACLED export (csv), one row per event or one row per actor.

    `unit_level` says which of `admin2` and `admin3` names the units of the registry.
    """

    kind: Literal["acled"]
    unit_level: Literal[2, 3] = 3


class UcdpGed(_Incidents):
    """UCDP GED or DECO (csv, world-wide).

    `country_ids` are the UCDP (Gleditsch-Ward) numbers of our countries: rows of others are
    outside, and ours that fall in no unit are set aside. Without them, every row that falls
    in no unit is outside.
    """

    kind: Literal["ucdp_ged"]
    country_ids: tuple[int, ...] = ()


class GenericIncidents(_Incidents):
    """A csv whose columns the pack maps.

    Keys of `columns`: `incident_id`, `event_date`, `event_type` (required); `unit_id`,
    `name`, `parent_name`, `region_name`, `lon`, `lat` (enough to place the row); `known_on`,
    `sub_event_type`, `fatalities`, `geo_precision`, `electoral`, `actor1`, `actor2`, `notes`
    (read by the electoral rule, and kept nowhere).
    `event_types` maps the file's types to ours.
    """

    kind: Literal["incidents"]
    columns: dict[str, str]
    event_types: dict[str, EventType]
    date_format: str = "%Y-%m-%d"
    encoding: str = "utf-8"

    @field_validator("columns")
    @classmethod
    def _known_columns(cls, columns: dict[str, str]) -> dict[str, str]:
        place = ("unit_id", "name", "parent_name", "region_name", "lon", "lat")
        said = ("known_on", "sub_event_type", "fatalities", "geo_precision", "electoral")
        needed = ("incident_id", "event_date", "event_type")
        return _check_keys(columns, needed, (*place, *said, "actor1", "actor2", "notes"))


Source = Annotated[
    CodAbTable
    | CodAbPolygons
    | Polygons
    | CodPs
    | AreaTable
    | Elections
    | ReignElections
    | CampaignEvents
    | WatchPlaces
    | Acled
    | UcdpGed
    | GenericIncidents,
    Field(discriminator="kind"),
]
