"""Which round, as of which day, over which window."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from features.contracts import empty
from features.errors import ConfigError, NotFoundError
from features.horizon import Horizon
from features.tables import Tables
from features.vocabulary import ElectionType, Language
from pipelines.pack import Pack, load_pack
from pipelines.question import ask, context_as_of, day_grid, learned_from, settle_days, variables

SYNTHETIC = Path(__file__).parents[2] / "pipelines/configs/synthetic.toml"


def calendar() -> pd.DataFrame:
    rows = pd.DataFrame(
        {
            "election_id": ["A-1", "A-2"],
            "iso3": "XVG",
            "election_type": "presidential",
            "round": [1, 2],
            "polling_date": pd.to_datetime(["2018-07-29", "2018-08-12"]),
            "campaign_start": pd.NaT,
            "campaign_end": pd.NaT,
            "known_on": pd.to_datetime(["2017-07-29", "2018-08-03"]),
            "note": None,
        }
    )
    return rows.astype(empty("elections").dtypes.to_dict())


def test_window_is_six_weeks_around_polling_day_and_as_of_its_eve() -> None:
    question = ask(load_pack(SYNTHETIC), calendar(), "A-1", None, "any")
    assert question.as_of == date(2018, 7, 1)
    assert (question.window_start, question.window_end) == (date(2018, 7, 2), date(2018, 8, 12))
    assert question.horizon == Horizon(0, 42)


def test_an_earlier_day_gives_a_lead_and_a_later_one_what_is_left() -> None:
    pack = load_pack(SYNTHETIC)
    assert ask(pack, calendar(), "A-1", date(2018, 6, 3), "any").horizon == Horizon(28, 42)
    late = ask(pack, calendar(), "A-1", date(2018, 7, 31), "any")
    assert late.window_start == date(2018, 8, 1)
    assert late.horizon == Horizon(0, 12)


def test_refusals_say_what_was_expected() -> None:
    pack = load_pack(SYNTHETIC)
    with pytest.raises(ConfigError, match="before 2018-08-12"):
        ask(pack, calendar(), "A-1", date(2018, 8, 12), "any")
    with pytest.raises(ConfigError, match="not known before 2018-08-03"):
        ask(pack, calendar(), "A-2", date(2018, 7, 31), "any")
    with pytest.raises(NotFoundError, match="A-1, A-2"):
        ask(pack, calendar(), "B-1", None, "any")
    with pytest.raises(ConfigError, match="any, lethal"):
        ask(pack, calendar(), "A-1", None, "weather")


def test_a_round_of_a_type_without_a_window_stands_in_nobodys_way() -> None:
    pack = load_pack(SYNTHETIC)
    odd = calendar()
    odd.loc[1, "election_type"] = "referendum"
    assert ask(pack, odd, "A-1", None, "any").as_of == date(2018, 7, 1)
    with pytest.raises(NotFoundError, match="windows"):
        ask(pack, odd, "A-2", None, "any")


def test_grid_ends_on_as_of_and_starts_in_the_training_period() -> None:
    pack = load_pack(SYNTHETIC)
    days = day_grid(pack, date(2024, 9, 22))
    assert set(days[1:] - days[:-1]) == {14}
    stamps = days.astype("datetime64[D]")
    assert str(stamps[-1]) == "2024-09-22"
    assert stamps[0] >= pd.Timestamp(pack.training.start).to_numpy()
    with pytest.raises(ConfigError, match=r"training\.start"):
        day_grid(pack, date(2001, 1, 1))


def test_pack_facts() -> None:
    pack = load_pack(SYNTHETIC)
    assert settle_days(pack) == 30
    assert variables(pack) == ("share_urban",)


def test_pack_tells_of_mediators_who_were_sent_out() -> None:
    pack = load_pack(SYNTHETIC.with_name("mali.toml"))
    sent = pack.deployments
    assert {e: one.mediators for e, one in sent.items()} == {
        "MLI-2018-PRES-1": 404,
        "MLI-2018-PRES-2": 210,
    }
    assert sent["MLI-2018-PRES-1"].regions == ("ML05", "ML04", "ML07", "ML03", "ML09")
    assert set(sent["MLI-2018-PRES-1"].source) == set(Language)


def test_pack_refuses_an_unknown_key_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "pack.toml"
    text = SYNTHETIC.read_text(encoding="utf-8")
    file.write_text(text.replace("[training]", "[training]\nsteps = 3"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"training\.steps"):
        load_pack(file)
    file.write_text(text.replace("[training]", '[training]\nfeatures = ["tea"]'), encoding="utf-8")
    with pytest.raises(ConfigError, match="got tea"):
        load_pack(file)
    with pytest.raises(ConfigError, match="no such file"):
        load_pack(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("end_days = 14", "end_days = -90", "end_days on or after start_days"),
        ('name = "lethal"', 'name = "any"', "each name once"),
        ('name = "lethal"', 'name = "a b/c"', "targets"),
        ("step_days = 14", 'step_days = 14\ncandidates = ["oracle"]', "oracle"),
    ],
)
def test_pack_refuses_what_would_fail_later(tmp_path: Path, old: str, new: str, says: str) -> None:
    file = tmp_path / "pack.toml"
    text = SYNTHETIC.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=says):
        load_pack(file)


def by_rounds(tmp_path: Path) -> tuple[Pack, Tables]:
    """A pack of two countries whose target learns from rounds; two units, three rounds."""
    text = SYNTHETIC.read_text(encoding="utf-8")
    text = text.replace('name = "any"', 'name = "any"\ngrid = "rounds"')
    text = text.replace('iso3 = "XVG"\n', "")
    text = text.replace("[windows", '[countries]\nXVG = "Vigilia"\nXVH = "Hora"\n\n[windows', 1)
    file = tmp_path / "pack.toml"
    file.write_text(text.replace("start = 2018-01-01", "start = 2010-01-01"), encoding="utf-8")
    rounds = calendar()
    abroad = rounds.iloc[:1].assign(
        election_id="B-1",
        iso3="XVH",
        polling_date=pd.Timestamp("2016-03-06"),
        known_on=pd.Timestamp("2015-03-06"),
    )
    units = empty("units").reindex([0, 1])
    for column, values in {
        "unit_id": ["G1", "H1"],
        "iso3": ["XVG", "XVH"],
        "lon": [0.0, 1.0],
        "lat": [10.0, 10.0],
    }.items():
        units[column] = pd.Series(values, dtype=units[column].dtype)
    elections = pd.concat([rounds, abroad.astype(rounds.dtypes.to_dict())], ignore_index=True)
    rest = {n: empty(n) for n in ("incidents", "campaign_events", "demographics")}
    return load_pack(file), Tables(units=units, elections=elections, **rest)


def test_a_target_by_rounds_learns_from_the_country_that_votes_alone(tmp_path: Path) -> None:
    pack, tables = by_rounds(tmp_path)
    question = ask(pack, tables.elections, "A-1", None, "any")
    context = context_as_of(pack, tables, question)
    # As long before its polling day as 1 July is before 29 July; the run-off is not known yet.
    assert [str(d) for d in context.days.astype("datetime64[D]")] == ["2016-02-07", "2018-07-01"]
    assert learned_from(pack, context, question).tolist() == [[False, True], [True, False]]
    assert question.voting(tables.units).tolist() == [True, False]


def test_features_of_past_elections_look_at_the_windows_that_the_pack_declares(
    tmp_path: Path,
) -> None:
    _, tables = by_rounds(tmp_path)
    for name, window in {"synthetic": (-27, 14), "west_africa": (-60, 30)}.items():
        pack = load_pack(SYNTHETIC.with_name(f"{name}.toml"))
        seen = context_as_of(pack, tables, ask(pack, tables.elections, "A-1", None, "any"))
        assert seen.windows[ElectionType.PRESIDENTIAL] == window
        assert ElectionType.OTHER not in seen.windows


def test_a_target_by_rounds_wants_a_round(tmp_path: Path) -> None:
    pack, tables = by_rounds(tmp_path)
    question = replace(ask(pack, tables.elections, "A-1", None, "any"), election_id="regular")
    with pytest.raises(ConfigError, match="about a round"):
        context_as_of(pack, tables, question)


def test_a_pack_is_of_one_country_or_names_several(tmp_path: Path) -> None:
    assert set(by_rounds(tmp_path)[0].country_names) == {"XVG", "XVH"}
    assert load_pack(SYNTHETIC).country_names == {"XVG": "Vigilia"}
    file = tmp_path / "none.toml"
    file.write_text(SYNTHETIC.read_text(encoding="utf-8").replace('iso3 = "XVG"\n', ""))
    with pytest.raises(ConfigError, match="either iso3"):
        load_pack(file)
