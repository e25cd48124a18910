"""The country pack: one TOML file that names a country's sources, places, windows and targets.

The file is read into frozen models that refuse unknown keys, so that a misspelt option
fails when the pack loads and not in the middle of a run.
"""

from __future__ import annotations

import tomllib
from datetime import date
from math import ceil
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from features.errors import ConfigError
from features.panel import unknown_names
from features.vocabulary import POLITICAL_VIOLENCE, ElectionType, EventType, Language
from models.zoo import entry
from pipelines.sources.kinds import Frozen, Source
from response.ceiling import Ceiling
from response.rules import Rule


def _in_every_language(said: object) -> object:
    """A plain text is said in every language; a table must have them all."""
    if isinstance(said, str):
        return {str(language): said for language in Language}
    if isinstance(said, dict) and set(said) != set(Language):
        raise ValueError(f"expected a text or a table with {', '.join(Language)}")
    return said


YEAR_DAYS = 365

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
    """What counts: at least one incident of these types, deadly enough, in the window.

    `grid` says what is learned from: `regular` days, each with all units; or `rounds`, each
    with the units of the country that votes, seen as long before its polling day as the round
    asked about.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    event_types: Annotated[tuple[EventType, ...], Field(min_length=1)] = POLITICAL_VIOLENCE
    min_fatalities: Annotated[int, Field(ge=0)] = 0
    electoral_only: bool = False
    grid: Literal["regular", "rounds"] = "regular"


class ElectoralRule(Frozen):
    """An incident is electoral if its type, a word of its notes and its day all say so.

    Attributes:
        event_types: types that can be electoral.
        except_sub_event_types: sub-types that cannot, in the source's words ("Agreement").
        words: language -> words and phrases, one of which the notes must hold; a `*` at the
            end stands for any ending. Accents, case and punctuation do not matter.
        except_words: phrases that are struck out before looking ("exam candidates").
        days_before: days before a polling day from which an incident counts.
        days_after: days after it until which an incident counts.

    The usual span is six months before to three months after polling day (Straus and Taylor
    2012, "Democratization and Electoral Violence in Sub-Saharan Africa, 1990-2008").
    """

    event_types: Annotated[tuple[EventType, ...], Field(min_length=1)] = tuple(EventType)
    except_sub_event_types: tuple[str, ...] = ()
    words: Annotated[dict[str, tuple[str, ...]], Field(min_length=1)]
    except_words: tuple[str, ...] = ()
    days_before: Annotated[int, Field(ge=0)] = 182
    days_after: Annotated[int, Field(ge=0)] = 91

    @field_validator("words")
    @classmethod
    def _some_words(cls, words: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for language, listed in words.items():
            if not listed or not all(any(c.isalnum() for c in word) for word in listed):
                raise ValueError(f"expected words in {language!r}, got {list(listed)}")
        return words


class Coverage(Frozen):
    """How many reports of any type a region needs in a year for its silence to count."""

    days: Annotated[int, Field(ge=1)] = 365
    good_reports: Annotated[int, Field(ge=1)] = 12
    min_reports: Annotated[int, Field(ge=0)] = 1


class Evaluation(Frozen):
    """How many units can be reached, for precision and recall at k.

    Attributes:
        mediators: numbers of people that there are to send out, of past or planned rounds.
        mediators_per_unit: how many go together; each number gives a k of its own.
        reached: more numbers of units.
    """

    mediators: tuple[Annotated[int, Field(ge=1)], ...] = ()
    mediators_per_unit: tuple[Annotated[int, Field(ge=1)], ...] = (1, 2)
    reached: tuple[Annotated[int, Field(ge=1)], ...] = (50,)

    def meanings(self) -> dict[int, str]:
        """What each k stands for, the smallest first."""
        said: dict[int, list[str]] = {k: [] for k in self.reached}
        for people in self.mediators:
            for each in self.mediators_per_unit:
                if people >= each:
                    words = f"{people} mediators, {each} to a unit"
                    said.setdefault(people // each, []).append(words)
        return {k: "; ".join(said[k]) or f"{k} units" for k in sorted(said)}


class PastDeployment(Frozen):
    """Mediators who were sent out for a round, as far as it was told.

    Attributes:
        mediators: how many there were in all.
        regions: ids of the regions that they went to; where in them is not known.
        source: who told it.
    """

    mediators: Annotated[int, Field(ge=1)]
    regions: Annotated[tuple[str, ...], Field(min_length=1)]
    source: Annotated[Words, Field(min_length=1)]


class Training(Frozen):
    """What the models are fitted on.

    Attributes:
        start: first `as_of` day of the training panel.
        step_days: days between training origins.
        validation_years: years before `as_of` held out, for calibration and for choosing
            between model and baselines.
        refit_days: held-out time is forecast by models that are refitted this often, as those
            that planners see are: an older fit lags behind the level of violence.
        candidates: names in `models/zoo.py`.
        features: names in the feature registry; empty means all.
        seed: seed of everything random.
        min_positives: with fewer positives than this whose windows do not overlap, the target is
            refused.
    """

    start: date
    step_days: Annotated[int, Field(ge=1)] = 14
    validation_years: Annotated[int, Field(ge=1)] = 3
    refit_days: Annotated[int, Field(ge=28, le=YEAR_DAYS)] = 91
    candidates: tuple[str, ...] = ("logistic", "xgboost", "self_exciting", "average")
    features: tuple[str, ...] = ()
    seed: int = 7
    min_positives: Annotated[int, Field(ge=1)] = 50

    @property
    def folds(self) -> int:
        """Folds of `refit_days` that the held-out years are made of."""
        return ceil(self.validation_years * YEAR_DAYS / self.refit_days)


class Promotion(Frozen):
    """What a challenger may not exceed; see `models.promotion.Limits`."""

    calibration_tolerance: Annotated[float, Field(ge=0)] = 0.005
    output_distance: Annotated[float, Field(gt=0)] = 0.75
    brier_tolerance: Annotated[float, Field(ge=0, le=0.05)] = 0.0


class Limit(Frozen):
    """Values beyond which to look and to act; below them where `act` is under `watch`."""

    watch: float
    act: float


class Monitoring(Frozen):
    """What `vigie monitor` compares with, and where it starts to matter.

    Attributes:
        window_days: length of the windows whose reports are counted.
        usual_days: how far back "usual" reaches.
        report_age_days: days since a report became known.
        source_age_days: days since a source of incidents was retrieved.
        report_share: share of units with a report, as a share of the usual.
        event_ratio: counts, as a ratio to the usual, either way.
        feature_shift: share of the model's features that lie further off than usual.
        output_shift: distance of probabilities, as a share of the mean.
        model_age_days: days since the model was trained.
        calibration_error: of past bulletins.
        outcome_ratio: units with an incident to those expected, either way.
        brier_ratio: Brier score of past bulletins to that of their baselines.
    """

    window_days: Annotated[int, Field(ge=1)] = 84
    usual_days: Annotated[int, Field(ge=1)] = 1095
    report_age_days: Limit = Limit(watch=21, act=45)
    source_age_days: Limit = Limit(watch=30, act=90)
    report_share: Limit = Limit(watch=0.67, act=0.33)
    event_ratio: Limit = Limit(watch=2, act=4)
    feature_shift: Limit = Limit(watch=0.25, act=0.5)
    output_shift: Limit = Limit(watch=0.5, act=1)
    model_age_days: Limit = Limit(watch=90, act=365)
    calibration_error: Limit = Limit(watch=0.03, act=0.06)
    outcome_ratio: Limit = Limit(watch=1.5, act=2.5)
    brier_ratio: Limit = Limit(watch=1, act=1.1)

    @model_validator(mode="after")
    def _room_to_compare(self) -> Monitoring:
        if self.usual_days < 2 * self.window_days:
            raise ValueError("expected usual_days of at least twice window_days")
        return self


Iso3 = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Pack(Frozen):
    """A pack of one country, or of several whose units are learned from together.

    Attributes:
        name: short name, used in file and model names.
        iso3: ISO 3166-1 alpha-3 code of the only country; several stand in `countries`.
        country: name of the country, or of the region that the countries form.
        countries: code -> name of each country, where there are several.
        synthetic: whether the data are made up; follows every row to the page.
        vintage: when the data were known, in the pack's own words.
        deployments: election_id -> the mediators of that round.
        electoral: which incidents count as linked to an election, besides those of which
            their source says so.
        alerts: rules that draft alerts.
        alert_ceiling: how many drafts a coordinator is shown; None for all.
        file: the TOML file; `path`s of sources are relative to its folder.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    iso3: Iso3 | None = None
    country: str
    countries: dict[Iso3, str] = Field(default_factory=dict)
    synthetic: bool = False
    vintage: Words = Field(default_factory=dict)
    sources: dict[str, Source]
    places: Places = Places()
    windows: dict[ElectionType, Window]
    targets: tuple[Target, ...]
    electoral: ElectoralRule | None = None
    coverage: Coverage = Coverage()
    evaluation: Evaluation = Evaluation()
    deployments: dict[str, PastDeployment] = Field(default_factory=dict)
    training: Training
    promotion: Promotion = Promotion()
    monitoring: Monitoring = Monitoring()
    alerts: tuple[Rule, ...] = ()
    alert_ceiling: Ceiling | None = None
    file: Path = Field(exclude=True)

    @model_validator(mode="after")
    def _one_or_several(self) -> Pack:
        if (self.iso3 is None) == (not self.countries):
            raise ValueError("expected either iso3, or a table of several countries")
        return self

    @property
    def country_names(self) -> dict[str, str]:
        """Code -> name of each country of the pack."""
        return self.countries if self.iso3 is None else {self.iso3: self.country}

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
    if len({rule.name for rule in pack.alerts}) < len(pack.alerts):
        raise ConfigError(f"{file}, key 'alerts': expected each name once, got one twice")
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
