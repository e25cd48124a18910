"""What the API says of tokens, sessions, the audit, and to the public."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict, Field

from features.vocabulary import Band
from serve.schemas import BULLETIN_ID, Next
from store.roles import Role


class _Shape(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class SignIn(BaseModel):
    """A token, to be exchanged for a session."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(min_length=1, max_length=200, examples=["vigie_..."])


class SessionOut(_Shape):
    """Who is signed in on this browser."""

    signed_in: bool
    organisation: bool = Field(description="Whether one can sign in with an organisation's account")
    label: str | None = Field(None, examples=["planning desk"])
    role: Role | None = None
    areas: list[str] = Field(default_factory=list, description="Empty: everywhere")
    may_forecast: bool = Field(default=False, description="Whether it may ask for forecasts")
    expires_at: datetime | None = None
    csrf: str | None = Field(None, description="To be sent as X-CSRF-Token when changing something")


class NewToken(BaseModel):
    """A token to be made."""

    model_config = ConfigDict(extra="forbid")

    label: str = Field(
        min_length=1, max_length=100, description="Whose it is; no phone number", examples=["desk"]
    )
    role: Role = Role.PLANNER
    areas: list[str] = Field(
        default_factory=list,
        max_length=200,
        description="Ids of regions, parent areas or units that it may read; empty for all",
        examples=[["ML05"]],
    )
    days: int = Field(default=365, ge=1, le=3650, description="Days until it expires")


class TokenOut(_Shape):
    """A token or session, without its secret."""

    token_id: str = Field(examples=["3fa9c01b"])
    kind: str = Field(description="bearer or session")
    parent_id: str | None = Field(description="The token that a session was made from")
    label: str
    role: Role
    areas: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class TokenMade(TokenOut):
    """A new token. Its secret is shown here and never again."""

    secret: str = Field(examples=["vigie_..."])


class Tokens(_Shape):
    """Tokens and sessions by id."""

    tokens: list[TokenOut]
    next: Next


class AuditEntry(_Shape):
    """One thing that was read or done."""

    id: int
    at: datetime
    actor: str = Field(description="Id of a token, `public`, or who ran a command")
    action: str = Field(examples=["scores.read"])
    subject: str = Field(description="An address that was read, or the id of what was changed")
    bulletin_id: str | None = Field(examples=[BULLETIN_ID])
    request_id: str | None = Field(description="Under which the log speaks of the request")
    reads: int = Field(description="How often, within a fraction of a second", ge=1)


class AuditLog(_Shape):
    """Entries of the audit, the newest first."""

    entries: list[AuditEntry]
    next: Next


class PublicRegion(_Shape):
    """The posture that a region asks for, and nothing of its communes."""

    region_id: str = Field(examples=["ML05"])
    region_name: str = Field(examples=["Mopti"])
    band: Band | None = Field(
        description="The highest band that at least a tenth of its scored units reach; null where "
        "fewer than five units are scored"
    )


class PublicBulletin(_Shape):
    """The newest bulletin of a round, coarse."""

    synthetic: bool = Field(description="Whether the data are made up")
    bulletin_id: str = Field(examples=[BULLETIN_ID])
    election_id: str = Field(examples=["MLI-2018-PRES-1"])
    target_says: str
    as_of: date
    window_start: date
    window_end: date
    age_days: int = Field(description="Whole days since it was issued")
    regions: list[PublicRegion]
