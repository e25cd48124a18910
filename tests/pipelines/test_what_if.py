"""What-if on a small synthetic country: the bulletin again, and only what features say."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine, select

from features.context import NEAR_KM
from features.errors import ConfigError, NotFoundError
from features.space import distances
from features.tables import known
from models import development
from models.baselines import BASELINES
from models.registry import Version
from pipelines import training as training_module
from pipelines.forecasting import Issued, issue
from pipelines.ingest import Ingested
from pipelines.pack import load_pack
from pipelines.question import Question
from pipelines.run import Workshop, write_json
from pipelines.scenario import (
    AddedEvent,
    AssumedIncident,
    MovedEvent,
    Scenario,
    assume,
    load_scenario,
    parts,
)
from pipelines.settings import Settings
from pipelines.synthetic import make_country
from pipelines.training import train
from pipelines.what_if import WhatIf, as_json, what_if
from pipelines.what_if_printing import print_what_if
from store.database import connect, sessions
from store.reading import bulletin, scores
from store.schema import Base, Score

NOW = datetime(2025, 1, 15, tzinfo=UTC)
ROUND = "XVG-2024-PRES-1"


@dataclass(frozen=True)
class Made:
    workshop: Workshop
    ingested: Ingested
    question: Question
    version: Version
    issued: Issued
    engine: Engine

    def ask(self, scenario: Scenario) -> WhatIf:
        return what_if(
            self.workshop.pack,
            self.ingested,
            self.workshop.registry,
            self.engine,
            self.issued.bulletin_id,
            scenario,
        )

    @property
    def units(self) -> pd.DataFrame:
        return self.ingested.tables.units

    @property
    def events(self) -> pd.DataFrame:
        """Campaign events known on the bulletin's day that fall in its window."""
        question = self.question
        events = known(self.ingested.tables, pd.Timestamp(question.as_of)).campaign_events
        inside = events["event_date"].between(
            pd.Timestamp(question.window_start), pd.Timestamp(question.window_end)
        )
        return events.loc[inside]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, tracking_file: Path) -> Made:
    folder, home = tmp_path_factory.mktemp("country"), tmp_path_factory.mktemp("home")
    make_country(folder, seed=3, units=60, years=5)
    pack = load_pack(folder / "country.toml")
    # Only features whose reach is known, so that what a scenario may change is known too.
    features = (
        *("target_count_365d", "near_count_365d", "campaign_events_planned"),
        *("campaign_near_planned", "campaign_rival_pairs"),
    )
    training = pack.training.model_copy(
        update={"candidates": ("logistic",), "step_days": 28, "features": features}
    )
    shutil.copy(tracking_file, home / "m.db")
    settings = Settings(
        home=home, tracking_uri=f"sqlite:///{home / 'm.db'}", artifacts=home / "artifacts"
    )
    workshop = Workshop(
        pack.model_copy(update={"training": training}), settings, NOW, lambda _: None
    )
    ingested, question, prepared = workshop.prepare(ROUND, None, "any")
    with pytest.MonkeyPatch.context() as patch:
        # Two baselines instead of eight: the bulletin is the logistic model's, beside the best one.
        few = {name: BASELINES[name] for name in ("base_rate", "count_365d_parent_mean")}
        for module in (development, training_module):
            patch.setattr(module, "BASELINES", few)
        trained = train(workshop.pack, prepared, question, workshop.registry, workshop.progress)
    version, engine = trained.versions["logistic"], connect(settings.database)
    # Issued with the logistic model, whichever is promoted: what-if takes the bulletin's own.
    issued = issue(
        *(workshop.pack, ingested, prepared, question, workshop.registry, version, engine, NOW)
    )
    return Made(workshop, ingested, question, version, issued, engine)


def rows(engine: Engine) -> str:
    """Digest of every row of every table."""
    digest = hashlib.sha256()
    with engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            for row in connection.execute(select(table).order_by(*table.primary_key)):
                digest.update(repr(tuple(row)).encode())
    return digest.hexdigest()


def test_nothing_assumed_is_the_bulletin_bit_for_bit(made: Made) -> None:
    result = made.ask(Scenario())
    assert result.changed.empty
    with sessions(made.engine)() as session:
        head = bulletin(session, made.issued.bulletin_id)
        kept = {s.unit.unit_id: s.score for s in scores(session, head)}
    columns = [c.name for c in Score.__table__.columns if c.name not in ("bulletin_id", "position")]
    for got in result.after.to_dict("records"):
        for column in columns:
            value, frozen = got[column], getattr(kept[got["unit_id"]], column)
            if frozen is None:
                assert np.isnan(value)
            else:
                assert value == frozen, f"{got['unit_id']} {column}"


def test_bulletin_and_database_stay_as_they_were(made: Made) -> None:
    before = rows(made.engine)
    unit = made.units["unit_id"].iloc[0]
    day = made.question.as_of
    result = made.ask(
        Scenario(
            assume_incident=(AssumedIncident(unit_id=unit, event_type="battle", event_date=day),)
        )
    )
    assert len(result.changed) > 0
    assert rows(made.engine) == before


def near_of(units: pd.DataFrame, *unit_ids: str) -> set[str]:
    """The units and those within reach of them."""
    km = distances(units, NEAR_KM).toarray()
    ids = units["unit_id"].to_numpy()
    out = set(unit_ids)
    for unit_id in unit_ids:
        out |= set(ids[km[np.flatnonzero(ids == unit_id)[0]] > 0])
    return out


def test_a_move_changes_only_where_it_left_and_where_it_came(made: Made) -> None:
    event = made.events.iloc[0]
    reach_of_origin = near_of(made.units, event.unit_id)
    far = made.units.loc[~made.units["unit_id"].isin(reach_of_origin), "unit_id"].iloc[-1]
    move = MovedEvent(campaign_event_id=event.campaign_event_id, unit_id=far)
    changed = made.ask(Scenario(move_event=(move,))).changed
    assert {event.unit_id, far} <= set(changed["unit_id"])
    # A rival nearby meets the event from his own commune, so pairs reach no farther than near.
    assert set(changed["unit_id"]) <= near_of(made.units, event.unit_id, far)
    for drivers in changed["drivers"]:
        assert {d["family"] for d in drivers} == {"campaign"}


def test_moving_an_event_away_and_back_is_moving_it_nowhere(made: Made) -> None:
    event = made.events.iloc[0]
    stay = MovedEvent(campaign_event_id=event.campaign_event_id, unit_id=event.unit_id)
    assert made.ask(Scenario(move_event=(stay,))).changed.empty


def test_an_added_event_moves_the_campaign_driver_by_what_it_moves_the_score(made: Made) -> None:
    unit = made.units["unit_id"].iloc[5]
    event = AddedEvent(
        unit_id=unit, kind="rally", party="new", event_date=made.question.window_start
    )
    result = made.ask(Scenario(add_event=(event,)))
    here = result.changed.set_index("unit_id").loc[unit]
    total = sum(d["change"] for d in here["drivers"])
    logit = np.log(here["after"] / (1 - here["after"])) - np.log(
        here["before"] / (1 - here["before"])
    )
    assert total == pytest.approx(logit, abs=1e-6)
    (driver,) = here["drivers"]
    planned = [int(driver[key].split()[0]) for key in ("said_before", "says")]
    assert planned[1] == planned[0] + 1
    assert "planned here in the forecast window" in driver["says"]
    assert "pendant la période de prévision" in driver["translations"]["fr"]["says"]
    outside = event.model_copy(update={"event_date": date(2026, 1, 1)})
    assert made.ask(Scenario(add_event=(outside,))).changed.empty


def test_an_assumed_incident_raises_the_risk_and_lends_no_coverage(made: Made) -> None:
    unit = made.units["unit_id"].iloc[7]
    incident = AssumedIncident(
        unit_id=unit, event_type="riot", event_date=made.question.as_of, fatalities=2
    )
    result = made.ask(Scenario(assume_incident=(incident,) * 3))
    here = result.changed.set_index("unit_id").loc[unit]
    assert here["change"] > 0
    assert set(result.changed["unit_id"]) <= near_of(made.units, unit)
    pd.testing.assert_series_equal(result.before["coverage_says"], result.after["coverage_says"])


def test_a_pack_that_names_fewer_features_since_asks_the_same_model(made: Made) -> None:
    pack = made.workshop.pack
    training = pack.training.model_copy(update={"features": ("near_count_365d",)})
    fewer = replace(made.workshop, pack=pack.model_copy(update={"training": training}))
    unit, day = made.units["unit_id"].iloc[7], made.question.as_of
    incident = AssumedIncident(unit_id=unit, event_type="riot", event_date=day)
    scenario = Scenario(assume_incident=(incident,))
    pd.testing.assert_frame_equal(
        replace(made, workshop=fewer).ask(scenario).after, made.ask(scenario).after
    )


def test_other_data_are_refused(made: Made) -> None:
    tables = made.ingested.tables
    incidents = tables.incidents.copy()
    incidents.loc[0, "fatalities"] += 1
    other = replace(made.ingested, tables=replace(tables, incidents=incidents))
    with pytest.raises(ConfigError, match="expected the data of bulletin"):
        replace(made, ingested=other).ask(Scenario())


def test_another_model_window_or_score_is_refused(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = made.workshop.pack
    windows = {k: v.model_copy(update={"end_days": 20}) for k, v in pack.windows.items()}
    other = replace(made.workshop, pack=pack.model_copy(update={"windows": windows}))
    with pytest.raises(ConfigError, match="expected the window of bulletin"):
        replace(made, workshop=other).ask(Scenario())
    registry = made.workshop.registry
    with pytest.raises(NotFoundError, match="version 999"):
        registry.version(made.version.name, "999")
    version = made.version
    with monkeypatch.context() as patched:
        patched.setattr(type(registry), "version", lambda *_: replace(version, digest="f" * 64))
        with pytest.raises(ConfigError, match="with digest"):
            made.ask(Scenario())
    with monkeypatch.context() as patched:
        patched.setattr("models.forecaster.Forecaster.probability", lambda _, X: X.iloc[:, 0])
        forecast = "models.forecaster.Forecaster.forecast"
        patched.setattr(
            forecast,
            lambda _, X: pd.DataFrame(
                dict.fromkeys(["probability", "lower", "upper", "expected_incidents"], 0.123),
                index=X.index,
            ),
        )
        with pytest.raises(ConfigError, match="the code or the pack's coverage changed"):
            made.ask(Scenario())


def test_a_model_that_saw_no_campaign_event_does_not_answer_about_one(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models.forecaster import Forecaster

    plain = Forecaster.contributions

    def without(self: Forecaster, X: pd.DataFrame) -> pd.DataFrame:
        table = plain(self, X)
        return table.drop(columns=[c for c in table if str(c).startswith("campaign")])

    monkeypatch.setattr(Forecaster, "contributions", without)
    event = AddedEvent(
        unit_id=made.units["unit_id"].iloc[0],
        kind="rally",
        party="p",
        event_date=made.question.window_start,
    )
    with pytest.raises(ConfigError, match="which saw none in training"):
        made.ask(Scenario(add_event=(event,)))


def test_what_is_printed_and_written_says_the_same(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from features.vocabulary import Language

    event = made.events.iloc[0]
    move = MovedEvent(campaign_event_id=event.campaign_event_id, event_date=date(2026, 1, 1))
    result = made.ask(Scenario(move_event=(move,)))
    for language, words in ((Language.EN, "campaign: "), (Language.FR, "campagne\u202f: ")):
        print_what_if(result, made.units, language, 10)
        printed = capsys.readouterr().out
        assert event.unit_id in printed
        assert words in printed
    write_json(tmp_path / "w.json", as_json(result))
    got = json.loads((tmp_path / "w.json").read_text())
    assert len(got["scores"]) == 60
    assert got["changed"][0]["unit_id"] == result.changed["unit_id"].iloc[0]
    assert got["scenario"]["move_event"][0]["campaign_event_id"] == event.campaign_event_id


@pytest.mark.parametrize(
    ("scenario", "fault"),
    [
        ({"add_event": [{"unit_id": "NO", "kind": "rally", "party": "p"}]}, "such as"),
        ({"move_event": [{"campaign_event_id": "NO", "unit_id": ""}]}, "no such event"),
        ({"move_event": [{"campaign_event_id": ""}]}, "expected a unit_id or an event_date"),
        (
            {"move_event": [{"campaign_event_id": "", "unit_id": ""}] * 2},
            "expected each event once",
        ),
        (
            {
                "assume_incident": [
                    {"unit_id": "", "event_type": "riot", "event_date": "2026-01-01"}
                ]
            },
            "what comes later",
        ),
    ],
)
def test_a_scenario_that_cannot_be_is_refused(
    made: Made, scenario: dict[str, list[dict[str, str]]], fault: str
) -> None:
    unit, event = made.units["unit_id"].iloc[0], made.events["campaign_event_id"].iloc[0]
    filled: dict[str, list[dict[str, str]]] = {}
    for key, given in scenario.items():
        blanks = {"unit_id": unit, "campaign_event_id": event}
        filled[key] = [{k: v or blanks[k] for k, v in part.items()} for part in given]
    for part in filled.get("add_event", []):
        part["event_date"] = "2024-10-01"
    with pytest.raises(ConfigError, match=fault):
        assume(
            known(made.ingested.tables, pd.Timestamp(made.question.as_of)),
            Scenario.model_validate(filled),
            made.question.as_of,
        )


def test_scenario_files_and_options_say_the_same(tmp_path: Path) -> None:
    toml = tmp_path / "s.toml"
    toml.write_text(
        '[[add_event]]\nunit_id = "A"\nkind = "rally"\nparty = "p"\nevent_date = 2018-07-20\n'
    )
    by_option = parts(
        "--add-event", AddedEvent, ["unit_id=A,kind=rally,party=p,event_date=2018-07-20"]
    )
    scenario = load_scenario(toml)
    assert scenario.add_event == by_option
    (tmp_path / "s.json").write_text(scenario.model_dump_json())
    assert load_scenario(tmp_path / "s.json") == scenario
    assert len(scenario.joined(scenario).add_event) == 2


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("[[add_event]]\nunit_id = 'A'\nkind = 'party'", "key 'add_event.0.kind'"),
        ("[[ad_event]]\n", "key 'ad_event'"),
        ("[[", "expected TOML or JSON"),
        (None, "no such file"),
    ],
)
def test_a_scenario_file_that_is_wrong_is_refused_by_key(
    tmp_path: Path, content: str | None, fault: str
) -> None:
    file = tmp_path / "s.toml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError, match=fault):
        load_scenario(file)


@pytest.mark.parametrize(
    ("given", "fault"),
    [("unit_id:A", "expected key=value"), ("unit_id=A,kind=rally,colour=red", "key 'colour'")],
)
def test_an_option_that_is_wrong_is_refused_by_key(given: str, fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        parts("--add-event", AddedEvent, [given])
