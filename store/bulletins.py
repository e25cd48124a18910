"""Writing registries, elections, incidents and bulletins. `store.reading` reads them back.

Each function works inside the caller's transaction: it flushes, the caller commits.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

import pandas as pd
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from features.errors import ContractError, NotFoundError
from features.vocabulary import Band, Coverage
from models.counts import AT_LEAST, QUANTILES
from store import audit
from store.canonical import plain, records
from store.digests import digest
from store.geometry import simplified
from store.mark import hold
from store.schema import Bulletin, Election, Incident, Registry, Score, Unit

_UNIT = [c.name for c in Unit.__table__.columns if c.name not in ("registry_id", "geometry")]
_ELECTION = [c.name for c in Election.__table__.columns if c.name != "synthetic"]
_INCIDENT = [
    c.name for c in Incident.__table__.columns if c.name not in ("data_digest", "registry_id")
]
_SCORE = [c.name for c in Score.__table__.columns if c.name not in ("bulletin_id", "position")]
_COUNTS = [*QUANTILES, *AT_LEAST]
_NUMBERS = ["rank", "probability", "lower", "upper", "expected_incidents", *_COUNTS]
ISSUER = "pipelines"
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class BulletinHead:
    """What a bulletin says about itself; the columns of `store.schema.Bulletin`.

    Attributes:
        base_rate: share of units with the target in the training windows, 0 to 1.
        interval_level: probability that the interval is meant to hold, for example 0.8.
        target_says: the target in plain words, for the page.
        notes: what a reader must know before acting on the bulletin.
        translations: language -> field -> its words in that language.
    """

    election_id: str
    registry_id: str
    iso3: str
    target: str
    target_says: str
    as_of: date
    window_start: date
    window_end: date
    model_name: str
    model_version: str
    model_kind: str
    model_digest: str
    data_digest: str
    baseline_name: str
    base_rate: float
    interval_level: float
    vintage: str
    synthetic: bool
    notes: str
    translations: dict[str, dict[str, str]] = field(default_factory=dict)


def write_registry(
    session: Session,
    *,
    registry: pd.DataFrame,
    polygons: pd.DataFrame,
    country: str,
    synthetic: bool,
    created_at: datetime,
) -> str:
    """Keep a version of a country's units; the same rows twice are kept once.

    Args:
        session: an open session.
        registry: table that keeps the contract `units`, of one country.
        polygons: table that keeps the contract `polygons`; may be empty or cover some units.
        country: name shown to people.
        synthetic: whether the data are made up.
        created_at: now, with a time zone.

    Returns:
        The `registry_id`: first 16 hex digits of the digest of the rows.

    Raises:
        ConflictError: the store holds the other kind of data.
        ContractError: the registry is empty or of several countries.
    """
    hold(session, synthetic=synthetic)
    countries = sorted(set(registry["iso3"]))
    if len(countries) != 1:
        raise ContractError(f"registry: expected units of one country, got {countries}")
    rows = records(registry.sort_values("unit_id"), _UNIT)
    drawn = [
        [row["unit_id"], hashlib.sha256(row["geometry_wkb"]).hexdigest()]
        for row in records(polygons.sort_values("unit_id"), ["unit_id", "geometry_wkb"])
    ]
    said = {"iso3": countries[0], "country": country, "units": rows, "polygons": drawn}
    registry_id = digest(said)[:16]
    if session.get(Registry, registry_id) is None:
        outlines = simplified(polygons)
        session.add(
            Registry(
                registry_id=registry_id,
                iso3=countries[0],
                country=country,
                units=len(rows),
                synthetic=synthetic,
                created_at=created_at,
            )
        )
        session.flush()
        session.execute(
            insert(Unit),
            [
                {**row, "registry_id": registry_id, "geometry": outlines.get(row["unit_id"])}
                for row in rows
            ],
        )
    return registry_id


def write_elections(session: Session, elections: pd.DataFrame, synthetic: bool) -> None:
    """Keep rounds, or bring those already kept up to date.

    Args:
        session: an open session.
        elections: columns of the contract `elections` and `window_start`, `window_end`.
        synthetic: whether the data are made up.

    Raises:
        ConflictError: the store holds the other kind of data.
    """
    hold(session, synthetic=synthetic)
    for row in records(elections, _ELECTION):
        session.merge(Election(**row, synthetic=synthetic))
    session.flush()


def write_incidents(
    session: Session, *, data_digest: str, registry_id: str, incidents: pd.DataFrame
) -> int:
    """Keep the incidents that one ingest knew; a digest already kept adds nothing.

    Args:
        session: an open session.
        data_digest: digest of the snapshots, the same as in the bulletins made from them.
        registry_id: the registry whose units the incidents name.
        incidents: table that keeps the contract `incidents`.

    Returns:
        The number of rows added.

    Raises:
        ContractError: an incident names a unit that the registry does not have.
        NotFoundError: there is no such registry.
    """
    if session.get(Registry, registry_id) is None:
        raise NotFoundError(f"expected a registry {registry_id!r}, got none; write it first")
    kept = session.scalar(
        select(Incident.incident_id)
        .where(Incident.data_digest == data_digest, Incident.registry_id == registry_id)
        .limit(1)
    )
    if kept is not None or incidents.empty:
        return 0
    _require_units(session, registry_id, incidents["unit_id"], "incidents")
    same = {"data_digest": data_digest, "registry_id": registry_id}
    session.execute(insert(Incident), [{**row, **same} for row in records(incidents, _INCIDENT)])
    return len(incidents)


def write_bulletin(
    session: Session, head: BulletinHead, scores: pd.DataFrame, created_at: datetime
) -> str:
    """Freeze a bulletin; the same head and scores twice are kept once.

    Args:
        session: an open session.
        head: what the bulletin says about itself.
        scores: one row per unit, columns of `store.schema.Score` less `bulletin_id`.
        created_at: now, with a time zone.

    Returns:
        The `bulletin_id`, for example `MLI-2018-PRES-1.any.2018-07-01.3fa9c01b`.

    Raises:
        ConflictError: the store holds the other kind of data.
        ContractError: scores that no planner should see (see `_require_scores`).
        NotFoundError: the election or the registry is not in the store.
    """
    hold(session, synthetic=head.synthetic)
    rows = [_typed(row) for row in records(scores.sort_values("unit_id"), _SCORE)]
    _require_head(session, head)
    _require_scores(rows)
    _require_units(session, head.registry_id, scores["unit_id"], "scores")
    says = {key: plain(value) for key, value in asdict(head).items()}
    # The version is a number that a registry happened to give; the model's digest says which.
    told = {key: value for key, value in says.items() if key != "model_version"}
    sha256 = digest({"head": told, "scores": rows})
    kept = session.scalar(select(Bulletin.bulletin_id).where(Bulletin.digest == sha256))
    if kept is not None:
        return kept
    bulletin_id = f"{head.election_id}.{head.target}.{says['as_of']}.{sha256[:8]}"
    ordered = sorted(rows, key=lambda row: (row["rank"] is None, row["rank"] or 0, row["unit_id"]))
    session.execute(
        insert(Score),
        [
            {**row, "bulletin_id": bulletin_id, "position": position}
            for position, row in enumerate(ordered, start=1)
        ],
    )
    session.add(
        Bulletin(
            **says,
            bulletin_id=bulletin_id,
            digest=sha256,
            units=len(rows),
            abstained=sum(row["probability"] is None for row in rows),
            created_at=created_at,
        )
    )
    session.flush()
    audit.record(
        session, audit.Entry(created_at, ISSUER, "bulletin.issued", bulletin_id, bulletin_id)
    )
    return bulletin_id


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    """Ranks as integers and the rest as floats: a gap in a column makes integers floats."""
    kinds = dict.fromkeys([*_NUMBERS, "baseline_probability"], float) | {"rank": int}
    return {k: v if v is None or k not in kinds else kinds[k](v) for k, v in row.items()}


def _require_head(session: Session, head: BulletinHead) -> None:
    for name in (head.election_id, head.target):
        if not _NAME.fullmatch(name):
            raise ContractError(
                f"bulletin: expected letters, digits, '.', '_' and '-' in {name!r}, "
                "because its id is part of an address"
            )
    for table, key in ((Election, head.election_id), (Registry, head.registry_id)):
        if session.get(table, key) is None:
            raise NotFoundError(
                f"bulletin: expected {table.__tablename__} {key!r} in the store, got none; "
                "write it first"
            )


def _require_scores(rows: list[dict[str, Any]]) -> None:
    """Refuse what cannot be mended once frozen.

    Raises:
        ContractError: no rows; a unit twice; an unknown band or coverage; an abstained unit
            with numbers or a scored one without; a probability outside [0, 1] or its interval;
            a negative expectation; ranks other than 1 to the number of units scored.
    """
    if not rows:
        raise ContractError("scores: expected one row per unit, got none")
    for row in rows:
        fault = _fault(row)
        if fault:
            raise ContractError(f"scores, unit {row['unit_id']!r}: {fault}; mend it, then issue")
    if len({row["unit_id"] for row in rows}) != len(rows):
        raise ContractError("scores: expected each unit once, got one twice")
    ranks = sorted(row["rank"] for row in rows if row["rank"] is not None)
    if ranks and (ranks[0] != 1 or ranks[-1] > len(ranks)):
        raise ContractError(
            f"scores: expected ranks within 1 to {len(ranks)}, got {ranks[0]} to {ranks[-1]}"
        )


def _fault(row: dict[str, Any]) -> str | None:
    numbers = [row[name] for name in _NUMBERS]
    if row["band"] not in list(Band) or row["coverage"] not in list(Coverage):
        return f"unknown band {row['band']!r} or coverage {row['coverage']!r}"
    if row["band"] == Band.ABSTAINED:
        return None if numbers == [None] * len(numbers) else f"expected no numbers, got {numbers}"
    if None in numbers:
        return f"expected {', '.join(_NUMBERS)}, got {numbers}"
    low, p, high = row["lower"], row["probability"], row["upper"]
    if not 0 <= low <= p <= high <= 1:
        return f"expected 0 <= lower <= probability <= upper <= 1, got {low}, {p}, {high}"
    if row["expected_incidents"] < 0:
        return f"expected incidents of at least 0, got {row['expected_incidents']}"
    counts = [row[name] for name in QUANTILES]
    if counts != sorted(counts) or counts[0] < 0:
        return f"expected rising quantiles of the count, got {counts}"
    tails = [p, *(row[name] for name in AT_LEAST)]
    if tails != sorted(tails, reverse=True) or tails[-1] < 0:
        return f"expected falling probabilities of more and more incidents, got {tails}"
    return None


def _require_units(session: Session, registry_id: str, unit_ids: pd.Series[str], what: str) -> None:
    known = set(session.scalars(select(Unit.unit_id).where(Unit.registry_id == registry_id)))
    unknown = sorted(set(unit_ids) - known)
    if unknown:
        raise ContractError(
            f"{what}: expected units of registry {registry_id}, "
            f"got {len(unknown)} others: {', '.join(unknown[:5])}"
        )
