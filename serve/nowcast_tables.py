"""A nowcast's scores as JSON, GeoJSON, CSV and Parquet: plain rows in, bytes out."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from serve.formats import Format
from serve.nowcast_schemas import NowcastLine, NowcastOut
from serve.tables import HXL as BULLETIN_HXL
from serve.tables import safe

_LINE = tuple(NowcastLine.model_fields)
HXL: dict[str, str] = {
    "nowcast_id": "#meta+id+nowcast",
    "moment": "#date+known",
    "synthetic": "#meta+synthetic",
    **{name: BULLETIN_HXL[name] for name in _LINE if name in BULLETIN_HXL},
    "next_days": "#indicator+probability+next_days+num",
    "ahead": "#indicator+probability+ahead+num",
    "bulletin_probability": "#indicator+probability+bulletin+num",
    "reports": "#indicator+reports+num",
    "mediators": "#capacity+mediators+num",
    "watch": "#meta+watch",
    "quiet_days": "#indicator+quiet_days+num",
    "says": "#description+nowcast",
}
"""The HXL hashtag of each column of the CSV (Humanitarian Exchange Language 1.1)."""

_OPTIONS = orjson.OPT_UTC_Z
_NUMBERS = (
    *("probability", "lower", "upper", "next_days", "ahead", "expected_incidents"),
    *("bulletin_probability", "quiet_days"),
)


@dataclass(frozen=True)
class NowcastTable:
    """A page of a nowcast's scores; `rows` as `store.nowcasts.score_rows` gives them."""

    nowcast: NowcastOut
    rows: Sequence[Mapping[str, Any]]
    matched: int
    following: str | None


def written(table: NowcastTable, format_: Format) -> bytes:
    """A page in a format."""
    return {
        Format.JSON: _json,
        Format.GEOJSON: _geojson,
        Format.CSV: _csv,
        Format.PARQUET: _parquet,
    }[format_](table)


def _head(table: NowcastTable) -> dict[str, Any]:
    return {
        "synthetic": table.nowcast.synthetic,
        "nowcast": table.nowcast.model_dump(),
        "matched": table.matched,
        "next": table.following,
    }


def _full(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**{name: row[name] for name in _LINE}, "updates": row["updates"]}


def _json(table: NowcastTable) -> bytes:
    scores = [_full(row) for row in table.rows]
    return orjson.dumps({**_head(table), "scores": scores}, option=_OPTIONS)


def _geojson(table: NowcastTable) -> bytes:
    features = [
        {
            "type": "Feature",
            "id": row["unit_id"],
            # Kept as GeoJSON text: it goes out as it is.
            "geometry": orjson.Fragment(row["geometry"]) if row["geometry"] else None,
            "properties": _full(row),
        }
        for row in table.rows
    ]
    whole = {"type": "FeatureCollection", **_head(table), "features": features}
    return orjson.dumps(whole, option=_OPTIONS)


def _flat(table: NowcastTable) -> list[dict[str, Any]]:
    same = {
        "nowcast_id": table.nowcast.nowcast_id,
        "moment": f"{table.nowcast.moment:%Y-%m-%dT%H:%M:%SZ}",
        "synthetic": table.nowcast.synthetic,
    }
    return [{**same, **{name: row[name] for name in _LINE}} for row in table.rows]


def _csv(table: NowcastTable) -> bytes:
    """For a spreadsheet, as `serve.tables` writes it: byte order mark, hashtags, no formulas."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(HXL))
    writer.writeheader()
    writer.writerow(HXL)
    writer.writerows({key: safe(value) for key, value in row.items()} for row in _flat(table))
    return ("\ufeff" + out.getvalue()).encode()


def _parquet(table: NowcastTable) -> bytes:
    """The columns of the CSV with their types, and all reasons as JSON text."""
    import pyarrow as pa  # heavy, and asked for seldom
    from pyarrow import parquet

    kinds = dict.fromkeys(_NUMBERS, pa.float64())
    kinds |= dict.fromkeys(("rank", "reports", "mediators"), pa.int32())
    kinds |= {"synthetic": pa.bool_()}
    fields = [pa.field(name, kinds.get(name, pa.string())) for name in [*HXL, "updates"]]
    says = {"nowcast": orjson.dumps(table.nowcast.model_dump(), option=_OPTIONS)}
    rows = [
        {**flat, "updates": orjson.dumps(row["updates"]).decode()}
        for flat, row in zip(_flat(table), table.rows, strict=True)
    ]
    out = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows, pa.schema(fields, metadata=says)), out)
    return out.getvalue()
