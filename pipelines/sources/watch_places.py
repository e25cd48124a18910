"""Lasting places to watch (csv): voting centers, and others that a pack knows of."""

from __future__ import annotations

from typing import Any

import pandas as pd

from features.vocabulary import WatchKind
from pipelines.places import Gazetteer, MatchReport
from pipelines.sources.files import SourceFile, read_csv
from pipelines.sources.generic_incidents import place_of
from pipelines.sources.kinds import WatchPlaces
from pipelines.sources.rows import BadRowError, Quarantine, Row, parse, refuse_if_none, settle

VERSION = 1

_NEEDED = ("place_id", "name")


def read(
    file: SourceFile, options: WatchPlaces, gazetteer: Gazetteer, quarantine: Quarantine
) -> tuple[pd.DataFrame, MatchReport]:
    """Read places to watch.

    Args:
        file: the csv file, with the columns that `WatchPlaces` names.
        options: the day from which the list is known.
        gazetteer: finds units.
        quarantine: takes bad rows.

    Returns:
        The table under the `watch_places` contract, and how its rows were placed.

    Raises:
        SourceError: the file is cut, in another encoding, lacks a column or has no good row.
    """
    sheet = read_csv(file, _NEEDED, quarantine)
    report = MatchReport(file.label)

    def one(row: Row) -> dict[str, Any]:
        kind = (row.optional("kind") or WatchKind.VOTING_CENTER).lower()
        if kind not in set(WatchKind):
            raise BadRowError(
                "unknown_kind", column="kind", expected=", ".join(WatchKind), got=kind
            )
        record = {
            "place_id": row.text("place_id"),
            "kind": str(kind),
            "name": row.text("name"),
            "known_on": options.known_on,
        }
        place = place_of(row, "unit_name")
        try:
            record["unit_id"], way = gazetteer.find(place)
        except BadRowError:
            report.add_unplaced(place)
            raise
        report.add(way)
        return record

    records = parse(sheet.rows, quarantine, one)
    table = settle(records, "watch_places", ["place_id"], quarantine)
    refuse_if_none(len(table), quarantine)
    return table, report
