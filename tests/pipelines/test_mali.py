"""The real files of Mali: the as-of law on the real panel, and the figures of the main job."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest

from features.coverage import coverage
from features.errors import TooFewPositivesError
from features.panel import build_panel
from features.tables import known
from pipelines.evaluation import outcomes
from pipelines.ingest import Ingested, ingest
from pipelines.pack import Pack, load_pack
from pipelines.question import Question, ask, context_as_of, target_class, windows
from pipelines.run import Workshop, run
from pipelines.settings import Settings
from pipelines.training import fit, prepare
from response.lessons import learn
from response.lessons_evidence import About, Evidence, Sent
from store.lake import Lake

pytestmark = pytest.mark.real_data
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROUND, AS_OF = "MLI-2018-PRES-1", date(2018, 7, 1)


@pytest.fixture(scope="module")
def pack(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """The pack of the repository, its paths led to where the shared data are."""
    source = Path(__file__).parents[2] / "pipelines/configs/mali.toml"
    text = re.sub(
        r"(\.\./)+shared/data", shared_data.as_posix(), source.read_text(encoding="utf-8")
    )
    file = tmp_path_factory.mktemp("pack") / "mali.toml"
    file.write_text(text, encoding="utf-8")
    return load_pack(file)


@pytest.fixture(scope="module")
def mali(pack: Pack, tmp_path_factory: pytest.TempPathFactory) -> Ingested:
    return ingest(pack, Lake(tmp_path_factory.mktemp("lake")), now=NOW)


@pytest.fixture(scope="module")
def question(pack: Pack, mali: Ingested) -> Question:
    return ask(pack, mali.tables.elections, ROUND, AS_OF, "any")


def test_forty_four_communes_saw_violence_in_the_window(mali: Ingested, question: Question) -> None:
    counts = outcomes(mali.tables, question, 14)
    assert counts is not None
    assert (counts > 0).sum() == 44


def test_attacks_on_the_vote_are_too_rare_to_learn(pack: Pack, mali: Ingested) -> None:
    """Weekly rows repeat each of them six times; what they teach is not six times as much."""
    one = pack.training.model_copy(update={"features": ("target_count_365d",)})
    few = pack.model_copy(update={"training": one})
    rare = ask(few, mali.tables.elections, ROUND, AS_OF, "electoral")
    prepared = prepare(few, mali.tables, rare)
    assert prepared.data.y.sum() > few.training.min_positives
    with pytest.raises(TooFewPositivesError, match=r"expected at least 50 positives.*got 10 in"):
        fit(few, prepared, rare, lambda _: None)


def test_the_bulletin_about_the_vote_says_how_few_cases_there_are(
    pack: Pack, tmp_path: Path
) -> None:
    one = pack.training.model_copy(update={"features": ("target_count_365d",)})
    settings = Settings(home=tmp_path, tracking_uri=f"sqlite:///{tmp_path / 'm.db'}")
    workshop = Workshop(pack.model_copy(update={"training": one}), settings, NOW, lambda _: None)
    assert run(workshop, ROUND, AS_OF, "electoral").abstains == (
        "Too few past cases to learn from: 10 past windows of a commune, none of them "
        "overlapping, saw one; 50 are needed."
    )


def test_lessons_find_where_incidents_fell_and_nobody_stood(pack: Pack, mali: Ingested) -> None:
    calendar = windows(pack, mali.tables.elections).set_index("election_id")
    start, end = calendar.loc[ROUND, ["window_start", "window_end"]]
    units = mali.tables.units
    told = pack.deployments[ROUND]
    about = About(
        election_id=ROUND,
        country=pack.country,
        polling_day=calendar.loc[ROUND, "polling_date"].date(),
        bulletin_id="none",
        bulletin_as_of=AS_OF,
        window_start=start.date(),
        window_end=end.date(),
        model_kind="none",
        baseline_name="",
        base_rate=0.0,
        vintage=pack.vintage,
        synthetic=False,
        settle_days=14,
    )
    numbers = ("probability", "expected_incidents", "baseline_probability")
    silent = units[["unit_id"]].assign(**dict.fromkeys(numbers, float("nan")), band="abstained")
    evidence = Evidence(
        about=about,
        target=target_class(pack.target("any")),
        units=units,
        scores=silent,
        incidents=mali.tables.incidents,
        sent=Sent(told.mediators, told.regions, None, told.source),
    )
    document = learn(evidence, date(2018, 12, 31))
    regions = {r["region"]: r for r in document["regions"]}
    hardest = sorted(regions, key=lambda name: -regions[name]["electoral"])[:2]
    assert hardest == ["Mopti", "Tombouctou"]
    assert list(regions)[:2] == hardest
    assert (regions["Mopti"]["posted"], regions["Tombouctou"]["posted"]) == ("yes", "no")
    bare = [f["values"]["region"] for f in document["findings"] if f["rule"] == "uncovered_region"]
    assert bare[0] == "Tombouctou"


def test_real_panel_keeps_the_as_of_law(pack: Pack, mali: Ingested, question: Question) -> None:
    as_of = pd.Timestamp(AS_OF)
    incidents = mali.tables.incidents
    late = incidents["known_on"] > as_of
    changed = incidents.assign(fatalities=incidents["fatalities"].mask(late, 99.0))
    changed = changed.drop(index=changed.index[late][::2])
    whole = build_panel(replace(context_as_of(pack, mali.tables, question), tables=mali.tables))
    mutated = replace(mali.tables, incidents=changed.reset_index(drop=True))
    seen = known(mali.tables, as_of)
    for tables in (mutated, seen):
        context = replace(context_as_of(pack, tables, question), tables=tables)
        assert build_panel(context).values.tobytes() == whole.values.tobytes()


def test_bamako_is_coarse_and_nobody_is_silent(
    pack: Pack, mali: Ingested, question: Question
) -> None:
    cover = pack.coverage
    table = coverage(
        context_as_of(pack, mali.tables, question),
        days=cover.days,
        good_reports=cover.good_reports,
        min_reports=cover.min_reports,
        coarse_areas=pack.places.coarse_areas,
    ).merge(mali.tables.units, on="unit_id")
    bamako = table.loc[table["region_name"] == "Bamako"]
    assert len(bamako) == 6
    assert set(bamako["coverage"]) == {"coarse"}


@pytest.mark.slow
def test_model_beats_every_baseline_on_the_window_that_it_never_saw(
    pack: Pack, tmp_path: Path
) -> None:
    settings = Settings(
        home=tmp_path, tracking_uri=f"sqlite:///{tmp_path / 'm.db'}", artifacts=tmp_path / "a"
    )
    job = run(Workshop(pack, settings, NOW, lambda _: None), ROUND, AS_OF, "any")
    assert job.judged is not None
    assert job.trained.promoted == "xgboost"
    others = job.judged.drop(index=["xgboost", "logistic"])
    assert job.judged.loc["xgboost", "average_precision"] > others["average_precision"].max()
    assert job.judged.loc["xgboost", "brier"] < others["brier"].min()
