"""What the API takes and says of field reports."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from response.bodies import DEEPEST, is_flat
from response.vocabulary import Intake, People, PlaceKind, ReportKind, Sign, Verification
from serve.schemas import UNIT_ID, Next
from store.report_versions import State

REPORT_ID = "3fa9c01b5d2e7f60"
EXAMPLE = {
    "client_id": "tablet-7/0042",
    "unit": UNIT_ID,
    "kind": "warning_sign",
    "sign": "armed_presence",
    "severity": 3,
    "place_kind": "market",
    "people": "armed_group",
    "seen_at": "2018-07-20T08:00:00Z",
    "sent_at": "2018-07-20T09:00:00Z",
}
_ITEMS = """Each with `unit` (P-code, short code or name), `kind`, `sign`, `severity` (1-5),
`seen_at`, and, if known, `place_kind`, `voting_center`, `people`, `sent_at`; words as value, SMS
code or name in French or English. `client_id` is what you call the report: the same one again
with other content and a later `edited_at` edits it, `withdraw: true` takes it back. `reporter`
tells your reporters apart and is kept as a keyed hash only. What cannot be understood is kept
for a person, whatever it holds."""


def _flat(value: Any) -> Any:
    if not is_flat(value):
        raise ValueError(f"expected values at most {DEEPEST} levels within each other, got more")
    return value


Fields = Annotated[dict[str, Any], AfterValidator(_flat)]
"""By the names of `response.reports.FIELDS`, and whatever else is sent with them."""


class _Shape(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class NewReports(BaseModel):
    """Reports to be taken in."""

    model_config = ConfigDict(extra="forbid")

    reports: list[Fields] = Field(
        min_length=1, max_length=500, description=_ITEMS, examples=[[EXAMPLE]]
    )


class ReasonOut(_Shape):
    """Why a submission is not understood."""

    field: str = Field(examples=["severity"])
    says: str = Field(examples=["severity is missing"])
    meant: list[str] = Field(description="What may have been meant", examples=[["MOP05"]])


class LandedOut(_Shape):
    """What became of one submission."""

    client_id: str | None = Field(examples=["tablet-7/0042"])
    line: int | None = Field(None, description="Line of a csv")
    state: State
    report_id: str = Field(description="Of the report, now or once it is understood")
    inbox_id: int
    reasons: list[ReasonOut] = Field(description="Only where it is queued")


class LandedAll(_Shape):
    """What became of each submission, in the order of sending."""

    synthetic: bool | None = Field(description="Whether the data of this store are made up")
    results: list[LandedOut]
    counts: dict[str, int] = Field(description="State -> submissions", examples=[{"landed": 1}])


class ReportOut(_Shape):
    """A report as it stands. Who reported is in no answer."""

    report_id: str = Field(examples=[REPORT_ID])
    version: int = Field(ge=1, description="Name it when verifying")
    landed_at: datetime = Field(description="When it first became known")
    known_at: datetime = Field(description="When this version became known")
    unit_id: str = Field(examples=[UNIT_ID])
    unit_name: str | None
    parent_name: str | None
    region_id: str | None
    region_name: str | None
    kind: ReportKind
    sign: Sign | None
    says: str = Field(examples=["présence armée"])
    severity: int = Field(ge=0, le=5, description="1 slight to 5 deadly; 0 where nothing was seen")
    place_kind: PlaceKind | None
    place_says: str | None
    voting_center: str | None = Field(description="As it was typed; for those who may verify")
    people: People | None
    people_says: str | None
    seen_at: datetime
    sent_at: datetime
    verification: Verification
    verification_says: str
    withdrawn: bool
    intake: Intake
    borne_out_by: list[str] = Field(
        description="Independent reports near in place and time: Vigie suggests `corroborated`"
    )
    photos: list[str] = Field(description="Digests; for those who may verify")


class Reports(_Shape):
    """Reports, the last landed first."""

    synthetic: bool | None
    reports: list[ReportOut]
    next: Next


class VersionOut(_Shape):
    """A version of a report, and what made it."""

    version: int
    known_at: datetime
    change: str = Field(examples=["edited"])
    actor: str = Field(description="Token, gateway, or who ran a command; never a mediator")
    reason: str = Field(description="As it was typed; for those who may verify")
    unit_id: str
    kind: ReportKind
    sign: Sign | None
    severity: int
    place_kind: PlaceKind | None
    voting_center: str | None
    people: People | None
    seen_at: datetime
    sent_at: datetime
    verification: Verification
    withdrawn: bool


class SubmissionOut(_Shape):
    """What was sent for a report, whether it counts or not."""

    received_at: datetime
    edited_at: datetime
    content: dict[str, Any] | None = Field(description="Null takes the report back")


class ReportDetail(_Shape):
    """A report with its history."""

    synthetic: bool | None
    report: ReportOut
    versions: list[VersionOut]
    submissions: list[SubmissionOut]


class Verdict(BaseModel):
    """How far a report is borne out."""

    model_config = ConfigDict(extra="forbid")

    verification: Verification
    version: int = Field(ge=1, le=2**31 - 1, description="The version that was judged")
    reason: str = Field("", max_length=500, description="Needed to refute or to go back")


class Because(BaseModel):
    """A reason."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field("", max_length=500, examples=["sent twice"])


class QueueItem(_Shape):
    """Something that was not understood."""

    inbox_id: int
    received_at: datetime
    intake: Intake
    sent: Any = Field(
        description="All that came, without numbers, accounts and positions; of bytes that are no "
        "text `body` is what can be printed, `base64` all. Null: the same bytes came before"
    )
    shortened: bool = Field(description="Whether GET /v1/reports/queue/{inbox_id} has more of it")
    read: dict[str, str] = Field(description="Fields that can be used as they are")
    reasons: list[ReasonOut]


class Queue(_Shape):
    """What waits for a person, the oldest first."""

    items: list[QueueItem]
    next: Next


class Resolution(BaseModel):
    """An item as a person read it."""

    model_config = ConfigDict(extra="forbid")

    fields: Fields = Field(description="As in POST /v1/reports", examples=[EXAMPLE])
    reason: str = Field("", max_length=500, examples=["called the mediator"])


class Counts(_Shape):
    """How much arrived, and what became of it."""

    intakes: dict[str, dict[str, int]] = Field(
        description="Intake -> state -> submissions", examples=[{"sms": {"landed": 12}}]
    )
    waiting: int = Field(description="Submissions that wait for a person")


class PhotoOut(_Shape):
    """A photo that was kept."""

    sha256: str


class SmsAnswer(_Shape):
    """What became of an SMS."""

    reply: str = Field(description="For its sender, in French, at most 160 characters")
    state: State | None = Field(description="Null where it asked for help or took a report back")
    report_id: str | None
