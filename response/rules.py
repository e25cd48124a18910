"""Rules of alerts: what must happen, where, for somebody to be told, and who.

They are part of a country pack (`[[alerts]]`). Each makes drafts; a person signs.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from features.vocabulary import Language
from response.cap import Certainty, Severity, Urgency
from response.vocabulary import Level, Sign, Verification


class AreaKind(StrEnum):
    """What one alert speaks about."""

    UNIT = "unit"
    PARENT = "parent"
    REGION = "region"
    COUNTRY = "country"


class Channel(StrEnum):
    """How people are told. Every alert that is sent is on the feed too."""

    EMAIL = "email"
    WEBHOOK = "webhook"
    SMS = "sms"


Hours = Annotated[float, Field(gt=0, le=24 * 365)]
Share = Annotated[float, Field(gt=0, le=1)]
_HEARD = (Verification.UNVERIFIED, Verification.CORROBORATED, Verification.CONFIRMED)


class _Rule(BaseModel):
    """What every rule says.

    Attributes:
        name: in small letters; with the area it is what cooldown goes by.
        level: who has to act.
        area: what one alert speaks about; units that meet the rule are put together by it.
        only: ids of units, parent areas or regions to which the rule is held; empty for all.
        channels: how recipients of that level are told.
        cooldown_hours: for so long the rule makes no further draft for the same area ...
        worse_by: ... unless its measure has risen by this much; None for never.
        expires_hours: after which an alert that nobody signed is no longer sent.
        escalate_hours: when nobody has acknowledged for so long, the next level is told.
        instruction: what recipients are asked to do, in every language.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    level: Level
    area: AreaKind
    only: tuple[str, ...] = ()
    channels: Annotated[tuple[Channel, ...], Field(min_length=1)]
    cooldown_hours: Hours = 24
    worse_by: Annotated[float, Field(gt=0)] | None = None
    expires_hours: Hours = 48
    escalate_hours: Hours | None = None
    urgency: Urgency = Urgency.EXPECTED
    severity: Severity = Severity.MODERATE
    certainty: Certainty = Certainty.POSSIBLE
    instruction: dict[Language, str]

    @field_validator("instruction")
    @classmethod
    def _in_every_language(cls, said: dict[Language, str]) -> dict[Language, str]:
        if set(said) != set(Language) or not all(text.strip() for text in said.values()):
            raise ValueError(f"expected words in {', '.join(Language)}")
        return said

    @model_validator(mode="after")
    def _no_level_above(self) -> _Rule:
        if self.escalate_hours is not None and self.level is Level.REGIONAL:
            raise ValueError("escalate_hours: expected a level below regional, the highest")
        return self


class ProbabilityRule(_Rule):
    """The probability of a unit is at or over a threshold."""

    kind: Literal["probability"]
    threshold: Share


class RiseRule(_Rule):
    """The probability of a unit has risen by `rise` from its lowest within some hours.

    `threshold` is the least probability that it must have reached: a rise from next to nothing
    to little moves nobody.
    """

    kind: Literal["rise"]
    rise: Share
    threshold: Share = 0.1
    within_hours: Hours = 168


class IncidentRule(_Rule):
    """An incident of a severity was reported."""

    kind: Literal["incident"]
    min_severity: Annotated[int, Field(ge=1, le=5)]
    verification: Annotated[tuple[Verification, ...], Field(min_length=1)] = _HEARD
    within_hours: Hours = 24


class ClusterRule(_Rule):
    """Several warning signs from several reporters in an area within some hours.

    `signs` are those that count; empty for all. A report without a reporter's key counts as
    one reporter for all such reports together.
    """

    kind: Literal["cluster"]
    signs: tuple[Sign, ...] = ()
    count: Annotated[int, Field(ge=2)]
    reporters: Annotated[int, Field(ge=1)] = 1
    min_severity: Annotated[int, Field(ge=1, le=5)] = 1
    verification: Annotated[tuple[Verification, ...], Field(min_length=1)] = _HEARD
    within_hours: Hours = 24


class SilenceRule(_Rule):
    """No report of any kind came from an area where mediators are posted.

    It speaks of whole parent areas or regions: an alert that named a commune would tell where
    mediators stand.
    """

    kind: Literal["silence"]
    hours: Hours

    @field_validator("area")
    @classmethod
    def _coarse(cls, area: AreaKind) -> AreaKind:
        if area is AreaKind.UNIT:
            raise ValueError("expected parent, region or country: a unit tells where people stand")
        return area


Rule = Annotated[
    ProbabilityRule | RiseRule | IncidentRule | ClusterRule | SilenceRule,
    Field(discriminator="kind"),
]
