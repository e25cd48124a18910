"""What the API answers: one model per shape, with examples and units."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from features.vocabulary import Band, Coverage, ElectionType, EventType, PlacedBy


def _written_day(value: object) -> object:
    """Refuse days written otherwise: pydantic alone reads `0` as 1 January 1970."""
    written = isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII)
    if not written and not isinstance(value, date):
        raise ValueError(f"expected a day written YYYY-MM-DD, got {value!r}")
    return value


def _written_moment(value: object) -> object:
    """Refuse moments written otherwise: pydantic alone reads a number as seconds since 1970."""
    if isinstance(value, str) and not re.match(r"\d{4}-\d{2}-\d{2}[Tt ]", value, re.ASCII):
        raise ValueError(f"expected a moment written YYYY-MM-DDThh:mm:ssZ, got {value!r}")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_written_moment)]
Day = Annotated[date, BeforeValidator(_written_day)]
Probability = Annotated[float, Field(ge=0, le=1)]
BULLETIN_ID = "MLI-2018-PRES-1.any.2018-07-01.3fa9c01b"
UNIT_ID = "ML050501"
Next = Annotated[str | None, Field(description="Address of the next page; null on the last")]
Matched = Annotated[int, Field(description="Units that match the question, on all pages", ge=0)]


class _Answer(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Fault(_Answer):
    """One part of a request that could not be used."""

    where: str = Field(examples=["query.limit"])
    says: str = Field(examples=["Input should be less than or equal to 200"])


class Problem(_Answer):
    """What went wrong (RFC 9457)."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(description="Name of the status", examples=["Not Found"])
    status: int = Field(description="HTTP status", examples=[404])
    detail: str = Field(
        description="What was expected, what came, what to do next",
        examples=["expected the id of a bulletin, got 'x'; GET /v1/bulletins lists them"],
    )
    errors: list[Fault] | None = Field(None, description="Only where the request was not valid")


class NewestBulletin(_Answer):
    """The bulletin issued last, and what is behind it."""

    bulletin_id: str = Field(examples=[BULLETIN_ID])
    as_of: date = Field(description="Day whose knowledge the bulletin used")
    created_at: datetime = Field(description="When it was issued, UTC")
    age_days: int = Field(description="Whole days since it was issued", examples=[3])
    model_age_days: int = Field(description="Whole days since a bulletin first used its model")
    data_age_days: int | None = Field(
        description="Whole days since the last incident in its data; null without incidents"
    )


class Queue(_Answer):
    """The queue of forecasts, and whether a worker is there to empty it."""

    worker: bool = Field(description="Whether a worker is running")
    waiting: int
    running: int
    failed_last_day: int = Field(description="Forecasts that failed in the last 24 hours")
    oldest_waiting_seconds: float | None = Field(description="Of the first in the queue")


class Health(_Answer):
    """Whether the service can be relied on, and if not, why not."""

    status: Literal["ok", "degraded", "unusable"]
    reasons: list[str] = Field(
        description="Empty when ok", examples=[["no bulletin yet: run the pipeline"]]
    )
    database: Literal["usable", "not usable"]
    migrations_current: bool
    synthetic: bool | None = Field(description="Whether the data are made up; null without data")
    round_ahead: bool = Field(description="Whether the window of some round is not over")
    newest_bulletin: NewestBulletin | None
    jobs: Queue | None = Field(description="The queue; null where none was ever asked for")
    stale_after_days: int = Field(description="A bulletin older than this counts as stale")
    data_stale_after_days: int = Field(description="The same for data, while a round is ahead")
    model_stale_after_days: int = Field(description="The same for a model, while a round is ahead")


class Live(_Answer):
    """The process answers."""

    live: Literal[True] = True


class Ready(_Answer):
    """The service can answer questions."""

    ready: Literal[True] = True


class ElectionOut(_Answer):
    """One round of an election."""

    election_id: str = Field(examples=["MLI-2018-PRES-1"])
    iso3: str = Field(description="Country, ISO 3166-1 alpha-3", examples=["MLI"])
    election_type: ElectionType
    round: int = Field(ge=1)
    polling_date: date
    window_start: date = Field(description="First day that a bulletin speaks about")
    window_end: date = Field(description="Last day that a bulletin speaks about")
    note: str | None
    synthetic: bool = Field(description="Whether the data are made up")


class Elections(_Answer):
    """All rounds, the latest polling day first."""

    elections: list[ElectionOut]
    next: Next


class BulletinOut(_Answer):
    """What a bulletin says about itself. It never changes."""

    bulletin_id: str = Field(examples=[BULLETIN_ID])
    digest: str = Field(description="SHA-256 of scores and inputs")
    election_id: str = Field(examples=["MLI-2018-PRES-1"])
    registry_id: str = Field(description="Version of the registry of units")
    iso3: str = Field(examples=["MLI"])
    country: str = Field(examples=["Mali"])
    target: str = Field(examples=["any"])
    target_says: str = Field(description="What counts, in plain words")
    as_of: date = Field(description="Day whose knowledge the bulletin used")
    window_start: date
    window_end: date
    model_name: str
    model_version: str
    model_kind: str = Field(
        description="Kind of model, or of baseline when none beat it; `none` where all abstain"
    )
    model_digest: str
    data_digest: str
    baseline_name: str = Field(description="The baseline shown beside each probability")
    base_rate: Probability = Field(description="Share of units with the target in past windows")
    interval_level: Probability = Field(description="Probability the interval is meant to hold")
    vintage: str = Field(description="How recent the data are")
    synthetic: bool = Field(description="Whether the data are made up")
    units: int = Field(description="Units in the bulletin")
    abstained: int = Field(description="Units without a score; coverage or the notes say why")
    notes: str
    created_at: datetime = Field(description="When the bulletin was issued, UTC")


class Bulletins(_Answer):
    """Some bulletins, the newest `as_of` first."""

    bulletins: list[BulletinOut]
    total: int = Field(description="Bulletins that match the filters, on all pages")
    next: Next


class Latest(_Answer):
    """The newest bulletin of a round, and how old it is."""

    bulletin: BulletinOut
    age_days: int = Field(description="Whole days since it was issued")
    as_of_age_days: int = Field(description="Whole days since the day whose knowledge it uses")
    stale: bool = Field(description="Whether it is older than the service is set to allow")
    scores: str = Field(
        description="Where its scores are, for ever",
        examples=[f"/v1/bulletins/{BULLETIN_ID}/scores"],
    )


class Driver(_Answer):
    """One reason for a score."""

    feature: str = Field(
        description="The strongest feature of the family; `_intercept` is where every unit starts",
        examples=["target_count_365d"],
    )
    family: str = Field(examples=["past incidents here"])
    says: str = Field(
        description="The reason in plain words, in the language asked for",
        examples=["3 violent incidents here in the last 12 weeks"],
    )
    value: float | int | str | bool | None = Field(description="The feature's value")
    contribution: float = Field(
        description="Of the family, in log-odds; all together sum to the score's logit"
    )


class ScoreLine(_Answer):
    """One unit and its score, without drivers. Its numbers are null where it abstains."""

    unit_id: str = Field(examples=[UNIT_ID])
    name: str = Field(examples=["Mopti"])
    parent_id: str = Field(examples=["ML0505"])
    parent_name: str = Field(examples=["Mopti"])
    region_id: str = Field(examples=["ML05"])
    region_name: str = Field(examples=["Mopti"])
    rank: int | None = Field(description="1 is the highest probability")
    probability: Probability | None = Field(description="Of at least one incident in the window")
    lower: Probability | None = Field(description="Lower end of the interval")
    upper: Probability | None = Field(description="Upper end of the interval")
    expected_incidents: float | None = Field(description="Expected count in the window", ge=0)
    incidents_p50: float | None = Field(
        description="Count not exceeded in 50 % of cases; null in older bulletins", ge=0
    )
    incidents_p90: float | None = Field(description="Count not exceeded in 90 % of cases", ge=0)
    two_or_more: Probability | None = Field(description="Of at least two incidents")
    five_or_more: Probability | None = Field(description="Of at least five incidents")
    band: Band
    baseline_probability: Probability | None
    coverage: Coverage
    coverage_says: str = Field(description="How far this unit's silence can be trusted")


class ScoreOut(ScoreLine):
    """One unit and its score, with every driver."""

    drivers: list[Driver]


class Scores(_Answer):
    """A bulletin's scores by rank, abstained units last."""

    synthetic: bool = Field(description="Whether the data are made up")
    bulletin: BulletinOut
    matched: Matched
    next: Next
    scores: list[ScoreOut]


class Feature(_Answer):
    """A GeoJSON feature: one unit's outline and score."""

    type: Literal["Feature"] = "Feature"
    id: str = Field(examples=[UNIT_ID])
    geometry: dict[str, Any] | None = Field(description="Simplified outline, WGS 84")
    properties: ScoreLine


class FeatureCollection(_Answer):
    """A bulletin's scores on the map (GeoJSON, RFC 7946)."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    synthetic: bool = Field(description="Whether the data are made up")
    bulletin: BulletinOut
    matched: Matched
    next: Next
    features: list[Feature]


class UnitOut(_Answer):
    """A unit of the registry."""

    unit_id: str = Field(examples=[UNIT_ID])
    name: str
    parent_id: str
    parent_name: str
    region_id: str
    region_name: str
    lon: float = Field(description="Degrees east")
    lat: float = Field(description="Degrees north")
    area_km2: float | None


class IncidentOut(_Answer):
    """One past incident. Neither actors nor notes leave the store."""

    incident_id: str
    event_date: date
    known_on: date = Field(description="Day on which it became known")
    event_type: EventType
    sub_event_type: str | None
    fatalities: float = Field(ge=0)
    geo_precision: int = Field(ge=1, le=7, description="The publisher's scale, 1 the most exact")
    geo_precision_says: str
    placed_by: PlacedBy = Field(description="How the incident got its unit")


class Month(_Answer):
    """A month of a unit's history."""

    month: str = Field(pattern=r"^\d{4}-\d{2}$", examples=["2018-06"])
    political_violence_count: int = Field(description="Battles, explosions, violence, riots")
    other_count: int = Field(description="Protests and strategic developments")
    fatalities: float


class History(_Answer):
    """A unit's incidents, only those known by `as_of`."""

    as_of: date = Field(description="Incidents that became known later are left out")
    incidents_count: int = Field(description="All incidents known, of any type")
    incidents: list[IncidentOut] = Field(description="The last ones, newest first")
    monthly: list[Month] = Field(description="The 36 months up to `as_of`, oldest first")


class UnitDetail(_Answer):
    """A unit, its score, and what was known of it."""

    synthetic: bool = Field(description="Whether the data are made up")
    as_of: date = Field(description="Day whose knowledge this answer uses")
    bulletin: BulletinOut
    unit: UnitOut
    score: ScoreOut
    scored_count: int = Field(description="Units with a rank in the bulletin")
    history: History


class ForecastAsk(BaseModel):
    """A forecast asked for."""

    model_config = ConfigDict(extra="forbid")
    election_id: str = Field(
        max_length=100, pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$", examples=["MLI-2018-PRES-1"]
    )
    as_of: Day | None = Field(
        None,
        description="Day whose knowledge may be used, up to today; left out: today, or the eve "
        "of a window that is over",
        examples=["2018-07-01"],
    )
    target: str = Field(
        "any",
        max_length=50,
        pattern=r"^[a-z][a-z0-9_]*$",
        description="See /v1/targets",
        examples=["any"],
    )


class ForecastJob(_Answer):
    """A forecast asked for, and how far it is."""

    job_id: str = Field(examples=["5b1f7c1e-0d1b-4f5f-9a55-c0e2f1a2b3c4"])
    url: str = Field(description="Where to watch it")
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    election_id: str = Field(examples=["MLI-2018-PRES-1"])
    target: str = Field(examples=["any"])
    as_of: date | None = Field(description="As asked; null where it was left to the job")
    asked_at: datetime
    finished_at: datetime | None
    says: str = Field(description="What is being done, in words", examples=["building the panel"])
    steps: list[str] = Field(description="All steps, in order")
    steps_done: list[str] = Field(description="Steps that are finished and will not be repeated")
    bulletin_id: str | None = Field(examples=[BULLETIN_ID])
    bulletin_url: str | None = Field(description="The bulletin, once it is issued")
    problem: Problem | None = Field(description="What went wrong, and what to do")


class ForecastJobs(_Answer):
    """Forecasts that were asked for, the newest first."""

    forecasts: list[ForecastJob]
    next: Next


class Target(_Answer):
    """A target that can be forecast."""

    iso3: str = Field(examples=["MLI"])
    country: str = Field(examples=["Mali"])
    target: str = Field(examples=["any"])
    says: str = Field(examples=["at least one incident of: battle, riot"])


class Targets(_Answer):
    """What can be asked, by country."""

    targets: list[Target]
