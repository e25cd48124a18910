"""The whole job on a small synthetic country, through the real lake, MLflow and database."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from features.days import day_number
from features.errors import ConfigError, ConflictError, LeakError, NotFoundError
from features.vocabulary import ElectionType
from models.baselines import logit
from models.registry import ModelRegistry
from pipelines import monitoring
from pipelines.cli import app
from pipelines.pack import Pack, Window, load_pack
from pipelines.panels import kept
from pipelines.promoting import Actor, Challenge, roll_back
from pipelines.question import ask
from pipelines.run import Job, Workshop, as_json, run, write_json
from pipelines.settings import Settings
from pipelines.synthetic import make_country
from pipelines.training import find_training, prepare, training_digest
from store.database import connect, sessions
from store.deployment_facts import watch_places
from store.reading import bulletin, scores

NOW = datetime(2025, 1, 15, tzinfo=UTC)
ROUND = "XVG-2024-PRES-1"


@dataclass(frozen=True)
class Country:
    folder: Path
    settings: Settings
    job: Job
    said: list[str]

    @property
    def pack(self) -> Pack:
        return quick(load_pack(self.folder / "country.toml"))

    def workshop(self, said: list[str] | None = None) -> Workshop:
        return Workshop(self.pack, self.settings, NOW, (said if said is not None else []).append)


def quick(pack: Pack) -> Pack:
    """The pack with one candidate and fewer training days, to keep the test short."""
    training = pack.training.model_copy(update={"candidates": ("logistic",), "step_days": 28})
    return pack.model_copy(update={"training": training})


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory, tracking_file: Path) -> Iterator[Country]:
    folder = tmp_path_factory.mktemp("country")
    make_country(folder, seed=3, units=80, years=5)
    home = tmp_path_factory.mktemp("home")
    shutil.copy(tracking_file, home)
    settings = Settings(
        home=home, tracking_uri=f"sqlite:///{home / 'mlflow.db'}", artifacts=home / "artifacts"
    )
    said: list[str] = []
    pack = quick(load_pack(folder / "country.toml"))
    job = run(Workshop(pack, settings, NOW, said.append), ROUND, None, "any")
    yield Country(folder, settings, job, said)
    shutil.rmtree(home / "artifacts", ignore_errors=True)


def test_bulletin_in_the_database_is_what_was_scored(country: Country) -> None:
    with sessions(connect(country.settings.database))() as session:
        head = bulletin(session, country.job.issued.bulletin_id)
        rows = {s.unit.unit_id: s.score for s in scores(session, head)}
        watched = watch_places(session, head, rows)
    assert head.synthetic
    centers = watched.loc[watched["kind"] == "voting_center"]
    assert centers.groupby("unit_id").size().to_dict() == dict.fromkeys(rows, 2)
    assert centers["event_date"].isna().all()
    assert head.window_start == country.job.question.window_start
    assert len(rows) == 80
    for scored in country.job.issued.scores.to_dict("records"):
        kept = rows[scored["unit_id"]]
        assert kept.probability == pytest.approx(scored["probability"])
        total = sum(d["contribution"] for d in kept.drivers)
        assert total == pytest.approx(float(logit(kept.probability)), abs=1e-4)


def test_a_second_run_does_nothing_twice(country: Country) -> None:
    said: list[str] = []
    again = run(country.workshop(said), ROUND, None, "any")
    assert again.issued.bulletin_id == country.job.issued.bulletin_id
    assert "training: unchanged" in said
    assert all("unchanged" in s for s in said if "snapshot" in s)
    assert {k: v.version for k, v in again.trained.versions.items()} == {
        k: v.version for k, v in country.job.trained.versions.items()
    }
    with sessions(connect(country.settings.database))() as session:
        from store.schema import Bulletin

        assert len(session.scalars(select(Bulletin)).all()) == 1


def test_bulletin_keeps_the_as_of_law(
    country: Country, tmp_path: Path, tracking_file: Path
) -> None:
    """Later rows mutated in the file, all trained anew: the same bulletin, digest and all."""
    copy = tmp_path / "mutated"
    shutil.copytree(country.folder, copy)
    file = copy / "incidents.csv"
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    as_of = country.job.question.as_of.isoformat()
    late = table["reported_on"] > as_of
    assert late.sum() > 20
    table.loc[late, "fatalities"] = "99"
    table.loc[late, "type"] = "Émeute"
    table.drop(index=table.index[late][::3]).to_csv(file, index=False)
    pack = quick(load_pack(copy / "country.toml"))
    shutil.copy(tracking_file, tmp_path / "m.db")
    settings = Settings(
        home=tmp_path, tracking_uri=f"sqlite:///{tmp_path / 'm.db'}", artifacts=tmp_path / "a"
    )
    other = run(Workshop(pack, settings, NOW, lambda _: None), ROUND, None, "any")
    assert other.ingested.data_digest != country.job.ingested.data_digest
    assert other.prepared.data_digest == country.job.prepared.data_digest
    assert other.issued.bulletin_id == country.job.issued.bulletin_id
    assert not other.judged.equals(country.job.judged)  # type: ignore[union-attr]


def test_model_is_better_than_base_rate_and_worse_than_the_truth(country: Country) -> None:
    judged = country.job.judged
    assert judged is not None
    truth = pd.read_csv(country.folder / "truth.csv")
    truth = truth.loc[(truth["election_id"] == ROUND)].sort_values("unit_id")
    brier_of_truth = float(((truth["probability"] - truth["occurred"]) ** 2).mean())
    model = judged.loc[country.job.trained.promoted, "brier"]
    assert model < judged.loc["base_rate", "brier"]
    assert model > brier_of_truth * 0.95


def test_runs_are_in_mlflow_with_what_a_data_scientist_needs(country: Country) -> None:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(country.settings.tracking_uri)
    experiment = client.get_experiment_by_name("vigie-synthetic-vigilia")
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) >= 8
    for logged in runs:
        assert logged.data.params["data_digest"]
        assert logged.data.metrics["brier"] > 0
        files = {f.path for f in client.list_artifacts(logged.info.run_id)}
        assert {"features.json", "reliability.png", "precision_recall.png"} <= files
    promoted = country.job.trained.versions[country.job.trained.promoted]
    champion = ModelRegistry(country.settings.tracking_uri).champion(promoted.name)
    assert champion is not None
    assert champion.version == promoted.version


def test_a_champion_trained_later_than_as_of_is_refused(country: Country) -> None:
    from pipelines.forecasting import issue

    job, workshop = country.job, country.workshop()
    earlier = ask(country.pack, job.ingested.tables.elections, ROUND, date(2024, 9, 21), "any")
    version = job.trained.versions[job.trained.promoted]
    with pytest.raises(LeakError, match="trained as of 2024-09-22"):
        issue(
            country.pack,
            job.ingested,
            prepare(country.pack, job.ingested.tables, earlier),
            earlier,
            workshop.registry,
            version,
            connect(country.settings.database),
            NOW,
        )


@pytest.mark.parametrize(
    ("change", "says"),
    [({"settings": "other"}, "trained for others"), ({"verdict": None}, "complete training")],
)
def test_a_version_for_something_else_or_half_made_is_refused(
    country: Country, change: dict[str, object], says: str
) -> None:
    from pipelines.forecasting import issue

    job, workshop = country.job, country.workshop()
    version = replace(job.trained.versions[job.trained.promoted], **change)  # type: ignore[arg-type]
    engine = connect(country.settings.database)
    with pytest.raises(ConfigError, match=says):
        issue(
            country.pack,
            job.ingested,
            job.prepared,
            job.question,
            workshop.registry,
            version,
            engine,
            NOW,
        )


def test_decisions_are_kept_in_mlflow_and_taken_once(country: Country) -> None:
    job, workshop = country.job, country.workshop()
    assert job.trained is not None
    assert job.outcome is not None
    registry, name = workshop.registry, job.outcome.version.name
    run(workshop, ROUND, None, "any")
    (first,) = registry.decisions(name)
    assert (first.action, first.command, first.at) == ("promoted", "run", NOW)
    assert (first.before, first.after) == ("", job.outcome.version.version)
    with pytest.raises(NotFoundError, match="before version"):
        roll_back(registry, name, Actor("Awa", "rollback", NOW))
    parts = (country.pack, job.prepared, job.question, registry, job.trained)
    again = Challenge(*parts, lambda _: None).decide(Actor("Awa", "promote", NOW, "by hand"))
    assert again.version.version == first.after
    second = registry.decisions(name)[1]
    assert (second.by, second.before, second.after) == ("Awa", first.after, first.after)
    assert second.reason.startswith("by hand\n")

    from mlflow.tracking import MlflowClient

    file = MlflowClient(country.settings.tracking_uri).download_artifacts(
        second.run_id, "table.csv"
    )
    assert pd.read_csv(file, index_col=0).index.isin(["base_rate"]).any()


def test_a_target_too_rare_to_learn_gives_a_bulletin_that_abstains(country: Country) -> None:
    workshop = country.workshop()
    training = workshop.pack.training.model_copy(update={"min_positives": 100_000})
    pack = workshop.pack.model_copy(update={"training": training})
    job = run(replace(workshop, pack=pack), ROUND, None, "lethal")
    assert job.abstains is not None
    assert job.abstains.endswith("none of them overlapping, saw one; 100000 are needed.")
    assert set(job.issued.scores["band"]) == {"abstained"}
    with sessions(connect(country.settings.database))() as session:
        head = bulletin(session, job.issued.bulletin_id)
        rows = [s.score for s in scores(session, head)]
    assert (head.abstained, head.units, head.model_kind) == (80, 80, "none")
    assert head.notes.startswith("This bulletin abstains. Too few past cases")
    assert {(r.band, r.probability, r.rank) for r in rows} == {("abstained", None, None)}
    assert {r.coverage for r in rows} != {"none"}
    assert as_json(job)["abstains"] == job.abstains


def test_monitoring_reads_the_bulletin_its_model_and_what_happened(country: Country) -> None:
    report = monitoring.monitor(country.workshop(), "any", date(2025, 1, 15))
    checks = {c.name: c for c in report.checks}
    assert checks["days since a report"].status == "ok"
    assert checks["days since training"].value == (date(2025, 1, 15) - date(2024, 9, 22)).days
    judged = country.job.judged
    assert judged is not None
    shown = country.job.outcome.version.kind  # type: ignore[union-attr]
    first = report.answered.iloc[0]
    assert first["bulletin_id"] == country.job.issued.bulletin_id
    # What is known in January may be less than what is known in the end.
    assert first["brier"] == pytest.approx(judged.loc[shown, "brier"], abs=0.01)
    assert len(report.shift) == len(country.job.prepared.panel.names)
    # The synthetic country's process does not change from year to year.
    assert report.shift["shifted"].mean() < 0.1
    told = monitoring.as_json(report)
    assert {c["status"] for c in told["checks"]} <= {"ok", "unknown", "watch", "act"}
    assert told["status"] == str(report.status)


def test_monitoring_reads_only_bulletins_of_its_own_pack(country: Country) -> None:
    """Packs may share a country and a target."""
    other = country.pack.model_copy(update={"name": "elsewhere"})
    with sessions(connect(country.settings.database))() as session:
        assert monitoring._issued(session, country.pack, "any", date(2025, 1, 15))
        assert monitoring._issued(session, other, "any", date(2025, 1, 15)) == []


def test_a_bulletin_that_abstains_everywhere_is_not_judged(
    country: Country, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables, day = country.job.ingested.tables, date(2025, 1, 15)
    with sessions(connect(country.settings.database))() as session:
        issued = monitoring._issued(session, country.pack, "any", day)
        assert len(monitoring._answered(session, country.pack, tables, issued, day)) == 1
        said = monitoring._scores(session, issued[0]) * np.nan
        monkeypatch.setattr(monitoring, "_scores", lambda *_: said)
        assert monitoring._answered(session, country.pack, tables, issued, day) == []


def test_monitoring_of_a_target_that_learns_from_rounds(country: Country) -> None:
    targets = [
        t.model_copy(update={"grid": "rounds"}) if t.name == "any" else t
        for t in country.pack.targets
    ]
    pack = country.pack.model_copy(update={"targets": tuple(targets)})
    workshop, day = replace(country.workshop(), pack=pack), date(2025, 1, 15)
    tables = country.job.ingested.tables
    with sessions(connect(country.settings.database))() as session:
        issued = monitoring._issued(session, pack, "any", day)
        checks, shift = monitoring._against_model(workshop, session, issued, tables, day)
    names = {c.name for c in checks}
    assert names >= {"features that shifted", "newest bulletin and the last year learned"}
    # Between rounds there is no today to ask about.
    assert "today and the newest bulletin" not in names
    assert len(shift) == len(country.job.prepared.panel.names)


def test_monitoring_says_so_where_nothing_learned_is_left(
    country: Country, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitoring, "settled", lambda days, *_: days < 0)
    tables, day = country.job.ingested.tables, date(2025, 1, 15)
    with sessions(connect(country.settings.database))() as session:
        issued = monitoring._issued(session, country.pack, "any", day)
        checks, shift = monitoring._against_model(country.workshop(), session, issued, tables, day)
    assert shift.empty
    assert "nothing that the model learned from" in checks[-1].says
    assert checks[-1].status == "unknown"


def test_monitor_exits_with_a_status_for_schedulers(
    country: Country, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("home", "tracking_uri", "artifacts"):
        monkeypatch.setenv(f"VIGIE_{name.upper()}", str(getattr(country.settings, name)))
    pack = str(country.folder / "country.toml")
    stale = CliRunner().invoke(
        app, ["monitor", pack, "--as-of", "2026-06-01", "--json", str(tmp_path / "m.json")]
    )
    assert stale.exit_code == 4, stale.output
    told = json.loads((tmp_path / "m.json").read_text())
    assert told["status"] == "act"
    assert {c["name"] for c in told["checks"] if c["status"] == "act"} >= {"days since a report"}
    none_yet = CliRunner().invoke(app, ["monitor", pack, "--as-of", "2024-09-01"])
    assert none_yet.exit_code in (3, 4)
    assert "no bulletin with scores of target any as of 2024-09-01" in " ".join(
        none_yet.output.split()
    )
    assert CliRunner().invoke(app, ["monitor", str(tmp_path / "no.toml")]).exit_code != 0


def test_training_that_is_not_there_is_said_so(country: Country) -> None:
    job = country.job
    question = ask(country.pack, job.ingested.tables.elections, ROUND, date(2024, 9, 1), "any")
    prepared = prepare(country.pack, job.ingested.tables, question)
    with pytest.raises(NotFoundError, match="vigie train"):
        find_training(country.pack, prepared, question, country.workshop().registry)


def test_real_data_cannot_enter_the_synthetic_store(country: Country) -> None:
    workshop = country.workshop()
    real = replace(workshop, pack=workshop.pack.model_copy(update={"synthetic": False}))
    with pytest.raises(ConflictError, match="synthetic"):
        real.ingest()


def test_json_has_every_figure_and_no_nan(country: Country, tmp_path: Path) -> None:
    write_json(tmp_path / "out.json", as_json(country.job))
    got = json.loads((tmp_path / "out.json").read_text())
    assert got["outcome"]["count_365d_parent_mean"]["average_precision"] > 0
    assert got["as_of"] == "2024-09-22"


def test_panel_ends_on_as_of_and_labels_are_settled(country: Country) -> None:
    prepared, question = country.job.prepared, country.job.question
    assert prepared.panel.days[-1] == day_number(question.as_of)
    newest = int(np.max(prepared.data.day))
    assert newest + question.horizon.last_day + 30 <= day_number(question.as_of)


def test_another_window_of_other_rounds_is_another_panel_fold_and_training(
    country: Country, tmp_path: Path
) -> None:
    """The round asked about is presidential: its own window, the horizon, stays as it is."""
    pack, job = country.pack, country.job
    longer = Window(start_days=-60, end_days=30)
    other = pack.model_copy(update={"windows": pack.windows | {ElectionType.MUNICIPAL: longer}})
    prepared = prepare(other, job.prepared.context.tables, job.question)
    assert prepared.data_digest == job.prepared.data_digest
    lengths = {block.last - block.first for block in prepared.elections}
    assert lengths - {block.last - block.first for block in job.prepared.elections} == {90}
    digests = [training_digest(p, job.prepared, job.question) for p in (pack, other)]
    assert digests[0] != digests[1]
    name, file = "earlier_elections_count", tmp_path / "panel.npz"
    first = kept(file, job.prepared.context, (name,)).values[0, -1]
    again = kept(file, prepared.context, (name,)).values[0, -1]
    assert (again >= first).all()
    assert (again > first).any()


def test_command_line_names_the_fault_and_exits_with_2(tmp_path: Path) -> None:
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "ingest", str(tmp_path / "no.toml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "no such file" in done.stderr
    assert "Traceback" not in done.stderr
    assert CliRunner().invoke(app, ["--help"]).exit_code == 0


def test_mlflow_tells_its_makers_nothing() -> None:
    """Who trains on what, and when, is nobody else's business."""
    from mlflow.environment_variables import MLFLOW_DISABLE_TELEMETRY

    assert MLFLOW_DISABLE_TELEMETRY.get() is True
