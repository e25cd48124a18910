"""The programs that people use read what a real server gives."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import hxl
import pandas as pd
import pyogrio
import pytest
from hxl.input import InputOptions
from pyarrow import parquet

COLUMNS = {"unit_id", "name", "region_name", "rank", "probability", "band"}


@pytest.fixture
def scores(server: str, seeded: Any) -> str:
    return f"{server}/v1/bulletins/{seeded.bulletin_id}/scores"


def test_ogrinfo_opens_the_geojson_by_its_address(server: str, scores: str, seeded: Any) -> None:
    program = shutil.which("ogrinfo")
    if program is None:
        says = "GDAL: expected ogrinfo, got none; on Debian: apt-get install gdal-bin"
        if os.environ.get("CI") == "true":
            pytest.fail(says)
        pytest.skip(says)
    latest = f"{server}/v1/elections/XXA-2018-PRES-1/latest/scores?format=geojson"
    as_password = scores.replace("://", f"://vigie:{seeded.secret}@") + "?format=geojson"
    header = {"GDAL_HTTP_HEADERS": f"Authorization: Bearer {seeded.secret}"}
    for url, more in ((f"{scores}?format=geojson", header), (latest, header), (as_password, {})):
        said = subprocess.run(
            [program, "-ro", "-al", "-so", url],
            env={**os.environ, **more},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert "Feature Count: 40" in said
        assert "Geometry: Polygon" in said
        assert "Extent: (-4.000000, 14.000000) - (0.000000, 16.500000)" in said
        assert all(f"\n{name}: " in said for name in COLUMNS)


@pytest.fixture
def gdal(seeded: Any) -> Iterator[None]:
    pyogrio.set_gdal_config_options({"GDAL_HTTP_HEADERS": f"Authorization: Bearer {seeded.secret}"})
    yield
    pyogrio.set_gdal_config_options({"GDAL_HTTP_HEADERS": None})


def test_pyogrio_reads_the_geojson(scores: str, gdal: None) -> None:
    info = pyogrio.read_info(f"{scores}?format=geojson&region=X1")
    assert info["features"] == 16
    assert set(info["fields"]) >= COLUMNS
    meta, _, geometry, fields = pyogrio.raw.read(f"{scores}?format=geojson&band=abstained")
    (rank,) = fields[list(meta["fields"]).index("band")]
    assert (len(geometry), rank) == (1, "abstained")


def test_libhxl_reads_the_csv(scores: str, seeded: Any) -> None:
    options = InputOptions(
        allow_local=True, http_headers={"Authorization": f"Bearer {seeded.secret}"}
    )
    source = hxl.data(f"{scores}?format=csv", options)
    assert source.columns[3].display_tag == "#adm3+code"
    in_region = source.with_rows("#adm1+code=X1")
    assert len(list(in_region)) == 16
    top = next(iter(hxl.data(f"{scores}?format=csv", options).sort("#indicator+rank")))
    assert top.get("#severity+band") == "very_high"
    assert float(top.get("#indicator+probability")) > 0.5


def test_pandas_reads_parquet_and_csv(scores: str, seeded: Any) -> None:
    columns = pd.read_parquet(f"{scores}?format=parquet", storage_options=seeded.headers)
    csv = pd.read_csv(f"{scores}?format=csv", skiprows=[1], storage_options=seeded.headers)
    assert len(columns) == len(csv) == 40
    assert columns["probability"].dtype == "float64"
    assert columns["probability"].isna().sum() == 1
    assert columns["unit_id"].tolist() == csv["unit_id"].tolist()
    assert columns["probability"].tolist()[:39] == csv["probability"].tolist()[:39]
    assert len(json.loads(columns["drivers"].iloc[0])) == 4


def test_parquet_says_which_bulletin_it_is(client: Any, seeded: Any) -> None:
    answer = client.get(f"/v1/bulletins/{seeded.bulletin_id}/scores?format=parquet")
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    schema = parquet.read_schema(io.BytesIO(answer.content))
    says = json.loads(schema.metadata[b"bulletin"])
    assert (says["bulletin_id"], says["synthetic"]) == (seeded.bulletin_id, True)
