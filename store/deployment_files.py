"""A version of a deployment as files: CSV, XLSX and sheets to print."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pandas as pd
from sqlalchemy.orm import Session

from features.vocabulary import Language
from response.deployment_sheet import as_csv, rows, sheets
from store.deployment_facts import watch_places
from store.deployment_moves import moves_since
from store.deployment_posts import bulletin_of, head
from store.deployment_schema import DeploymentVersion, FileKind
from store.deployment_tables import table
from store.workbooks import workbook


def export(
    session: Session,
    kept: DeploymentVersion,
    kind: FileKind,
    language: Language,
    *,
    region: str | None = None,
    areas: Collection[str] = (),
) -> bytes:
    """A version as a file.

    Args:
        session: an open session.
        kept: the version.
        kind: of file.
        language: of its words.
        region: only this region's posts; None for all.
        areas: ids of areas that the reader may see; empty for all.
    """
    posts = table(session, kept, language, areas)
    if region is not None:
        posts = posts.loc[posts["region_id"] == region].reset_index(drop=True)
    places = watch_places(session, bulletin_of(session, kept), set(posts["unit_id"]))
    said = head(session, kept, language)
    if kind is FileKind.HTML:
        return sheets(posts, places, said, language, whole=not areas).encode()
    listed = rows(posts, places, language)
    if kind is FileKind.CSV:
        same = {
            "deployment_id": kept.deployment_id,
            "version": kept.version,
            "approved_by": said["approved_by"] or "",
            "synthetic": str(said["synthetic"]).lower(),
        }
        return as_csv(listed.assign(**same))
    regions = listed.groupby(["region_id", "region_name"], as_index=False).agg(
        units=("unit_id", "nunique"), mediators=("mediators", "sum")
    )
    left_out = _left_out(said["figures"]) if not areas else pd.DataFrame()
    return workbook(
        {
            "posts": listed,
            "regions": regions,
            **({"not promised": left_out} if len(left_out) else {}),
            "moves": moves_since(session, kept, areas),
            "plans": _plans(said["figures"], language) if not areas else pd.DataFrame(),
            "curve": pd.DataFrame(said["figures"]["curve"]) if not areas else pd.DataFrame(),
            "about": pd.DataFrame(_about(said), columns=["what", "value"]),
        }
    )


def _plans(figures: dict[str, object], language: Language) -> pd.DataFrame:
    """The plan beside the plans of people."""
    columns = ("covered", "covered_lower", "covered_upper", "share", "uncovered_worst")
    own = {"plan": "Vigie", **{c: figures[c] for c in columns}}
    rivals: list[dict[str, dict[str, object]]] = figures["rivals"]  # type: ignore[assignment]
    others = [{"plan": r["says"][str(language)], **{c: r.get(c) for c in columns}} for r in rivals]
    return pd.DataFrame([own, *others])


def _left_out(figures: dict[str, Any]) -> pd.DataFrame:
    """Units whose reports of the round before earn them no team, and why."""
    told = figures.get("reports") or {"left_out": []}
    return pd.DataFrame(told["left_out"], columns=["unit_id", "name", "severity", "reports", "why"])


def _about(said: dict[str, object]) -> list[tuple[str, str]]:
    names = (
        *("country", "election_id", "polling_date", "bulletin_id", "as_of", "synthetic"),
        *("deployment_id", "version", "how", "reason", "approved_by", "approved_at"),
    )
    found = [(name, "" if said[name] is None else str(said[name])) for name in names]
    notes: list[str] = said["assumptions"]  # type: ignore[assignment]
    return [*found, *(("assumed", note) for note in notes)]
