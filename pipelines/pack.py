"""The country pack: one TOML file that names a country's sources, places, windows and targets.

The file is read into frozen models that refuse unknown keys, so that a misspelt option
fails when the pack loads and not in the middle of a run.
"""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from features.errors import ConfigError
from features.panel import unknown_names
from features.vocabulary import POLITICAL_VIOLENCE, ElectionType, EventType, Language
from models.zoo import entry
from pipelines.sources.kinds import Frozen, Source


def _in_every_language(said: object) -> object:
    """A plain text is said in every language; a table must have them all."""
    if isinstance(said, str):
        return {str(language): said for language in Language}
    if isinstance(said, dict) and set(said) != set(Language):
        raise ValueError(f"expected a text or a table with {', '.join(Language)}")
    return said


Words = Annotated[dict[Language, str], BeforeValidator(_in_every_language)]
"""A pack's own words for planners: a text, or `{ en = "...", fr = "..." }`."""


class Places(Frozen):
    """How places are matched.

    Attributes:
        aliases: name in the sources -> unit_id, or "parent name/unit name" -> unit_id.
        area_aliases: name of a parent area or region in the sources -> the ids of the areas
            that it means, several where it was divided since; wins over the registry's names.
        coarse_areas: parent areas or regions whose events the sources code to one unit only,
            with the reason.
        strip_suffixes: words that the sources add after a unit's or area's name ("Commune").
        tolerance_km: how far outside a unit a point may lie and still be taken for it, since
            outlines and coordinates near a border are not exact.
    """

    aliases: dict[str, str] = Field(default_factory=dict)
    area_aliases: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    coarse_areas: dict[str, Words] = Field(default_factory=dict)
    strip_suffixes: tuple[str, ...] = ()
    tolerance_km: Annotated[float, Field(ge=0)] = 10.0


class Window(Frozen):
    """Days about which a forecast speaks, relative to polling day, both ends included."""

    start_days: int
    end_days: int

    @model_validator(mode="after")
    def _in_order(self) -> Window:
        if self.end_days < self.start_days:
            raise ValueError("expected end_days on or after start_days")
        return self

    @property
    def length_days(self) -> int:
        """Number of days in the window."""
        return self.end_days - self.start_days + 1


class Target(Frozen):
    """What counts: at least one incident of these types, deadly enough, in the window."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    event_types: Annotated[tuple[EventType, ...], Field(min_length=1)] = POLITICAL_VIOLENCE
    min_fatalities: Annotated[int, Field(ge=0)] = 0
    electoral_only: bool = False


class Coverage(Frozen):
    """How many reports of any type a region needs in a year for its silence to count."""

    days: Annotated[int, Field(ge=1)] = 365
    good_reports: Annotated[int, Field(ge=1)] = 12
    min_reports: Annotated[int, Field(ge=0)] = 1


class Training(Frozen):
    """What the models are fitted on.

    Attributes:
        start: first `as_of` day of the training panel.
        step_days: days between training origins.
        validation_years: years before `as_of` held out, one fold each, for calibration and
            for choosing between model and baselines.
        candidates: names in `models/zoo.py`.
        features: names in the feature registry; empty means all.
        seed: seed of everything random.
        min_positives: with fewer positives than this, the target is refused.
    """

    start: date
    step_days: Annotated[int, Field(ge=1)] = 14
    validation_years: Annotated[int, Field(ge=1)] = 3
    candidates: tuple[str, ...] = ("logistic", "xgboost")
    features: tuple[str, ...] = ()
    seed: int = 7
    min_positives: Annotated[int, Field(ge=1)] = 50


class Pack(Frozen):
    """A country pack.

    Attributes:
        name: short name, used in file and model names.
        iso3: ISO 3166-1 alpha-3 code.
        country: name shown to people.
        synthetic: whether the data are made up; follows every row to the page.
        vintage: when the data were known, in the pack's own words.
        file: the TOML file; `path`s of sources are relative to its folder.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    iso3: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    country: str
    synthetic: bool = False
    vintage: Words = Field(default_factory=dict)
    sources: dict[str, Source]
    places: Places = Places()
    windows: dict[ElectionType, Window]
    targets: tuple[Target, ...]
    coverage: Coverage = Coverage()
    training: Training
    file: Path = Field(exclude=True)

    def resolve(self, source: Source) -> Path:
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
            f"{file}, key {'.'.join(str(p) for p in e['loc'])!r}: {e['msg']}, "
            f"got {_short(e['input'])}"
            for e in error.errors()
        ]
        raise ConfigError("\n".join(lines)) from None
    if len({t.name for t in pack.targets}) < len(pack.targets):
        raise ConfigError(f"{file}, key 'targets': expected each name once, got one twice")
    for candidate in pack.training.candidates:
        entry(candidate)
    unknown = unknown_names(pack.training.features)
    if unknown:
        raise ConfigError(
            f"{file}, key 'training.features': expected names of the feature registry "
            f"(see docs/reference/features.md), got {', '.join(unknown)}"
        )
    return pack


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
