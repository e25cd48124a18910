"""The panel: every feature against its slow twin, and the as-of law."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features import incidents
from features.context import Context
from features.days import day_number, timestamps
from features.errors import ConfigError, ContractError
from features.horizon import Horizon, TargetClass
from features.kernels import Rows, windowed
from features.panel import build_panel, registered, unknown_names
from features.registry import FEATURES, Feature
from features.tables import Tables, known
from features.vocabulary import POLITICAL_VIOLENCE, ElectionType, EventType, Language
from features.wording import plainly

_spec = importlib.util.spec_from_file_location("oracle", Path(__file__).with_name("oracle.py"))
assert _spec
assert _spec.loader
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
Oracle = _module.Oracle

TARGET = TargetClass("any", POLITICAL_VIOLENCE)
HORIZON = Horizon(5, 30)
DAYS = np.arange(day_number("2016-02-20"), day_number("2018-02-20"), 13)
WINDOWS = {ElectionType.PRESIDENTIAL: (-60, 30), ElectionType.MUNICIPAL: (-7, 3)}


def context(tables: Tables, days: np.ndarray = DAYS) -> Context:
    return Context(tables, days, TARGET, HORIZON, ("drought",), WINDOWS)


def test_every_feature_equals_its_naive_loop(tables: Tables) -> None:
    panel = build_panel(context(tables))
    oracle = Oracle(tables, HORIZON.lead_days, HORIZON.length_days, WINDOWS)
    stamps = timestamps(DAYS)
    rng = np.random.default_rng(1)
    cells = [
        (int(d), int(u))
        for d, u in zip(rng.integers(0, len(DAYS), 6), rng.integers(0, 24, 6), strict=True)
    ]
    for position, name in enumerate(panel.names):
        values = panel.values[position]
        # The largest value too: an oracle that says 0 everywhere would prove nothing.
        largest = np.unravel_index(np.nanargmax(values), values.shape)
        assert values[largest] > 0
        for d, u in [*cells, largest]:
            expected = oracle.value(name, panel.unit_ids[u], stamps[d])
            np.testing.assert_allclose(
                values[d, u], expected, rtol=2e-5, atol=1e-5, err_msg=f"{name} {stamps[d]} unit {u}"
            )


def test_the_registry_has_fifty_features_and_each_says_what_it_is() -> None:
    assert len(FEATURES) >= 50
    for feature in registered():
        assert feature.name
        assert feature.family
        assert feature.unit
        assert feature.source
        assert all(len(plainly(said)) > 8 for said in feature.says.values())


@pytest.mark.parametrize(
    ("target", "english", "french"),
    [
        (TargetClass("lethal", POLITICAL_VIOLENCE, 1), "deadly incident", "incident meurtrier"),
        (
            TargetClass("vote", POLITICAL_VIOLENCE, 0, electoral_only=True),
            "election-linked incident",
            "incident lié à un scrutin",
        ),
        (
            TargetClass("riots", (EventType.RIOT,)),
            "incident of the target",
            "incident de la cible",
        ),
        (
            TargetClass("massacres", POLITICAL_VIOLENCE, 3),
            "incident of the target",
            "incident de la cible",
        ),
    ],
    ids=["lethal", "electoral", "one type", "many deaths"],
)
def test_what_a_feature_counts_is_what_its_words_say(
    tables: Tables, target: TargetClass, english: str, french: str
) -> None:
    """A planner who reads "no violent incident" must not learn that only deadly ones count."""
    usual = build_panel(context(tables))
    other = build_panel(replace(context(tables), target=target))
    for position, (before, after) in enumerate(zip(usual.features, other.features, strict=True)):
        same = np.array_equal(usual.values[position], other.values[position], equal_nan=True)
        assert same == (before.says == after.says), after.name
    says = {f.name: f.says for f in other.features}["target_days_since"]
    assert says[Language.EN].exactly[3650.0] == (f"no {english} known here in the last ten years")
    assert says[Language.FR].text == f"jour[s] depuis le dernier {french} ici"
    for feature in other.features:
        assert "violent" not in feature.says[Language.EN].text
        assert "violent" not in feature.says[Language.FR].text


def test_the_order_of_features_does_not_depend_on_what_was_imported_first() -> None:
    first = "import features.campaign, features.elections; "
    show = "from features.panel import registered; print([f.name for f in registered()])"
    printed = {
        subprocess.run(
            [sys.executable, "-c", before + show], capture_output=True, text=True, check=True
        ).stdout
        for before in ("", first)
    }
    assert len(printed) == 1


def mutated(tables: Tables, as_of: pd.Timestamp, seed: int) -> Tables:
    """Rows known after `as_of` deleted, changed and added."""
    rng = np.random.default_rng(seed)
    changed = {}
    for name in ("incidents", "elections", "campaign_events", "demographics"):
        table = getattr(tables, name)
        future = table["known_on"] > as_of
        key = table.columns[0]
        late = table.loc[future].copy()
        if name == "incidents":
            late["unit_id"] = rng.permutation(late["unit_id"].to_numpy())
            late["fatalities"] = late["fatalities"] + 50
        if name == "elections":
            late["polling_date"] = late["polling_date"] + pd.Timedelta(days=3)
        if name == "campaign_events":
            late["party"] = "purple"
        if name == "demographics":
            late["value"] = late["value"] * 7
        extra = (
            late.assign(**{key: late[key] + "-new"}) if name != "demographics" else late.iloc[:0]
        )
        changed[name] = pd.concat([table.loc[~future], late.iloc[::2], extra], ignore_index=True)
    return replace(tables, **changed)


@pytest.mark.parametrize("as_of", ["2016-08-01", "2016-12-13", "2017-05-04", "2017-12-01"])
def test_as_of_law_bit_for_bit(tables: Tables, as_of: str) -> None:
    day = pd.Timestamp(as_of)
    days = np.arange(day_number(as_of), DAYS[0], -14)[::-1].copy()
    whole = build_panel(context(tables, days)).values.tobytes()
    assert build_panel(context(known(tables, day), days)).values.tobytes() == whole
    assert build_panel(context(mutated(tables, day, 5), days)).values.tobytes() == whole


def leaky(context: Context) -> np.ndarray:
    """Counts by event day and forgets `known_on`: the commonest leak there is."""
    rows = context.targets
    blind = Rows(rows.unit, rows.event, rows.event, rows.weight)
    return windowed(blind, context.days, context.n_units, 84)


def test_a_planted_leak_is_caught(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    leak = Feature("leak", incidents.FAMILY, "incidents", "incidents", {}, leaky)
    monkeypatch.setitem(FEATURES, "leak", leak)
    with pytest.raises(AssertionError):
        test_as_of_law_bit_for_bit(tables, "2016-12-13")


def test_rows_are_a_view_in_the_order_of_the_index(tables: Tables) -> None:
    panel = build_panel(context(tables))
    rows, index = panel.rows(), panel.index()
    assert np.shares_memory(rows.to_numpy(), panel.values)
    at = len(panel.unit_ids) * 7 + 3
    assert index.loc[at, "unit_id"] == panel.unit_ids[3]
    assert index.loc[at, "as_of"] == timestamps(DAYS)[7]
    assert rows.loc[at, "target_so_far"] == panel.values[panel.names.index("target_so_far"), 7, 3]


def test_unknown_feature_is_refused_by_name(tables: Tables) -> None:
    with pytest.raises(ConfigError, match="ethnicity"):
        build_panel(context(tables), ("target_count_84d", "ethnicity"))
    assert unknown_names(["target_count_84d", "area_drought", "ethnicity"]) == ["ethnicity"]


def test_incident_outside_the_registry_is_refused(tables: Tables) -> None:
    stray = tables.incidents.assign(unit_id="XT999999")
    with pytest.raises(ContractError, match="XT999999"):
        build_panel(context(replace(tables, incidents=stray)))
