"""What the API asks and answers about nowcasts."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from features.vocabulary import Band
from response.effort import Watch
from response.ratios import Part
from serve.schemas import BULLETIN_ID, UNIT_ID, Matched, Moment, Next, Probability

NOWCAST_ID = f"{BULLETIN_ID}.20180720T120000.1c93be07"


class _Answer(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class NowcastAsk(BaseModel):
    """A nowcast asked for."""

    model_config = ConfigDict(extra="forbid")
    bulletin_id: str = Field(max_length=200, examples=[BULLETIN_ID])
    moment: Moment | None = Field(
        None,
        description="Whose knowledge may be used, up to now; left out: now",
        examples=["2018-07-20T12:00:00Z"],
    )


class NowcastOut(_Answer):
    """What a nowcast says about itself. It never changes, and its bulletin stays as it is."""

    nowcast_id: str = Field(examples=[NOWCAST_ID])
    digest: str = Field(description="SHA-256 of scores and inputs")
    bulletin_id: str = Field(description="The bulletin that it updates", examples=[BULLETIN_ID])
    election_id: str = Field(examples=["MLI-2018-PRES-1"])
    moment: datetime = Field(description="Moment whose knowledge it used, UTC")
    ratios_id: str = Field(description="The likelihood ratios that it used")
    assumptions: dict[str, float] = Field(
        description="How reports fade, repeat and spill over: conventions",
        examples=[{"half_life_days": 5.0}],
    )
    reports_digest: str
    posts_digest: str
    reports: int = Field(description="Field reports known at the moment")
    mediators: int = Field(description="Mediators posted by the approved deployment")
    units: int = Field(description="Units in the nowcast")
    moved: int = Field(description="Units whose probability is not the bulletin's")
    silent: int = Field(description="Units with mediators who have not been heard of for days")
    synthetic: bool = Field(description="Whether the data are made up")
    created_at: datetime = Field(description="When it was made, UTC")
    scores: str = Field(description="Where its scores are, for ever")


class Nowcasts(_Answer):
    """Some nowcasts, the newest moment first."""

    nowcasts: list[NowcastOut]
    next: Next


class Update(_Answer):
    """One reason for which a nowcast is not the bulletin."""

    part: Part = Field(description="`so_far`: about what has happened; `next`: the next days")
    what: str = Field(
        description="A sign, `incident`, `tension_defused`, or `any` where silence speaks",
        examples=["armed_presence"],
    )
    verification: str = Field(description="The best of its reports; empty for silence")
    near: bool = Field(description="Whether a neighbour's reports speak")
    reports: int
    contribution: float = Field(
        description="In log-odds; all together sum to logit(probability) - logit of the bulletin's"
    )
    says: str = Field(description="In words", examples=["2 reports of armed presence"])


class NowcastLine(_Answer):
    """One unit of a nowcast. Its numbers are null where the bulletin abstains."""

    unit_id: str = Field(examples=[UNIT_ID])
    name: str
    parent_id: str
    parent_name: str
    region_id: str
    region_name: str
    rank: int | None = Field(description="1 is the highest probability")
    probability: Probability | None = Field(
        description="Of at least one incident in the whole window, as in the bulletin"
    )
    lower: Probability | None
    upper: Probability | None
    next_days: Probability | None = Field(
        description="Of at least one in the next 7 days of the window"
    )
    ahead: Probability | None = Field(description="Of at least one from the moment to its end")
    expected_incidents: float | None = Field(ge=0)
    band: Band
    bulletin_probability: Probability | None
    reports: int = Field(description="Reports from here")
    mediators: int = Field(description="Mediators posted here")
    watch: Watch = Field(description="What stands behind this unit's silence")
    quiet_days: float | None = Field(description="Days since the last report; null if never")
    says: str = Field(
        description="The nowcast in a sentence",
        examples=["2 reports of armed presence (at best confirmed) raised 0.21 to 0.44"],
    )


class NowcastScoreOut(NowcastLine):
    """One unit of a nowcast, with every reason."""

    updates: list[Update]


class NowcastScores(_Answer):
    """A nowcast's scores by rank, abstained units last."""

    synthetic: bool
    nowcast: NowcastOut
    matched: Matched
    next: Next
    scores: list[NowcastScoreOut]


class NowcastFeature(_Answer):
    """A GeoJSON feature: one unit's outline and nowcast."""

    type: Literal["Feature"] = "Feature"
    id: str
    geometry: dict[str, Any] | None
    properties: NowcastScoreOut


class NowcastFeatures(_Answer):
    """A nowcast's scores on the map (GeoJSON, RFC 7946)."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    synthetic: bool
    nowcast: NowcastOut
    matched: Matched
    next: Next
    features: list[NowcastFeature]
