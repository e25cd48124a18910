"""`/v1/reports`: send, read, verify and take back field reports."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from sqlalchemy.orm import Session
from starlette.convertors import Convertor, register_url_convertor

from features.errors import ForbiddenError
from features.vocabulary import Language
from response.places import Places
from response.vocabulary import SAID, Intake, People, PlaceKind, ReportKind, Sign, Verification
from serve import cursors, documented
from serve.auth import Now, OpenSession, Reader, Reporter, Verifier, audit_change, request_id
from serve.language import Wanted as WantedLanguage
from serve.receiving import land_many, reporters, sender_of, told, zone
from serve.report_schemas import (
    REPORT_ID,
    Because,
    LandedAll,
    NewReports,
    ReportDetail,
    ReportOut,
    Reports,
    SubmissionOut,
    Verdict,
    VersionOut,
)
from serve.routers.bulletins import Cursor
from serve.schemas import Moment
from serve.settings import Settings
from store import mark, report_changes, report_reading
from store.audit import Entry
from store.report_arrivals import from_item
from store.report_places import places
from store.report_reading import Standing, Wanted
from store.report_schema import ReportVersion
from store.roles import ALLOWED, Action
from store.tokens import Caller

router = APIRouter(prefix="/v1", tags=["reports"])
READ = "reports.read"


class _ReportId(Convertor[str]):
    """The form of an id, so that no word beside it in the address is taken for one."""

    regex = "[0-9a-f]{16}"

    def convert(self, value: str) -> str:
        """As it is written."""
        return value

    def to_string(self, value: str) -> str:
        """As it is written."""
        return value


register_url_convertor("report", _ReportId())
ReportId = Annotated[
    str,
    Path(description="Id of a report", pattern="^[0-9a-f]{16}$", examples=[REPORT_ID]),
]


def may_verify(caller: Caller) -> bool:
    """Whether a caller may verify, and therefore see photos."""
    return Action.VERIFY in ALLOWED[caller.role]


@router.post("/reports", responses=documented.errors(400, 422), summary="Send reports")
def send(
    request: Request,
    session: OpenSession,
    caller: Reporter,
    now: Now,
    language: WantedLanguage,
    wanted: NewReports,
) -> LandedAll:
    """Each lands, edits or takes back a report, or waits for a person; sent again, nothing more.

    The answer is 200 also where some wait: `results` says what became of each.
    """
    settings: Settings = request.app.state.settings
    sender = sender_of(caller, settings)
    arrivals = [
        from_item(item, Intake.API, sender, caller.areas, reporters(settings), zone(settings))
        for item in wanted.reports
    ]
    landed = land_many(request, now, caller.token_id, arrivals)
    results = [
        told(one, language, arrival.client_id or None)
        for one, arrival in zip(landed, arrivals, strict=True)
    ]
    counts = Counter(str(one.state) for one in landed)
    return LandedAll(synthetic=mark.is_synthetic(session), results=results, counts=counts)


def selected(
    caller: Reader,
    region: Annotated[str | None, Query(examples=["ML05"], description="Id of a region")] = None,
    parent: Annotated[str | None, Query(examples=["ML0505"])] = None,
    unit_id: Annotated[str | None, Query(examples=["ML050501"])] = None,
    kind: Annotated[ReportKind | None, Query()] = None,
    sign: Annotated[Sign | None, Query()] = None,
    verification: Annotated[Verification | None, Query()] = None,
    intake: Annotated[Intake | None, Query()] = None,
    seen_since: Annotated[Moment | None, Query(examples=["2018-07-20T00:00:00Z"])] = None,
    seen_until: Annotated[Moment | None, Query(examples=["2018-08-01T00:00:00Z"])] = None,
    withdrawn: Annotated[bool, Query(description="Also those that were taken back")] = False,
) -> Wanted:
    """Which reports a request asks for, of those that its token may see."""
    return Wanted(
        areas=caller.areas,
        region=region,
        parent=parent,
        unit_id=unit_id,
        kind=kind,
        sign=sign,
        verification=verification,
        intake=intake,
        seen_since=seen_since,
        seen_until=seen_until,
        withdrawn=withdrawn,
    )


@router.get("/reports", responses=documented.errors(422), summary="Reports as they stand")
def reports(
    request: Request,
    session: OpenSession,
    caller: Reader,
    now: Now,
    language: WantedLanguage,
    wanted: Annotated[Wanted, Depends(selected)],
    limit: Annotated[int, Query(ge=1, le=500, description="Most to return")] = 100,
    cursor: Cursor = None,
) -> Reports:
    """Reports that match every filter given, the last landed first. Each read is audited."""
    after = cursors.read(cursor, _moment, str)
    found = report_reading.standing(session, wanted, after=after, limit=limit + 1)
    following = None
    if len(found) > limit:
        last = found[limit - 1]
        following = cursors.following(request, (last.landed_at, last.report.report_id))
    audit_read(request, now, caller)
    return Reports(
        synthetic=mark.is_synthetic(session),
        reports=_out(session, found[:limit], language, caller),
        next=following,
    )


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("expected a time zone")
    return moment


def audit_read(request: Request, now: datetime, caller: Caller) -> None:
    """Write down that reports, or what belongs to one, were read."""
    request.app.state.audit.add(
        Entry(now, caller.token_id, READ, request.url.path, None, request_id(request))
    )


def _out(
    session: Session, found: list[Standing], language: Language, caller: Caller
) -> list[ReportOut]:
    known = places(session)
    versions = [one.report for one in found]
    borne = report_reading.borne_out(session, versions, known, caller.areas)
    pictures = (
        report_reading.photos(session, [v.report_id for v in versions])
        if may_verify(caller)
        else {}
    )
    said = [
        _one(one, known, language, borne.get(one.report.report_id, []), pictures) for one in found
    ]
    return said if may_verify(caller) else [one.model_copy(update=_UNTYPED) for one in said]


_UNTYPED = {"voting_center": None}
"""What people typed, which may name somebody, is for those who verify."""


def _one(
    one: Standing,
    known: Places,
    language: Language,
    borne: list[str],
    pictures: dict[str, list[str]],
) -> ReportOut:
    report = one.report
    unit = known.by_id.get(report.unit_id)

    def says(word: str | None, enum: type[Any]) -> str | None:
        return SAID[enum(word)].in_language(language) if word else None

    columns = {c.name: getattr(report, c.name) for c in ReportVersion.__table__.columns}
    return ReportOut.model_validate(
        {
            **columns,
            "landed_at": one.landed_at,
            "unit_name": unit.name if unit else None,
            "parent_name": unit.parent_name if unit else None,
            "region_id": unit.region_id if unit else None,
            "region_name": unit.region_name if unit else None,
            "says": says(report.sign, Sign) or says(report.kind, ReportKind),
            "place_says": says(report.place_kind, PlaceKind),
            "people_says": says(report.people, People),
            "verification_says": says(report.verification, Verification),
            "borne_out_by": borne,
            "photos": pictures.get(report.report_id, []),
        }
    )


def _detail(session: Session, report_id: str, language: Language, caller: Caller) -> ReportDetail:
    versions = report_reading.versions(session, report_id)
    standing = Standing(versions[-1], versions[0].known_at)
    told = [VersionOut.model_validate(v) for v in versions]
    sent = [SubmissionOut.model_validate(s) for s in report_reading.submissions(session, report_id)]
    if not may_verify(caller):
        told = [one.model_copy(update={**_UNTYPED, "reason": ""}) for one in told]
        sent = [
            one.model_copy(update={"content": one.content and {**one.content, **_UNTYPED}})
            for one in sent
        ]
    return ReportDetail(
        synthetic=mark.is_synthetic(session),
        report=_out(session, [standing], language, caller)[0],
        versions=told,
        submissions=sent,
    )


@router.get(
    "/reports/{report_id:report}",
    responses=documented.errors(404, 422),
    summary="One report and its history",
)
def report(
    request: Request,
    session: OpenSession,
    caller: Reader,
    now: Now,
    language: WantedLanguage,
    report_id: ReportId,
) -> ReportDetail:
    """Every version of a report, and everything that was sent for it."""
    report_reading.require_seen(session, report_id, places(session), caller.areas)
    audit_read(request, now, caller)
    return _detail(session, report_id, language, caller)


@router.post(
    "/reports/{report_id:report}/verification",
    responses=documented.errors(400, 404, 409, 422),
    summary="Say how far a report is borne out",
)
def verify(
    request: Request,
    session: OpenSession,
    caller: Verifier,
    now: Now,
    language: WantedLanguage,
    report_id: ReportId,
    verdict: Verdict,
) -> ReportDetail:
    """A new version of the report. 409 where it has changed since the version that was judged."""
    report_reading.require_seen(session, report_id, places(session), caller.areas)
    report_changes.verify(
        session,
        report_id,
        verdict.verification,
        version=verdict.version,
        reason=verdict.reason,
        actor=caller.token_id,
        now=now,
    )
    audit_change(request, session, now, caller, f"report.{verdict.verification}", report_id)
    return _detail(session, report_id, language, caller)


@router.post(
    "/reports/{report_id:report}/withdraw",
    responses=documented.errors(400, 404, 422),
    summary="Take a report back",
)
def withdraw(
    request: Request,
    session: OpenSession,
    caller: Reporter,
    now: Now,
    language: WantedLanguage,
    report_id: ReportId,
    because: Because,
) -> ReportDetail:
    """For whoever sent it, and for those who may verify. Its history stays."""
    found = report_reading.require_seen(session, report_id, places(session), caller.areas)
    require_own(found, caller, request.app.state.settings)
    report_changes.withdraw(
        session, report_id, reason=because.reason, actor=caller.token_id, now=now
    )
    audit_change(request, session, now, caller, "report.withdrawn", report_id)
    return _detail(session, report_id, language, caller)


def require_own(found: ReportVersion, caller: Caller, settings: Settings) -> None:
    """Refuse who neither sent a report nor may verify.

    Raises:
        ForbiddenError: it is another's report.
    """
    if found.sender != sender_of(caller, settings) and not may_verify(caller):
        raise ForbiddenError(
            f"expected the token that sent report {found.report_id}, or one that may "
            f"{Action.VERIFY}, got another one"
        )
