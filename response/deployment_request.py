"""What a planner asks of a deployment: how many mediators, under which named constraints.

Effectiveness, cap and shared error are assumptions, not findings: Vigie claims no causal effect of
mediation, and every plan shows the values that it was made with.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from features.vocabulary import Language

Id = Annotated[str, Field(min_length=1, max_length=100)]
Words = Annotated[str, Field(min_length=1, max_length=500)]
People = Annotated[int, Field(ge=0, le=1_000_000)]
UNLIMITED = 10**9
"""More mediators than there can be: the total of a request whose total was lifted."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Limit(_Frozen):
    """Least and most mediators of an area or a unit."""

    minimum: People = 0
    maximum: People | None = None


class Base(_Frozen):
    """A home base: how many mediators live there, how far they travel, what they speak.

    `unit_id` is where it lies. Without `max_km` they travel anywhere; without `languages` they
    speak all.
    """

    name: Id
    unit_id: Id
    mediators: People
    max_km: Annotated[float, Field(gt=0, le=40_000)] | None = None
    languages: tuple[Id, ...] = ()


class Abstained(StrEnum):
    """What is taken for a unit whose score abstains: never zero without a word.

    `leave_out` sends nobody unless asked to, and the plan says how many units it knows nothing
    of. `area_mean` takes the mean of the scored units of its parent area, else region, else all.
    """

    LEAVE_OUT = "leave_out"
    AREA_MEAN = "area_mean"


class Risk(_Frozen):
    """How uncertainty is drawn and weighed.

    Attributes:
        draws: number of predictive draws.
        seed: of the draws.
        level: how often the interval of what is covered is meant to hold.
        shared: share of the error of the scores, in variance of log-odds, that is common to all
            units of a region: 0 makes units err apart, 1 together. An assumption.
        weight: 0 maximises the expectation; up to 1, minimises the worst case the more.
        tail: the share of draws that count as worst.
        scenarios: draws that the worst case is planned on.
    """

    draws: Annotated[int, Field(ge=50, le=5000)] = 1000
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 7
    level: Annotated[float, Field(ge=0.5, le=0.99)] = 0.9
    shared: Annotated[float, Field(ge=0, le=1)] = 0.5
    weight: Annotated[float, Field(ge=0, le=1)] = 0.0
    tail: Annotated[float, Field(gt=0, le=0.5)] = 0.1
    scenarios: Annotated[int, Field(ge=20, le=500)] = 100


class Moving(_Frozen):
    """What a move of one mediator costs, in expected incidents that it must gain."""

    each: Annotated[float, Field(ge=0, le=1000)] = 0.0
    per_100_km: Annotated[float, Field(ge=0, le=1000)] = 0.0


class Request(_Frozen):
    """A deployment asked for. The keys are those of a constraints file.

    Attributes:
        mediators: the total.
        team_size: mediators go in teams of so many.
        effectiveness: share of a unit's expected incidents that one mediator is taken to cover;
            m mediators cover 1 - (1 - effectiveness)^m.
        cap: mediators in one unit beyond which more are of no use.
        areas: id of a region or parent area -> least and most.
        units: unit_id -> least and most.
        regions_in: only these regions; empty for all.
        regions_out: not these.
        unreachable: unit_id -> why nobody can be sent there.
        must_cover: units that get a team whatever their score.
        bases: where mediators live; empty when they may come from anywhere.
        languages: id of a unit, parent area or region -> languages, one of which a mediator
            there must speak; the smallest area counts.
        cover_reports_from: units of which a report of this severity or more stands (not refuted
            nor withdrawn) must be covered too, the gravest first, as far as there are teams that
            can be there; None for none.
        cover_reports_most: how many units may be promised a team so; None for all that can.
    """

    mediators: People
    team_size: Annotated[int, Field(ge=1, le=50)] = 2
    effectiveness: Annotated[float, Field(gt=0, lt=1)] = 0.3
    cap: Annotated[int, Field(ge=1, le=1000)] = 6
    areas: dict[Id, Limit] = Field(default_factory=dict)
    units: dict[Id, Limit] = Field(default_factory=dict)
    regions_in: tuple[Id, ...] = ()
    regions_out: tuple[Id, ...] = ()
    unreachable: dict[Id, Words] = Field(default_factory=dict)
    must_cover: tuple[Id, ...] = ()
    bases: tuple[Base, ...] = ()
    languages: dict[Id, tuple[Id, ...]] = Field(default_factory=dict)
    cover_reports_from: Annotated[int, Field(ge=1, le=5)] | None = None
    cover_reports_most: Annotated[int, Field(ge=0)] | None = None
    abstained: Abstained = Abstained.LEAVE_OUT
    risk: Risk = Risk()
    moving: Moving = Moving()

    @model_validator(mode="after")
    def _bases_once(self) -> Request:
        names = [base.name for base in self.bases]
        if len(set(names)) < len(names):
            raise ValueError("expected each base once, got a name twice")
        return self

    @model_validator(mode="after")
    def _room_for_a_team(self) -> Request:
        if self.cap < self.team_size:
            raise ValueError("expected a cap of at least one team, got less than team_size")
        return self


class Constraint(BaseModel):
    """A named constraint of a request.

    `key` is what `without` lifts: a kind, and after a colon what it is about.
    """

    model_config = ConfigDict(frozen=True)
    key: str
    en: str
    fr: str

    def in_language(self, language: Language) -> str:
        """What it says, in a language."""
        return self.fr if language is Language.FR else self.en


def constraints(request: Request) -> list[Constraint]:
    """Every constraint of a request by name, in the order of `Request`."""
    r = request
    found = [
        ("mediators", f"{r.mediators} mediators in all", f"{r.mediators} médiateurs en tout"),
        ("cap", f"at most {r.cap} mediators in one unit", f"{r.cap} médiateurs au plus par unité"),
    ]
    if r.team_size > 1:
        found.append(("team_size", f"teams of {r.team_size}", f"équipes de {r.team_size}"))
    for kind, limits in (("areas", r.areas), ("units", r.units)):
        for name, limit in limits.items():
            if limit.minimum:
                n = limit.minimum
                found.append(
                    (f"{kind}.min:{name}", f"at least {n} in {name}", f"au moins {n} à {name}")
                )
            if limit.maximum is not None:
                n = limit.maximum
                found.append(
                    (f"{kind}.max:{name}", f"at most {n} in {name}", f"au plus {n} à {name}")
                )
    if r.regions_in:
        names = ", ".join(r.regions_in)
        found.append(("regions_in", f"only the regions {names}", f"seulement les régions {names}"))
    found += [
        (f"regions_out:{name}", f"nobody in region {name}", f"personne dans la région {name}")
        for name in dict.fromkeys(r.regions_out)
    ]
    found += [
        (f"unreachable:{u}", f"{u} cannot be reached: {why}", f"{u} est inaccessible : {why}")
        for u, why in r.unreachable.items()
    ]
    found += [
        (f"must_cover:{u}", f"{u} must be covered", f"{u} doit être couverte")
        for u in dict.fromkeys(r.must_cover)
    ]
    for base in r.bases:
        n, name = base.mediators, base.name
        found.append(
            (f"bases.mediators:{name}", f"{n} mediators at {name}", f"{n} médiateurs à {name}")
        )
        if base.max_km is not None:
            far = f"{base.max_km:g} km"
            found.append(
                (
                    f"bases.max_km:{name}",
                    f"from {name} at most {far}",
                    f"{far} au plus depuis {name}",
                )
            )
    for area, spoken in r.languages.items():
        words = ", ".join(spoken)
        found.append(
            (f"languages:{area}", f"in {area} one of {words}", f"à {area}, une de {words}")
        )
    return [Constraint(key=key, en=en, fr=fr) for key, en, fr in found]


def without(request: Request, keys: frozenset[str]) -> Request:
    """The same request with some constraints lifted.

    Args:
        request: what is asked.
        keys: of `constraints(request)`.
    """
    r = request
    bases = tuple(
        base.model_copy(
            update={
                **({"mediators": UNLIMITED} if f"bases.mediators:{base.name}" in keys else {}),
                **({"max_km": None} if f"bases.max_km:{base.name}" in keys else {}),
            }
        )
        for base in r.bases
    )
    return r.model_copy(
        update={
            "mediators": UNLIMITED if "mediators" in keys else r.mediators,
            "cap": UNLIMITED if "cap" in keys else r.cap,
            "team_size": 1 if "team_size" in keys else r.team_size,
            "areas": _lifted("areas", r.areas, keys),
            "units": _lifted("units", r.units, keys),
            "regions_in": () if "regions_in" in keys else r.regions_in,
            "regions_out": tuple(n for n in r.regions_out if f"regions_out:{n}" not in keys),
            "unreachable": {
                u: why for u, why in r.unreachable.items() if f"unreachable:{u}" not in keys
            },
            "must_cover": tuple(u for u in r.must_cover if f"must_cover:{u}" not in keys),
            "bases": bases,
            "languages": {
                a: spoken for a, spoken in r.languages.items() if f"languages:{a}" not in keys
            },
        }
    )


def _lifted(kind: str, limits: dict[str, Limit], keys: frozenset[str]) -> dict[str, Limit]:
    return {
        name: Limit(
            minimum=0 if f"{kind}.min:{name}" in keys else limit.minimum,
            maximum=None if f"{kind}.max:{name}" in keys else limit.maximum,
        )
        for name, limit in limits.items()
    }
