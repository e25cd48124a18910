"""A whole backtest of the synthetic country: answers, JSON, report and run in MLflow."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models import development
from models.metrics import scores
from models.registry import ModelRegistry
from pipelines.backtest.job import Backtest, as_json, backtest
from pipelines.backtest.origins import Protocol, origins, protocol_of
from pipelines.backtest.record import record
from pipelines.backtest.report import html, verdict
from pipelines.backtest.rolling import SHIPPED, happened, roll
from pipelines.ingest import Ingested
from pipelines.pack import Pack
from pipelines.question import settle_days

ROUND = "XVG-2024-PRES-1"
PROTOCOL = protocol_of(f"{ROUND},2023-05-01", "0,4")


def run(pack: Pack, ingested: Ingested, protocol: Protocol = PROTOCOL) -> Backtest:
    return backtest(
        pack,
        ingested,
        "any",
        protocol,
        seeds=1,
        workers=1,
        listen=False,
        progress=lambda _: None,
    )


@contextmanager
def few() -> Iterator[None]:
    """Three baselines instead of seven, to keep the tests short.

    For one block only: processes of their own would not see it, and find other models.
    """
    with pytest.MonkeyPatch.context() as patch:
        names = ("base_rate", "count_365d", "count_365d_parent_mean")
        patch.setattr(development, "BASELINES", {k: development.BASELINES[k] for k in names})
        yield


@pytest.fixture(scope="module")
def found(pack: Pack, ingested: Ingested) -> Backtest:
    with few():
        return run(pack, ingested)


def test_every_model_is_scored_at_every_origin_and_lead(found: Backtest) -> None:
    sizes = found.rolled.scores.groupby(["origin", "lead_weeks"]).size()
    assert len(sizes) == 4
    assert (sizes == 5).all()
    assert set(found.tables.by_lead["lead_weeks"]) == {0, 4}
    assert set(found.tables.by_kind["kind"]) == {"round", "regular"}


def test_shipped_is_what_the_rule_of_promotion_would_have_shown(found: Backtest) -> None:
    said = found.rolled.forecasts.set_index(["origin", "lead_weeks", "model"])["probability"]
    for row in found.rolled.origins.itertuples():
        shown = said.loc[(row.origin, row.lead_weeks, row.shipped)]
        assert said.loc[(row.origin, row.lead_weeks, SHIPPED)].tolist() == shown.tolist()


def test_scores_are_those_of_the_forecasts_and_onsets_of_quiet_units(found: Backtest) -> None:
    key = ["origin", "lead_weeks", "model"]
    kept = found.rolled.scores.set_index(key)
    for name, part in found.rolled.forecasts.groupby(key):
        y = (part["incidents"] > 0).to_numpy().astype(np.int64)
        p, quiet = part["probability"].to_numpy(), part["quiet"].to_numpy()
        assert 0 < quiet.sum() < len(quiet)
        row = kept.loc[name]
        assert row["brier"] == pytest.approx(scores(y, p, 0.1)["brier"])
        assert row["onset_positives"] == y[quiet].sum()
        assert row["onset_brier"] == pytest.approx(((p - y)[quiet] ** 2).mean())


def test_quiet_units_had_nothing_in_the_year_before(pack: Pack, ingested: Ingested) -> None:
    (origin,), _ = origins(pack, ingested.tables, "any", protocol_of("2023-11-01", "0"))
    seen = happened(ingested.tables, origin.question, settle_days(pack))
    assert seen is not None
    incidents = ingested.tables.incidents
    rows = incidents.loc[origin.question.target.mask(incidents)]
    as_of = pd.Timestamp("2023-11-01")
    year = rows.loc[rows["event_date"].between(as_of - pd.Timedelta(days=364), as_of), "unit_id"]
    assert list(seen.quiet) == list(~ingested.tables.units["unit_id"].isin(year))


def test_same_inputs_give_the_same_result_twice(pack: Pack, ingested: Ingested) -> None:
    less = protocol_of("2023-05-01", "0")
    seeded = pack.training.model_copy(update={"seed": 8})
    with few():
        first, again = run(pack, ingested, less), run(pack, ingested, less)
        other = run(pack.model_copy(update={"training": seeded}), ingested, less)
    assert again.digest == first.digest
    assert html(again) == html(first)
    assert other.digest != first.digest


def test_json_says_what_it_rests_on_and_has_no_nan(found: Backtest) -> None:
    got = json.loads(json.dumps(as_json(found), allow_nan=False))
    for key in ("data_digest", "config_digest", "code_digest"):
        assert re.fullmatch(r"[0-9a-f]{64}", got["about"][key])
    assert got["about"]["seeds"] == [7]
    assert got["about"]["versions"]["scikit-learn"]
    assert got["reached"] == {
        "5": "5 units",
        "10": "20 mediators, 2 to a unit",
        "20": "20 mediators, 1 to a unit",
    }
    shipped = [h for h in got["headlines"] if h["model"] == SHIPPED]
    assert {"ap_ratio_best_each", "recall_at_10", "crps_skill"} <= {h["figure"] for h in shipped}


def test_report_needs_nothing_beside_it_and_says_what_it_must(found: Backtest) -> None:
    page = html(found)
    assert re.findall(r'(?:src|href)="(?!data:)', page) == []
    assert "http://" not in re.sub(r"data:[^\"]+", "", page)
    assert "SYNTHETIC DATA" in page
    assert found.about["data_digest"] in page
    assert found.digest in page
    assert f"Map of hits and misses, {ROUND}" in page
    for picture in ("Lift", "Reliability", "Precision against recall", "by lead"):
        assert picture in page
    assert page.count("data:image/") == 6


def test_verdict_names_the_law_broken_when_it_is(found: Backtest) -> None:
    table = found.tables.headlines.copy()
    other = replace(found, tables=replace(found.tables, headlines=table))
    said = []
    for value, low in ((1.2, 1.1), (1.2, 0.9), (0.9, 0.8), (1.2, float("nan"))):
        at = (table["model"] == SHIPPED) & (table["figure"] == "ap_ratio_best_mean")
        table.loc[at, ["value", "low"]] = value, low
        said.append(verdict(other)["law"])
    assert said[0] == "is kept"
    assert "chance could do" in said[1]
    assert said[2] == "is broken"
    assert "too few blocks" in said[3]


def test_run_is_in_mlflow_with_figures_digests_and_files(
    found: Backtest, tmp_path: Path, tracking_file: Path
) -> None:
    from mlflow.tracking import MlflowClient

    uri = f"sqlite:///{shutil.copy(tracking_file, tmp_path)}"
    registry = ModelRegistry(uri, (tmp_path / "artifacts").as_uri())
    run_id = record(
        found, registry, "vigie-synthetic-vigilia", tmp_path / "b.json", tmp_path / "out/b.html"
    )
    client = MlflowClient(uri)
    logged = client.get_run(run_id)
    assert logged.data.params["data_digest"] == found.about["data_digest"]
    assert logged.data.params["result_digest"] == found.digest
    assert logged.data.metrics["shipped.brier_skill"] == pytest.approx(
        found.tables.headlines.set_index(["model", "figure"]).loc[(SHIPPED, "brier_skill"), "value"]
    )
    spread = [logged.data.metrics[f"shipped.brier_skill.seed_{end}"] for end in ("low", "high")]
    assert spread[0] <= logged.data.metrics["shipped.brier_skill"] <= spread[1]
    files = {f.path for f in client.list_artifacts(run_id)}
    assert files == {"backtest.json", "backtest.html", "forecasts.parquet"}
    assert json.loads((tmp_path / "b.json").read_text())["digest"] == found.digest
    assert (tmp_path / "out/b.html").read_text() == html(found)


@pytest.mark.slow
def test_answers_do_not_depend_on_the_number_of_workers(pack: Pack, ingested: Ingested) -> None:
    put, _ = origins(pack, ingested.tables, "any", protocol_of("2023-05-01,2023-11-01", "0"))

    def rolled(workers: int) -> pd.DataFrame:
        return roll(
            pack,
            ingested.tables,
            put,
            seeds=(7, 8),
            top=(5,),
            workers=workers,
            progress=lambda _: None,
        ).forecasts

    pd.testing.assert_frame_equal(rolled(1), rolled(2), check_exact=True)
