"""Reading servers of forms again and again, so that what a webhook missed lands too."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx2
from sqlalchemy.orm import Session

from features.errors import ConfigError, ContractError
from pipelines.form_servers import FormServer, Page
from pipelines.settings import Settings
from response.form_fields import FORMATS
from response.vocabulary import Intake
from store import audit, report_photos
from store.database import connect, migrate, sessions
from store.landing import receive
from store.report_arrivals import from_form
from store.report_places import places
from store.report_schema import ReportPull
from store.report_versions import State
from store.reporters import Reporters

_INTAKES = {"kobo": Intake.KOBO, "odk": Intake.ODK}


def source_of(settings: Settings, name: str) -> FormServer:
    """The server of forms of that name.

    Raises:
        ConfigError: none is declared so.
    """
    if name not in settings.report_sources:
        raise ConfigError(
            f"reports: expected one of {', '.join(settings.report_sources) or 'no sources'}, got "
            f"{name!r}; declare it in VIGIE_REPORT_SOURCES"
        )
    return settings.report_sources[name]


def pull(settings: Settings, name: str, now: datetime, *, everything: bool = False) -> Counter[str]:
    """Read what is new or edited on a server of forms.

    Each page is kept before the next one is asked for; where a page fails, the next pull begins
    where this one did, and what has landed lands once.

    Args:
        settings: database, home, sources.
        name: of the source.
        now: the moment, with a time zone.
        everything: from the beginning, whatever was read before.

    Returns:
        What became of the submissions: state -> number, and `photo` or `photo missing`; one that is
        still missing is counted once.

    Raises:
        ConfigError: no such source, or it does not answer as it should.
    """
    source = source_of(settings, name)
    engine = connect(settings.database)
    migrate(engine)
    counts: Counter[str] = Counter()
    try:
        with sessions(engine)() as session:
            before = session.get(ReportPull, name)
            since = None if before is None or everything else before.read_until
        with source.client() as client:
            for page in source.pages(client, since):
                with sessions(engine).begin() as session:
                    counts += _land(settings, source, client, session, page, name, now)
        with sessions(engine).begin() as session:
            session.merge(
                ReportPull(source=name, read_until=now, pulled_at=now, counts=dict(counts))
            )
    finally:
        engine.dispose()
    return counts


def says(counts: Counter[str]) -> str:
    """What became of the submissions, in words; those that were known before are not news."""
    news = sorted((state, n) for state, n in counts.items() if state != State.DUPLICATE)
    return ", ".join(f"{n} {state}" for state, n in news) or "nothing new"


def _land(
    settings: Settings,
    source: FormServer,
    client: httpx2.Client,
    session: Session,
    page: Page,
    name: str,
    now: datetime,
) -> Counter[str]:
    hashes = Reporters.of(settings.home, settings.report_key.get_secret_value())
    zone, known = ZoneInfo(settings.report_timezone), places(session)
    intake, counts = _INTAKES[source.kind], Counter[str]()
    actor = f"pull {name}"
    for row in page:
        filled = FORMATS[intake](row)
        arrival = from_form(filled, intake, row, hashes, areas=source.areas)
        # What a server says now is its newest: it need not tell when that was written.
        landed = receive(session, arrival._replace(read_at=now), known, now, zone, again=True)
        counts[str(landed.state)] += 1
        came_before = landed.state is State.DUPLICATE
        if not came_before:
            entry = audit.Entry(now, actor, f"report.{landed.state}", landed.report_id)
            audit.record(session, entry)
        # A phone may send a form at once and its picture hours later.
        if filled.photo and not (came_before and report_photos.has_one(session, landed.report_id)):
            picture = source.photo(client, row, filled)
            if picture is not None and _keep(settings, session, landed.report_id, picture, now):
                counts["photo"] += 1
            elif not came_before:
                counts["photo missing"] += 1
    return counts


def _keep(
    settings: Settings, session: Session, report_id: str, picture: bytes, now: datetime
) -> bool:
    """Keep a photo; False where it is no picture, which does not lose the report."""
    try:
        report_photos.keep(session, settings.home, report_id, picture, now)
    except ContractError:
        return False
    return True
