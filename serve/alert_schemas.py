"""What the API says of alerts, and what it takes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from features.vocabulary import Language
from response.alerts import State
from response.cap import Certainty, MessageType, Severity, Status, Urgency
from response.rules import AreaKind, Channel
from response.vocabulary import Level
from serve.schemas import UNIT_ID, Next

ALERT_ID = "MLI-2018-PRES-1.alert.3fa9c01b77"
MESSAGE_ID = "0c7a5f2e9b1d4c3a8e6f7a5b4c3d2e1f"

Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\r\n]*\S[^\r\n]*$")]
Paragraph = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"\S")]
NoteText = Annotated[
    str, Field(max_length=2000, description="What the others should know; no name, no number")
]


class _Shape(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class _Wanted(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AlertWords(_Wanted):
    """An alert in one language."""

    headline: Line = Field(examples=["Mopti: rising risk"])
    reason: Paragraph
    instruction: Paragraph


class AlertSaid(_Shape):
    """An alert in one language, as it was drafted."""

    headline: str = Field(examples=["Mopti: rising risk"])
    reason: str
    instruction: str


class AlertPlace(_Shape):
    """A unit that an alert is about."""

    unit_id: str = Field(examples=[UNIT_ID])
    name: str = Field(examples=["Konna"])
    parent_name: str
    region_id: str = Field(examples=["ML05"])
    region_name: str


class AlertEventOut(_Shape):
    """A step: who did what, when."""

    at: datetime
    step: str = Field(examples=["sign"])
    state: State = Field(description="The state after it")
    name: str = Field(description="The office, or the label of its token")
    role: str = Field(examples=["coordinator"])
    note: str


class CapOut(_Shape):
    """A CAP message that went out."""

    identifier: str = Field(examples=[ALERT_ID])
    message_type: MessageType
    status: Status
    sent_at: datetime


class AlertOut(_Shape):
    """An alert: what it says, how far it has come, and who did what."""

    alert_id: str = Field(examples=[ALERT_ID])
    election_id: str = Field(examples=["MLI-2018-PRES-1"])
    synthetic: bool = Field(description="Whether it rests on made-up data; then it is an exercise")
    state: State
    level: Level
    rule: str = Field(description="Name of the rule, or `hand`", examples=["rising"])
    kind: str
    area_kind: AreaKind
    area_id: str = Field(examples=["ML05"])
    area_name: str = Field(examples=["Mopti"])
    channels: list[Channel]
    urgency: Urgency
    severity: Severity
    certainty: Certainty
    words: AlertSaid = Field(description="In the language of the answer")
    translations: dict[Language, AlertSaid] = Field(description="As they go out, in each language")
    places: list[AlertPlace]
    drafted_at: datetime
    expires_at: datetime = Field(description="Unsigned by then, it is no longer sent")
    updates: str | None = Field(description="The alert that this one replaces")
    escalates: str | None = Field(description="The alert below that nobody acknowledged")
    events: list[AlertEventOut]
    cap: list[CapOut]


class Alerts(_Shape):
    """Some alerts, the newest first."""

    synthetic: bool | None = Field(description="Whether the data of this store are made up")
    alerts: list[AlertOut]
    next: Next


class NewAlert(_Wanted):
    """An alert that a person drafts. The words are needed in every language."""

    election_id: str = Field(examples=["MLI-2018-PRES-1"], max_length=100)
    level: Level
    area_name: Line = Field(examples=["Mopti"])
    unit_ids: list[Annotated[str, Field(max_length=50)]] = Field(
        min_length=1, max_length=1000, examples=[[UNIT_ID]]
    )
    channels: list[Channel] = Field(min_length=1, max_length=3)
    urgency: Urgency = Urgency.EXPECTED
    severity: Severity = Severity.MODERATE
    certainty: Certainty = Certainty.POSSIBLE
    words: dict[Language, AlertWords]
    hours: float = Field(default=48, gt=0, le=720, description="After which it expires unsigned")


class StepNote(_Wanted):
    """What goes with a step."""

    note: NoteText = ""


class CancelNote(_Wanted):
    """Why an alert is taken back; those who were told read it."""

    note: NoteText = Field(min_length=1)


class Receipt(_Wanted):
    """What a gateway or receiver says of a message."""

    message_id: str = Field(min_length=1, max_length=100, examples=[MESSAGE_ID])
    received: bool = Field(description="False where it could not be delivered")
    detail: str = Field(default="", max_length=200, description="No address, no number")


class ReceiptOut(_Shape):
    """A receipt that was written down."""

    message_id: str = Field(examples=[MESSAGE_ID])
    state: str = Field(examples=["received"])


class ToldOut(_Shape):
    """One message: who was told what, when, and what came of it."""

    message_id: str = Field(examples=[MESSAGE_ID])
    alert_id: str = Field(examples=[ALERT_ID])
    election_id: str
    level: Level
    area_name: str
    message_type: MessageType
    recipient_id: str
    recipient: str = Field(description="Name of the office")
    address: str = Field(description="Masked, but for admins", examples=["p…@example.org"])
    channel: Channel
    language: Language
    subject: str
    text: str = Field(description="As it was sent")
    queued_at: datetime
    sent_at: datetime | None
    received_at: datetime | None = Field(description="By the receiver's receipt")
    acknowledged_at: datetime | None = Field(
        description="When anybody first acknowledged the alert"
    )
    state: str = Field(description="waiting, begun, failed, sent, received, undelivered or dead")
    tries: int = Field(ge=0)
    next_try_at: datetime | None
    detail: str = Field(description="What went wrong last")


class Told(_Shape):
    """Messages, the newest first."""

    told: list[ToldOut]
    next: Next


class NewRecipient(_Wanted):
    """An office that is to be told."""

    name: Line = Field(description="Of the office; all readers of alerts see it")
    level: Level
    channel: Channel
    address: str = Field(min_length=3, max_length=500, description="For who sends, and admins")
    language: Language = Language.FR
    areas: list[str] = Field(default_factory=list, max_length=200, examples=[["ML05"]])


class RecipientOut(_Shape):
    """An office that is told of alerts of its level and areas."""

    recipient_id: str = Field(examples=["3fa9c01b"])
    name: str
    level: Level
    channel: Channel
    address: str
    language: Language
    areas: list[str] = Field(description="Empty: everywhere")
    created_at: datetime
    ended_at: datetime | None


class Recipients(_Shape):
    """Recipients by id."""

    recipients: list[RecipientOut]
    next: Next
