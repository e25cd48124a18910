"""Nowcasts in the store: made from what is kept there, written once, read back by page.

pandas is imported where a nowcast is made, so that the API starts fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import RowMapping, Select, and_, func, insert, or_, select
from sqlalchemy.orm import Session

from features.errors import ConflictError, NotFoundError
from store import audit, reading
from store.digests import digest
from store.nowcast_schema import Nowcast, NowcastScore
from store.ratio_tables import ratios_of, table_of
from store.schema import Bulletin, Score, Unit
from store.selecting import Selection

if TYPE_CHECKING:
    import pandas as pd

MADE = "nowcast.made"
MOVED = 0.005
"""A unit has moved where its probability differs by this much from the bulletin's."""

LOOKBACK = timedelta(days=30)
"""Reports older than this before a window can no longer count in it."""

_COLUMNS = [c.name for c in NowcastScore.__table__.columns if c.name != "nowcast_id"]


@dataclass(frozen=True)
class Field:
    """What came from the field by a moment.

    Attributes:
        reports: keeps `response.contracts.REPORTS`.
        posts: keeps `response.contracts.POSTS`.
    """

    reports: pd.DataFrame
    posts: pd.DataFrame


def field_of(session: Session, bulletin: Bulletin, moment: datetime) -> Field:
    """The reports known, and the posts approved, by a moment of a bulletin's round."""
    from store.plans import approved_posts
    from store.reports import report_history

    first = datetime.combine(bulletin.window_start, datetime.min.time(), UTC)
    since = min(first, moment) - LOOKBACK
    posts = approved_posts(session, bulletin.election_id, moment)
    reports = report_history(session, since=since, until=moment)
    # A store may hold several countries; reports of others are none of this bulletin's.
    here = session.scalars(select(Unit.unit_id).where(Unit.registry_id == bulletin.registry_id))
    return Field(reports.loc[reports["unit_id"].isin(set(here))].reset_index(drop=True), posts)


def make(
    session: Session,
    bulletin_id: str,
    *,
    moment: datetime,
    now: datetime,
    actor: str,
    ratios_id: str | None = None,
    request_id: str | None = None,
) -> str:
    """Make a bulletin's nowcast from what the store knew at a moment; the same one is kept once.

    Args:
        session: an open session; the caller commits.
        bulletin_id: the bulletin, which stays as it is.
        moment: whose knowledge may be used.
        now: the moment of making, with a time zone.
        actor: who asks, for the audit.
        ratios_id: which ratios; None takes the newest of the country known at the moment.
        request_id: of the request, for the audit.

    Returns:
        The `nowcast_id`, for example `MLI-2018-PRES-1.any.2018-07-01.3fa9c01b.20180720T120000.1c`.

    Raises:
        ConflictError: the moment is later than now, or before the bulletin's `as_of`.
        NotFoundError: there is no such bulletin, or no such ratios.
    """
    from response.evidence import ASSUMPTIONS, Moment
    from response.nowcast import nowcast
    from response.ratios import Ratios

    bulletin = reading.bulletin(session, bulletin_id)
    _require_moment(bulletin, moment, now)
    ratios = ratios_of(session, bulletin.iso3, moment, now, ratios_id)
    field = field_of(session, bulletin, moment)
    scored = nowcast(
        _scores(session, bulletin),
        _units(session, bulletin),
        field.reports,
        field.posts,
        Moment.of(moment, bulletin.window_start, bulletin.window_end),
        Ratios(table_of(ratios)),
        level=bulletin.interval_level,
    )
    head: dict[str, Any] = {
        "bulletin_id": bulletin_id,
        "election_id": bulletin.election_id,
        "ratios_id": ratios.ratios_id,
        "moment": moment.astimezone(UTC),
        "assumptions": asdict(ASSUMPTIONS),
        "reports_digest": _digest(field.reports),
        "posts_digest": _digest(field.posts),
        "reports": int(field.reports["report_id"].nunique()),
        "mediators": int(field.posts["mediators"].sum()),
    }
    return _write(session, head, scored, bulletin.synthetic, now, (actor, request_id))


def _require_moment(bulletin: Bulletin, moment: datetime, now: datetime) -> None:
    if moment > now:
        raise ConflictError(
            f"moment: expected one up to now, {now:%Y-%m-%dT%H:%MZ}, got "
            f"{moment:%Y-%m-%dT%H:%MZ}; what will be known later cannot be used"
        )
    if moment.astimezone(UTC).date() < bulletin.as_of:
        raise ConflictError(
            f"moment: expected one from {bulletin.as_of} on, the day whose knowledge the bulletin "
            f"uses, got {moment:%Y-%m-%dT%H:%MZ}; ask for a nowcast of an earlier bulletin"
        )


def _scores(session: Session, bulletin: Bulletin) -> pd.DataFrame:
    import pandas as pd

    names = ["unit_id", "probability", "lower", "upper", "expected_incidents", "band"]
    query = select(*(getattr(Score, name) for name in names)).order_by(Score.unit_id)
    rows = session.execute(query.where(Score.bulletin_id == bulletin.bulletin_id)).all()
    table = pd.DataFrame([tuple(row) for row in rows], columns=names)
    return table.astype(dict.fromkeys(names[1:5], float))


def _units(session: Session, bulletin: Bulletin) -> pd.DataFrame:
    import pandas as pd

    query = select(Unit.unit_id, Unit.lon, Unit.lat)
    rows = session.execute(query.where(Unit.registry_id == bulletin.registry_id)).all()
    return pd.DataFrame([tuple(row) for row in rows], columns=["unit_id", "lon", "lat"])


def _digest(table: pd.DataFrame) -> str:
    """Digest of a table's rows, in an order of their own; moments to the microsecond."""
    from store.canonical import records

    shown = table.copy()
    for name in shown.columns:
        if str(shown[name].dtype).startswith("datetime64"):
            shown[name] = shown[name].astype(str)
    rows = records(shown, list(shown.columns))
    return digest(sorted(rows, key=lambda row: [str(value) for value in row.values()]))


def _write(
    session: Session,
    head: dict[str, Any],
    scored: pd.DataFrame,
    synthetic: bool,
    now: datetime,
    asked: tuple[str, str | None],
) -> str:
    from store.canonical import records

    ordered = scored.sort_values(["rank", "unit_id"], na_position="last")
    rows = records(ordered.assign(position=range(1, len(ordered) + 1)), _COLUMNS)
    for row in rows:
        row["rank"] = None if row["rank"] is None else int(row["rank"])
    told = {key: value.isoformat() if key == "moment" else value for key, value in head.items()}
    sha256 = digest({"head": told, "scores": rows})
    kept = session.scalar(select(Nowcast.nowcast_id).where(Nowcast.digest == sha256))
    if kept is not None:
        return kept
    nowcast_id = f"{head['bulletin_id']}.{head['moment']:%Y%m%dT%H%M%S}.{sha256[:8]}"
    session.execute(insert(NowcastScore), [{**row, "nowcast_id": nowcast_id} for row in rows])
    moved = sum(
        abs((row["probability"] or 0) - (row["bulletin_probability"] or 0)) >= MOVED for row in rows
    )
    session.add(
        Nowcast(
            **head,
            nowcast_id=nowcast_id,
            digest=sha256,
            units=len(rows),
            moved=moved,
            silent=sum(row["watch"] == "silent" for row in rows),
            synthetic=synthetic,
            created_at=now,
        )
    )
    session.flush()
    actor, request_id = asked
    entry = audit.Entry(now, actor, MADE, nowcast_id, head["bulletin_id"], request_id)
    audit.record(session, entry)
    return nowcast_id


def nowcast(session: Session, nowcast_id: str) -> Nowcast:
    """The nowcast of that id.

    Raises:
        NotFoundError: there is none.
    """
    found = session.get(Nowcast, nowcast_id)
    if found is None:
        raise NotFoundError(
            f"expected the id of a nowcast, got {nowcast_id!r}; GET /v1/nowcasts lists them"
        )
    return found


def latest(session: Session, bulletin_id: str, moment: datetime | None = None) -> Nowcast:
    """The newest nowcast of a bulletin, of the given moment at the latest.

    Raises:
        NotFoundError: there is no such bulletin, or no nowcast of it yet.
    """
    reading.bulletin(session, bulletin_id)
    query = select(Nowcast).where(Nowcast.bulletin_id == bulletin_id)
    if moment is not None:
        query = query.where(Nowcast.moment <= moment)
    found: Nowcast | None = session.scalar(_newest_first(query).limit(1))
    if found is None:
        raise NotFoundError(
            f"expected a nowcast of bulletin {bulletin_id}, got none yet; POST /v1/nowcasts makes "
            "one"
        )
    return found


def nowcasts(
    session: Session,
    *,
    bulletin_id: str | None = None,
    election_id: str | None = None,
    limit: int = 50,
    after: tuple[datetime, datetime, str] | None = None,
) -> list[Nowcast]:
    """Nowcasts that match every filter given, the newest moment first.

    Args:
        session: an open session.
        bulletin_id: whose.
        election_id: of which round.
        limit: most to return.
        after: moment, time of making and id of the last one of the page before.
    """
    query = select(Nowcast)
    if bulletin_id is not None:
        query = query.where(Nowcast.bulletin_id == bulletin_id)
    if election_id is not None:
        query = query.where(Nowcast.election_id == election_id)
    if after is not None:
        moment, made, last = after
        later = or_(
            Nowcast.created_at < made,
            and_(Nowcast.created_at == made, Nowcast.nowcast_id > last),
        )
        query = query.where(or_(Nowcast.moment < moment, and_(Nowcast.moment == moment, later)))
    return list(session.scalars(_newest_first(query).limit(limit)))


def _newest_first(query: Select[Nowcast]) -> Select[Nowcast]:
    return query.order_by(Nowcast.moment.desc(), Nowcast.created_at.desc(), Nowcast.nowcast_id)


_UNIT = [c for c in Unit.__table__.columns if c.name not in ("geometry", "registry_id")]
_SCORE = [c for c in NowcastScore.__table__.columns if c.name not in ("nowcast_id", "unit_id")]


def score_rows(
    session: Session,
    found: Nowcast,
    selection: Selection,
    *,
    after: int = 0,
    limit: int,
    outlines: bool = False,
) -> Sequence[RowMapping]:
    """A nowcast's scores beside their units as plain rows, by rank, abstained units last.

    Args:
        session: an open session.
        found: whose scores.
        selection: which units.
        after: the `position` of the last row of the page before.
        limit: most to return.
        outlines: whether `geometry` comes along.
    """
    query = _of(session, found, select(*_UNIT, *_SCORE, *([Unit.geometry] if outlines else [])))
    query = query.where(NowcastScore.position > after, *selection.conditions(NowcastScore.band))
    return session.execute(query.order_by(NowcastScore.position).limit(limit)).mappings().all()


def count_scores(session: Session, found: Nowcast, selection: Selection) -> int:
    """How many units of a nowcast a selection holds."""
    query = _of(session, found, select(func.count()).select_from(Unit))
    return session.scalar(query.where(*selection.conditions(NowcastScore.band))) or 0


def _of(
    session: Session, found: Nowcast, query: Select[*tuple[Any, ...]]
) -> Select[*tuple[Any, ...]]:
    bulletin = session.get_one(Bulletin, found.bulletin_id)
    return (
        query.join(NowcastScore, NowcastScore.unit_id == Unit.unit_id)
        .where(Unit.registry_id == bulletin.registry_id)
        .where(NowcastScore.nowcast_id == found.nowcast_id)
    )
