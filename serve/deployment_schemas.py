"""What the API takes and answers about deployments."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from response.deployment_request import Id, People, Request
from serve.schemas import BULLETIN_ID, UNIT_ID

DEPLOYMENT_ID = "MLI-2018-PRES-1.plan.077708a6"
Reason = Annotated[str, Field(max_length=2000)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PlanAsk(_Asked):
    """A deployment asked for."""

    bulletin_id: str = Field(examples=[BULLETIN_ID])
    request: Request = Field(examples=[{"mediators": 404}])
    follows: str | None = Field(
        None, description="Deployment of the round before, to start from", examples=[None]
    )
    reason: Reason = Field("", description="For those who read the plan")


class Change(_Asked):
    """One unit of an edited plan."""

    unit_id: Id = Field(examples=[UNIT_ID])
    mediators: People = Field(description="0 takes all away", examples=[4])
    base: Id | None = Field(None, description="Where they come from, if the plan has bases")


class EditAsk(_Asked):
    """A person's changes to a plan."""

    version: int = Field(ge=1, le=1_000_000, description="The version looked at: the newest")
    reason: Annotated[str, Field(min_length=1, max_length=2000)]
    changes: Annotated[list[Change], Field(min_length=1, max_length=5000)]


class ApproveAsk(_Asked):
    """An approval."""

    version: int = Field(ge=1, le=1_000_000, description="The version looked at: the newest")
    reason: Reason = ""


class Post(BaseModel):
    """Mediators of one base in one unit, and why."""

    unit_id: str = Field(examples=[UNIT_ID])
    name: str
    parent_id: str
    parent_name: str
    region_id: str
    region_name: str
    lon: float
    lat: float
    base: str = Field(description="Empty where the plan has no bases")
    mediators: int = Field(ge=1)
    rank: int | None
    probability: float | None
    expected_incidents: float | None = Field(description="Null where the score abstains")
    band: str
    why: str


class Approval(BaseModel):
    """Who approved, by role."""

    role: str = Field(examples=["coordinator"])
    reason: str
    approved_at: datetime


class VersionOut(BaseModel):
    """One version of a plan, without its posts."""

    version: int = Field(ge=1)
    how: str = Field(description="`planned`, or `edited` by a person")
    reason: str
    role: str = Field(description="In which role it was made")
    mediators: int = Field(description="Sent out in all")
    created_at: datetime
    approval: Approval | None


class DeploymentLine(BaseModel):
    """A deployment and its newest version."""

    deployment_id: str = Field(examples=[DEPLOYMENT_ID])
    election_id: str
    bulletin_id: str
    follows: str | None
    synthetic: bool = Field(description="Whether the data are made up")
    created_at: datetime
    newest: VersionOut
    approved_version: int | None = Field(description="Approved last; null while none is")


class Deployments(BaseModel):
    """Some deployments, the newest first."""

    deployments: list[DeploymentLine]


class DeploymentOut(DeploymentLine):
    """A version of a deployment with its posts."""

    shown: VersionOut
    request: dict[str, Any] = Field(description="What was asked, with every assumption")
    assumptions: list[str] = Field(description="What a reader must know before acting on it")
    figures: dict[str, Any] | None = Field(
        description="Covered incidents with intervals, other plans, curve, what lifting each "
        "constraint adds; null for a token with areas, since they speak of all units"
    )
    posts: list[Post]


class Versions(BaseModel):
    """Every version of a deployment, the oldest first."""

    deployment_id: str
    versions: list[VersionOut]


class Move(BaseModel):
    """A move between units; an empty unit is home, `elsewhere` is beyond the token's areas."""

    base: str
    from_unit: str
    from_name: str
    to_unit: str
    to_name: str
    mediators: int = Field(ge=1)
    km: float | None


class Moves(BaseModel):
    """From the plan that a deployment follows, or from its own first version."""

    deployment_id: str
    version: int
    moves: list[Move]
