"""The real files of West Africa: eight countries, their rounds and DECO's incidents."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.ingest import ingest
from pipelines.pack import load_pack
from pipelines.question import ask
from store.lake import Lake


@pytest.mark.real_data
def test_units_rounds_and_incidents_of_eight_countries(shared_data: Path, tmp_path: Path) -> None:
    source = Path(__file__).parents[2] / "pipelines/configs/west_africa.toml"
    text = source.read_text(encoding="utf-8")
    file = tmp_path / "west_africa.toml"
    file.write_text(re.sub(r"(\.\./)+shared/data", shared_data.as_posix(), text), encoding="utf-8")
    pack = load_pack(file)
    ingested = ingest(pack, Lake(tmp_path / "lake"), now=datetime(2026, 1, 1, tzinfo=UTC))
    units, rounds = ingested.tables.units, ingested.tables.elections
    assert set(units["iso3"]) == set(rounds["iso3"]) == set(pack.countries)
    assert (units["iso3"] == "NGA").sum() == 774
    assert len(ingested.tables.incidents) == 304
    assert set(ingested.manifests["elections"].quarantined) >= {"undated_vote", "voided"}
    question = ask(pack, rounds, "NGA-2011-PRES-1", None, "any")
    assert question.voting(units).sum() == 774
