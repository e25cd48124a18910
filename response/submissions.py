"""Versions of one report as its sender sent them, in whatever order they arrive."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from response.reports import Report
from response.vocabulary import Intake


class Submission(NamedTuple):
    """One version of a report as it was sent.

    Attributes:
        submission_id: digest of what was sent; the same sent twice is one submission.
        report: what it says; None where it takes the report back.
        edited_at: when its sender says that it was written.
        instance_id: its own name, where the sender gives each version one.
        replaces: the name of the version that it was made from.
    """

    submission_id: str
    report: Report | None
    edited_at: datetime
    instance_id: str | None = None
    replaces: str | None = None


def head(submissions: Iterable[Submission]) -> Submission:
    """The version that counts, whatever the order of arrival.

    One that another one replaces does not count; of the others, the last written does, and of
    two written at the same moment the one with the higher digest.

    Raises:
        ValueError: there is none.
    """
    all_of_them = list(submissions)
    replaced = {s.replaces for s in all_of_them if s.replaces}
    standing = [s for s in all_of_them if s.instance_id not in replaced or not s.instance_id]
    return max(standing or all_of_them, key=lambda s: (s.edited_at, s.submission_id))


def digest(*parts: Any) -> str:
    """SHA-256 of plain values, the same for the same values."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def report_id(intake: Intake, sender: str, client_id: str) -> str:
    """The id of a report: the same client's id always gives the same one.

    Args:
        intake: how it came in.
        sender: within whose ids the client's id is one of a kind; empty where it is so
            everywhere.
        client_id: what the sender calls it.
    """
    return digest(str(intake), sender, client_id)[:16]


class Arrival(NamedTuple):
    """What came in, before anybody looked at it: the same for every intake.

    Attributes:
        sender: within whose ids `client_id` is one of a kind; never a number or a name.
        client_id: what the sender calls the report; empty where it gives no id.
        fields: by the names of `response.reports.FIELDS`, as they were sent.
        raw: all that was sent, for a person to read: values, or bytes that nothing could read.
            What points to a person is taken out when it is kept.
        reporter: keyed hash of who saw it; None where nothing tells.
        edited_at: when this version was written; None where it is not said.
        read_at: when a server said that this was its newest; stands in for `edited_at`.
        withdraw: whether it takes the report back.
        once: whether `client_id` names this very version: sent again under it, it is the same.
        unreadable: reasons found before the fields could be looked at.
        areas: ids of the areas that the sender may report from; empty for all.
    """

    intake: Intake
    sender: str
    client_id: str
    fields: Mapping[str, Any]
    raw: Any
    reporter: str | None = None
    edited_at: datetime | None = None
    read_at: datetime | None = None
    instance_id: str | None = None
    replaces: str | None = None
    withdraw: bool = False
    once: bool = False
    unreadable: Sequence[Any] = ()
    areas: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """Digest of this version as it was sent."""
        if self.once:
            return digest("once")
        content = {name: None if v is None else str(v) for name, v in self.fields.items()}
        if not self.client_id and not any(content.values()):
            # Nothing that we know tells it from others: all that it holds does.
            return digest("unread", self.raw)
        when = self.edited_at.isoformat() if self.edited_at else None
        return digest(content, when, self.instance_id, self.replaces, self.withdraw)

    @property
    def report_id(self) -> str:
        """The report that this is a version of; without a client's id, one of its own."""
        return report_id(self.intake, self.sender, self.client_id or f"said {self.said}")
