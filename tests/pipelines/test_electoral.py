"""The electoral rule, on rows written by hand, and through the lake."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from features.contracts import require
from features.errors import ConfigError
from features.vocabulary import EventType
from pipelines.electoral import electoral
from pipelines.ingest import Ingested, ingest
from pipelines.pack import ElectoralRule, load_pack
from store.lake import Lake

RULE = ElectoralRule(
    event_types=(EventType.STRATEGIC_DEVELOPMENT, EventType.RIOT),
    except_sub_event_types=("Agreement",),
    words={
        "en": ("election*", "voter*", "polling", "candidate*"),
        "fr": ("élection*", "bureaux de vote", "urne", "urnes"),
    },
    except_words=("exam candidate*",),
    days_before=60,
    days_after=30,
)
POLLING, ANNOUNCED = "2018-07-29", "2018-01-10"
SAYS = {
    "Gunmen burned the polling station.": True,
    "Election materials were seized": True,
    "Une foule a brûlé les BUREAUX DE VOTE du village": True,
    "Les elections ont été empêchées": True,
    "L’urne a été emportée": True,
    "The town was cut off from electricity": False,
    "Pollingen was looted": False,
    "A convoy of exam candidates was hit": False,
    "Exam candidates and election workers were robbed": True,
    "A bureau was looted": False,
    "": False,
}


def calendar(polling: str = POLLING, known_on: str = ANNOUNCED, iso3: str = "MLI") -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "election_id": ["E"],
            "iso3": [iso3],
            "election_type": ["presidential"],
            "round": [1],
            "polling_date": [polling],
            "campaign_start": [None],
            "campaign_end": [None],
            "known_on": [known_on],
            "note": pd.Series([None], dtype="str"),
        }
    )
    days = ["polling_date", "campaign_start", "campaign_end", "known_on"]
    for day in days:
        table[day] = pd.to_datetime(table[day]).astype("datetime64[us]")
    return require(table, "elections")


def incident(
    day: str = POLLING, kind: str = "riot", sub: str | None = None, lag_days: int = 14
) -> pd.DataFrame:
    event = pd.Timestamp(day)
    return pd.DataFrame(
        {
            "incident_id": ["I"],
            "event_date": [event],
            "known_on": [event + pd.Timedelta(days=lag_days)],
            "unit_id": ["ML990101"],
            "event_type": [kind],
            "sub_event_type": pd.Series([sub], dtype="str"),
        }
    )


def flagged(
    incidents: pd.DataFrame,
    units: pd.DataFrame,
    note: str = "election",
    rounds: pd.DataFrame | None = None,
) -> bool:
    notes = pd.Series({"I": note}, dtype=str)
    rounds = calendar() if rounds is None else rounds
    return bool(electoral(incidents, notes, rounds, units, RULE)[0])


@pytest.mark.parametrize(("note", "expected"), SAYS.items())
def test_words_in_two_languages(units: pd.DataFrame, note: str, expected: bool) -> None:
    assert flagged(incident(), units, note) is expected


@pytest.mark.parametrize(
    ("kind", "sub", "expected"),
    [
        ("riot", None, True),
        ("strategic_development", "Looting/property destruction", True),
        ("strategic_development", "Agreement", False),
        ("battle", None, False),
    ],
)
def test_types_and_sub_types(
    units: pd.DataFrame, kind: str, sub: str | None, expected: bool
) -> None:
    assert flagged(incident(kind=kind, sub=sub), units) is expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [("2018-05-29", False), ("2018-05-30", True), ("2018-08-28", True), ("2018-08-29", False)],
)
def test_days_around_polling_day_both_ends_included(
    units: pd.DataFrame, day: str, expected: bool
) -> None:
    assert flagged(incident(day), units) is expected


def test_a_round_of_another_country_does_not_count(units: pd.DataFrame) -> None:
    assert flagged(incident(), units, rounds=calendar(iso3="BFA")) is False


@pytest.mark.parametrize(("announced", "expected"), [("2018-07-15", True), ("2018-07-16", False)])
def test_a_round_called_after_the_incident_became_known_does_not_count(
    units: pd.DataFrame, announced: str, expected: bool
) -> None:
    known_on_15_july = incident("2018-07-01")
    assert flagged(known_on_15_july, units, rounds=calendar(known_on=announced)) is expected


def test_an_incident_without_notes_is_not_electoral(units: pd.DataFrame) -> None:
    none = pd.Series(dtype=str)
    assert not electoral(incident(), none, calendar(), units, RULE).any()


PACK = """
name = "kebaland"
iso3 = "MLI"
country = "Kebaland"

[sources.told]
kind = "incidents"
path = "incidents.csv"
licence = "CC0"
retrieved = 2026-01-01
event_types = {{ fight = "battle", other = "strategic_development" }}

[sources.told.columns]
incident_id = "id"
event_date = "day"
event_type = "type"
unit_id = "place"
notes = "notes"
electoral = "said"

[sources.outlines]
kind = "cod_ab_polygons"
path = "units.geojson"
licence = "CC0"
retrieved = 2026-01-01

[sources.calendar]
kind = "elections"
path = "elections.csv"
licence = "CC0"
retrieved = 2026-01-01

[windows.presidential]
start_days = -27
end_days = 14

[[targets]]
name = "any"

[training]
start = 2010-01-01
{rule}
"""
RULE_TOML = """
[electoral]
days_before = 60
words = { fr = ["urne", "urnes"] }
"""
INCIDENTS = """id,day,type,place,notes,said
a,2018-07-29,other,ML990101,Des hommes ont brûlé les urnes,0
b,2018-07-29,other,ML990101,Des hommes ont brûlé un camion,0
c,2018-07-29,fight,ML990102,,1
d,2018-07-29,fight,ML990102,Attaque ; les urnes sont perdues,oui
e,2015-07-29,other,ML990101,Des urnes ont été retrouvées,0
"""
ROUNDS = """election_id,iso3,type,round,polling_date,campaign_start,campaign_end,announced_on,note
K-1,MLI,presidential,1,2018-07-29,,,,
K-2,MLI,presidential,2,2018-08-12,,,2018-08-03,
"""


@pytest.fixture
def read(tmp_path: Path, geojson: str) -> Callable[..., Ingested]:
    """Ingest the country, with the rule and calendar given."""

    def ingested(rule: str = RULE_TOML, rounds: str = ROUNDS) -> Ingested:
        for name, text in {
            "units.geojson": geojson,
            "incidents.csv": INCIDENTS,
            "elections.csv": rounds,
            "country.toml": PACK.format(rule=rule),
        }.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        pack = load_pack(tmp_path / "country.toml")
        return ingest(pack, Lake(tmp_path / "lake"), now=datetime(2026, 1, 2, tzinfo=UTC))

    return ingested


def test_ingest_flags_counts_and_keeps_no_notes(read: Callable[..., Ingested]) -> None:
    found = read()
    incidents = found.tables.incidents.set_index("incident_id")
    assert incidents["electoral"].to_dict() == {
        "a": True,
        "b": False,
        "c": True,
        "d": True,
        "e": False,
    }
    assert found.manifests["told"].electoral == {"by source": 2, "by rule": 1}
    assert "notes" not in incidents.columns


def test_without_a_rule_only_the_source_speaks(read: Callable[..., Ingested]) -> None:
    found = read(rule="")
    assert found.manifests["told"].electoral == {"by source": 2, "by rule": 0}
    assert found.tables.incidents["electoral"].sum() == 2


def test_another_calendar_is_another_snapshot(read: Callable[..., Ingested]) -> None:
    first, second = read(), read(rounds=ROUNDS.replace("2018-07-29", "2020-07-29"))
    ids = [found.manifests["told"].snapshot_id for found in (first, second)]
    assert ids[0] != ids[1]
    # The run-off alone is near, and was called before the incidents became known.
    assert second.manifests["told"].electoral["by rule"] == 1
    assert read().manifests["told"].snapshot_id == ids[0]


def test_a_rule_without_words_is_refused(read: Callable[..., Ingested]) -> None:
    with pytest.raises(ConfigError, match=r"electoral\.words"):
        read(rule="[electoral]\nwords = { fr = [] }\n")
