"""The decisions about a champion, against a registry in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.errors import NotFoundError
from features.horizon import TargetClass
from features.vocabulary import POLITICAL_VIOLENCE
from models.bagging import Bagged
from models.baselines import BASELINES
from models.estimators import SignedLogLogistic
from models.examples import Examples
from models.promotion import CHAMPION
from models.registry import Decided, Version
from pipelines.pack import Pack, load_pack
from pipelines.promoting import Actor, Challenge, follow, roll_back
from pipelines.question import Question
from pipelines.training import settings_of

NOW = datetime(2025, 1, 15, tzinfo=UTC)
NAME = "vigie-vigilia-any-lead0-days42"
UNITS, DAYS = 40, 60
RUN, PROMOTE = Actor("job", "run", NOW), Actor("Awa", "promote", NOW, "looked at it")
PACK = Path(__file__).parents[2] / "pipelines/configs/synthetic.toml"
TARGET = TargetClass("any", POLITICAL_VIOLENCE)


def question_on(day: date) -> Question:
    return Question("E", TARGET, day, day + timedelta(1), day + timedelta(42))


SETTINGS = settings_of(load_pack(PACK), question_on(date(2024, 1, 1)))


@dataclass
class Memory:
    """A registry in memory."""

    models: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, Version] = field(default_factory=dict)
    log: list[Decided] = field(default_factory=list)
    alias: str | None = None

    def add(self, version: Version, model: Any) -> Version:
        self.versions[version.version], self.models[version.version] = version, model
        return version

    def champion(self, name: str) -> Version | None:  # noqa: ARG002
        return self.versions[self.alias] if self.alias else None

    def promote(self, version: Version) -> None:
        self.alias = version.version

    def version(self, name: str, version: str) -> Version:  # noqa: ARG002
        return self.versions[version]

    def load(self, version: Version) -> Any:
        return self.models[version.version]

    def decisions(self, name: str | None = None) -> list[Decided]:  # noqa: ARG002
        return list(self.log)

    def log_decision(self, decided: Decided, table: pd.DataFrame) -> None:
        assert not table.empty
        self.log.append(decided)


def examples() -> Examples:
    rng = np.random.default_rng(5)
    day = np.repeat(np.arange(DAYS) * 28 + 17_000, UNITS)
    risk = rng.poisson(1.0, UNITS * DAYS).astype(float)
    counts = (rng.random(UNITS * DAYS) < 0.05 + 0.15 * (risk > 1)).astype(float)
    ends = np.zeros((len(counts), 2))
    X = pd.DataFrame({"risk": risk, "target_decay_365d": risk, "parent_mean_decay_365d": 0.0})
    return Examples(X, counts, day, np.tile(np.arange(UNITS), DAYS), ends)


def fitted(shift: float = 1.0, columns: tuple[str, ...] = ("risk",)) -> Any:
    """A model that a test can read: its output is the risk, scaled."""
    return SimpleNamespace(
        kind="logistic",
        columns=columns,
        model=Bagged(SignedLogLogistic(columns=("risk",)), 2, 7),
        probability=lambda X: shift * X["risk"].to_numpy() / 40,
    )


def version(number: int, kind: str, day: date, recipe: str, digest: str) -> Version:
    verdict = {"table": {kind: {"average_precision": 0.6}}}
    return Version(NAME, str(number), kind, day, f"d{number}", digest, SETTINGS, recipe, verdict)


def scores(**models: tuple[float, float, float]) -> pd.DataFrame:
    rows = {**dict.fromkeys(BASELINES, (0.1, 0.2, 0.01)), **models}
    columns = ["average_precision", "brier", "calibration_error"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


@dataclass
class Desk:
    registry: Memory
    pack: Pack
    said: list[str] = field(default_factory=list)

    def challenge(
        self,
        day: date,
        kind: str = "logistic",
        recipe: str = "r1",
        of: tuple[float, float, float] = (0.6, 0.05, 0.01),
        model: Any = None,
    ) -> Challenge:
        """A training of one candidate and the best baseline, as of a day."""
        digest = f"training of {kind} {recipe} as of {day}"
        number = len(self.registry.versions) + 1
        ours = self.registry.add(version(number, kind, day, recipe, digest), model or fitted())
        base = version(number + 1, "count_84d", day, "base", digest)
        versions = {kind: ours, "count_84d": self.registry.add(base, fitted())}
        data = examples()
        promoted = kind if of[0] > 0.1 else "count_84d"
        trained = SimpleNamespace(versions=versions, promoted=promoted, table=scores(**{kind: of}))
        prepared = SimpleNamespace(
            now=pd.DataFrame({"risk": np.linspace(0, 8, UNITS)}),
            data=data,
            panel=SimpleNamespace(names=("risk",)),
            elections=[],
        )
        parts: Any = (
            self.pack,
            prepared,
            question_on(day),
            self.registry,
            trained,
            self.said.append,
        )
        return Challenge(*parts)


@pytest.fixture
def desk() -> Desk:
    return Desk(Memory(), load_pack(PACK))


def test_the_first_is_promoted_and_logged_with_who_and_why(desk: Desk) -> None:
    outcome = desk.challenge(date(2024, 1, 1)).decide(PROMOTE)
    assert desk.registry.alias == outcome.version.version == "1"
    (logged,) = desk.registry.log
    assert (logged.action, logged.by, logged.at) == ("promoted", "Awa", NOW)
    assert (logged.before, logged.after) == ("", "1")
    assert logged.reason.splitlines() == [
        "looked at it",
        "logistic beats every baseline; it is the first champion",
    ]


def test_the_same_recipe_on_newer_data_is_promoted(desk: Desk) -> None:
    desk.challenge(date(2024, 1, 1)).decide(RUN)
    outcome = desk.challenge(date(2024, 2, 1)).decide(RUN)
    assert outcome.decided.action == "promoted"
    assert (outcome.decided.before, outcome.decided.after) == ("1", "3")
    assert CHAMPION not in outcome.table.index


def test_another_recipe_meets_the_champions_fitted_again_in_its_folds(desk: Desk) -> None:
    desk.challenge(date(2024, 1, 1)).decide(RUN)
    outcome = desk.challenge(date(2024, 2, 1), "xgboost", "r2", (0.15, 0.15, 0.01)).decide(RUN)
    row = outcome.table.loc[CHAMPION]
    # A real fit on examples whose risk is seen in the feature.
    assert 0.1 < row["average_precision"] < 0.6
    assert outcome.decided.action == "refused"
    assert outcome.version.version == desk.registry.alias == "1"
    assert "xgboost has average precision 0.150, champion" in outcome.decided.reason
    better = desk.challenge(date(2024, 3, 1), "xgboost", "r2", (0.9, 0.01, 0.001)).decide(RUN)
    assert better.decided.action == "promoted"


def test_an_output_far_from_the_champions_is_refused_until_a_person_accepts_it(desk: Desk) -> None:
    desk.challenge(date(2024, 1, 1)).decide(RUN)
    far = desk.challenge(date(2024, 2, 1), model=fitted(shift=3.0))
    refused = far.decide(RUN)
    assert refused.decided.action == "refused"
    assert "present output" in refused.decided.reason
    accepted = far.decide(replace(PROMOTE, accept_shift=True))
    assert accepted.decided.action == "promoted"


def test_an_older_training_does_not_take_the_champion_back(desk: Desk) -> None:
    desk.challenge(date(2024, 2, 1)).decide(RUN)
    outcome = desk.challenge(date(2024, 1, 1)).decide(RUN)
    assert outcome.decided.action == "kept"
    assert desk.registry.alias == "1"
    # On its own day, planners see what it found.
    assert outcome.version.version == "3"
    assert "it is what is seen on that day" in outcome.decided.reason


def test_an_older_training_shows_nothing_that_fails_the_guards(desk: Desk) -> None:
    """Asked about a past day, a model that says the same of every unit is not seen there either."""
    desk.challenge(date(2024, 2, 1)).decide(RUN)
    outcome = desk.challenge(date(2024, 1, 1), model=fitted(shift=0.0)).decide(RUN)
    assert outcome.decided.action == "kept"
    assert outcome.version.kind == "count_84d"
    assert "every unit the same probability" in outcome.decided.reason


def test_the_log_says_why_there_was_no_champion_to_beat(desk: Desk) -> None:
    first = desk.challenge(date(2024, 1, 1)).trained.versions["logistic"]
    desk.registry.versions["1"] = replace(first, settings="of another question")
    desk.registry.alias = "1"
    outcome = desk.challenge(date(2024, 2, 1)).decide(RUN)
    assert outcome.decided.action == "promoted"
    assert "champion version 1 was trained for another question" in outcome.decided.reason


def test_a_run_follows_what_was_decided_about_its_training(desk: Desk) -> None:
    first = desk.challenge(date(2024, 1, 1))
    assert follow(first, RUN).version.version == "1"
    desk.challenge(date(2024, 2, 1)).decide(RUN)
    again = follow(first, RUN)
    assert again.version.version == "1"
    assert len(desk.registry.log) == 2


def test_rollback_is_followed_and_the_recipe_barred_until_a_person_brings_it_back(
    desk: Desk,
) -> None:
    desk.challenge(date(2024, 1, 1)).decide(RUN)
    second = desk.challenge(date(2024, 2, 1), "xgboost", "r2", (0.9, 0.01, 0.001))
    second.decide(RUN)
    registry: Any = desk.registry
    back = roll_back(registry, NAME, Actor("Awa", "rollback", NOW, "too high in Gao"))
    assert desk.registry.alias == back.after == "1"
    assert follow(second, RUN).version.version == "1"
    third = desk.challenge(date(2024, 3, 1), "xgboost", "r2", (0.9, 0.01, 0.001))
    refused = third.decide(RUN)
    assert refused.decided.action == "refused"
    assert "rolled back by Awa on 2025-01-15 (too high in Gao)" in refused.decided.reason
    assert third.decide(PROMOTE).decided.action == "promoted"
    fourth = desk.challenge(date(2024, 4, 1), "xgboost", "r2", (0.9, 0.01, 0.001))
    assert fourth.decide(RUN).decided.action == "promoted"


def test_rollback_goes_further_back_each_time_and_ends_with_a_reason(desk: Desk) -> None:
    for month in (1, 2, 3):
        challenge = desk.challenge(date(2024, month, 1))
        challenge.decide(PROMOTE)
        challenge.decide(PROMOTE)
    registry: Any = desk.registry
    actor = Actor("Awa", "rollback", NOW)
    assert [roll_back(registry, NAME, actor).after for _ in range(2)] == ["3", "1"]
    with pytest.raises(NotFoundError, match="before version 1"):
        roll_back(registry, NAME, actor)


def test_rollback_without_a_champion_is_said_so(desk: Desk) -> None:
    registry: Any = desk.registry
    with pytest.raises(NotFoundError, match="with a champion"):
        roll_back(registry, NAME, Actor("Awa", "rollback", NOW))


def test_a_champion_whose_features_are_gone_cannot_hold_its_place(desk: Desk) -> None:
    old = desk.challenge(date(2024, 1, 1), model=fitted(columns=("gone",)))
    desk.registry.promote(old.trained.versions["logistic"])
    outcome = desk.challenge(date(2024, 2, 1), "xgboost", "r2", (0.15, 0.15, 0.01)).decide(RUN)
    assert outcome.decided.action == "promoted"
    assert any("cannot score any more" in s for s in desk.said)
    assert "champion version 1 cannot score any more" in outcome.decided.reason


def test_a_champion_trained_for_another_question_is_no_rival(desk: Desk) -> None:
    old = desk.challenge(date(2024, 1, 1))
    old.decide(RUN)
    desk.registry.versions["1"] = replace(desk.registry.versions["1"], settings="another horizon")
    outcome = desk.challenge(date(2024, 2, 1), recipe="r2", of=(0.55, 0.06, 0.01)).decide(RUN)
    assert outcome.decided.action == "promoted"
    assert desk.registry.alias == outcome.version.version == "3"
    assert "champion version 1 was trained for another question" in desk.said
