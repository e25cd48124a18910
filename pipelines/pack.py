"""The country pack: one TOML file that names a country's sources, places, windows and targets.

The file is read into frozen models that refuse unknown keys, so that a misspelt option
fails when the pack loads and not in the middle of a run.
"""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from features.errors import ConfigError
from features.registry import FEATURES
from features.vocabulary import POLITICAL_VIOLENCE, ElectionType, EventType


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Source(_Frozen):
    path: Path
    licence: str
    retrieved: date
    publisher: str = ""


class CodAbTable(_Source):
    """OCHA COD-AB attribute tables (xlsx): the registry of units."""

    kind: Literal["cod_ab_table"]
    sheet: str | None = None


class CodAbPolygons(_Source):
    """COD-AB polygons in any vector format that GDAL reads."""

    kind: Literal["cod_ab_polygons"]


class Polygons(_Source):
    """Polygons of another publisher; `columns` maps our names to the file's.

    Keys of `columns`: `unit_id`, `name`, `parent_id`, `region_id` and, where the file has
    them, `parent_name`, `region_name`, `iso3`. `keep` filters features by exact value.
    """

    kind: Literal["polygons"]
    columns: dict[str, str]
    keep: dict[str, str | int] = {}
    layer: str | None = None


class CodPs(_Source):
    """OCHA COD-PS population by admin area (csv or xlsx, columns `T_TL`, `admin2Pcode`)."""

    kind: Literal["cod_ps"]
    level: Literal[1, 2, 3]
    known_on: date
    splits: dict[str, tuple[str, ...]] = {}


class AreaTable(_Source):
    """Any csv or xlsx with one row per area; `variables` maps our names to its columns."""

    kind: Literal["area_table"]
    area_id: str
    variables: dict[str, str]
    known_on: date | None = None
    known_on_column: str | None = None


class Elections(_Source):
    """The election calendar (csv). A round is known `known_lead_days` before its polling day,
    unless the file has an `announced_on` day.
    """

    kind: Literal["elections"]
    known_lead_days: Annotated[int, Field(ge=0)] = 365


class CampaignEvents(_Source):
    """Campaign events (csv): id, P-code or place names, kind, party, day, day announced."""

    kind: Literal["campaign_events"]
    known_lead_days: Annotated[int, Field(ge=0)] = 7


class _Incidents(_Source):
    reporting_lag_days: Annotated[int, Field(ge=0)] = 14


class Acled(_Incidents):
    """ACLED export (csv), one row per event or one row per actor."""

    kind: Literal["acled"]


class UcdpGed(_Incidents):
    """UCDP GED or DECO (csv)."""

    kind: Literal["ucdp_ged"]


class GenericIncidents(_Incidents):
    """A csv whose columns the pack maps.

    Keys of `columns`: `incident_id`, `event_date`, `event_type` (required); `unit_id`,
    `name`, `parent_name`, `region_name`, `lon`, `lat` (enough to place the row); `known_on`,
    `sub_event_type`, `fatalities`, `geo_precision`, `electoral`, `actor1`, `actor2`.
    `event_types` maps the file's types to ours.
    """

    kind: Literal["incidents"]
    columns: dict[str, str]
    event_types: dict[str, EventType]
    date_format: str = "%Y-%m-%d"
    encoding: str = "utf-8"


Source = Annotated[
    CodAbTable
    | CodAbPolygons
    | Polygons
    | CodPs
    | AreaTable
    | Elections
    | CampaignEvents
    | Acled
    | UcdpGed
    | GenericIncidents,
    Field(discriminator="kind"),
]


class Places(_Frozen):
    """How places are matched.

    Attributes:
        aliases: folded name in the sources -> unit_id, or "parent name/unit name" -> unit_id.
        area_aliases: name of a parent area or region in the sources -> its id.
        coarse_areas: parent areas or regions whose events the sources code to one unit only,
            with the reason.
        strip_suffixes: words that the sources add after a unit's name ("Commune").
    """

    aliases: dict[str, str] = {}
    area_aliases: dict[str, str] = {}
    coarse_areas: dict[str, str] = {}
    strip_suffixes: tuple[str, ...] = ()


class Window(_Frozen):
    """Days about which a forecast speaks, relative to polling day, both ends included."""

    start_days: int
    end_days: int

    @property
    def length_days(self) -> int:
        """Number of days in the window."""
        return self.end_days - self.start_days + 1


class Target(_Frozen):
    """What counts: at least one incident of these types, deadly enough, in the window."""

    name: str
    event_types: tuple[EventType, ...] = POLITICAL_VIOLENCE
    min_fatalities: Annotated[int, Field(ge=0)] = 0
    electoral_only: bool = False


class Coverage(_Frozen):
    """How many reports of any type a region needs in a year for its silence to count."""

    days: Annotated[int, Field(ge=1)] = 365
    good_reports: Annotated[int, Field(ge=1)] = 12
    min_reports: Annotated[int, Field(ge=0)] = 1


class Training(_Frozen):
    """What the models are fitted on.

    Attributes:
        start: first `as_of` day of the training panel.
        step_days: days between training origins.
        validation_years: years before `as_of` held out, one fold each, for calibration and
            for choosing between model and baselines.
        candidates: names in `models/zoo.py`.
        features: names in the feature registry; empty means all.
        seed: seed of everything random.
        min_positives: fewer positives than this, and the target abstains.
    """

    start: date
    step_days: Annotated[int, Field(ge=1)] = 14
    validation_years: Annotated[int, Field(ge=1)] = 3
    candidates: tuple[str, ...] = ("logistic", "xgboost")
    features: tuple[str, ...] = ()
    seed: int = 7
    min_positives: Annotated[int, Field(ge=1)] = 50


class Pack(_Frozen):
    """A country pack.

    Attributes:
        name: short name, used in file and model names.
        iso3: ISO 3166-1 alpha-3 code.
        country: name shown to people.
        synthetic: whether the data are made up; follows every row to the page.
        file: the TOML file; `path`s of sources are relative to its folder.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    iso3: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    country: str
    synthetic: bool = False
    vintage: str = ""
    sources: dict[str, Source]
    places: Places = Places()
    windows: dict[ElectionType, Window]
    targets: tuple[Target, ...]
    coverage: Coverage = Coverage()
    training: Training
    file: Path = Field(exclude=True)

    def resolve(self, source: _Source) -> Path:
        """Absolute path of a source's file."""
        return (self.file.parent / source.path).resolve()

    def target(self, name: str) -> Target:
        """The target called `name`.

        Raises:
            ConfigError: the pack has no such target.
        """
        for target in self.targets:
            if target.name == name:
                return target
        known = ", ".join(t.name for t in self.targets)
        raise ConfigError(f"{self.file}: expected a target among {known}, got {name!r}")

    def window(self, election_type: str) -> Window:
        """The window declared for an election type.

        Raises:
            ConfigError: the pack declares none.
        """
        try:
            return self.windows[ElectionType(election_type)]
        except (KeyError, ValueError):
            raise ConfigError(
                f"{self.file}: expected a [windows.{election_type}] table, got none; "
                "add start_days and end_days relative to polling day"
            ) from None


def load_pack(file: Path) -> Pack:
    """Read a country pack.

    Raises:
        ConfigError: the file is missing, is not TOML, has an unknown key, a wrong value, or
            names a feature that is not in the registry.
    """
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{file}: expected a country pack (TOML), got no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: expected TOML in UTF-8, got: {error}") from None
    try:
        pack = Pack.model_validate({**raw, "file": file.resolve()})
    except ValidationError as error:
        lines = [
            f"{file}, key {'.'.join(str(p) for p in e['loc'])!r}: {e['msg']}, got {_short(e['input'])}"
            for e in error.errors()
        ]
        raise ConfigError("\n".join(lines)) from None
    unknown = sorted(set(pack.training.features) - set(FEATURES))
    if unknown:
        raise ConfigError(
            f"{file}, key 'training.features': expected names of the feature registry "
            f"(see docs/reference/features.md), got {', '.join(unknown)}"
        )
    return pack


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
