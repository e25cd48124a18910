"""Which questions a backtest puts."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest

from features.errors import ConfigError, NotFoundError
from pipelines.backtest.origins import Protocol, origins, protocol_of
from pipelines.ingest import Ingested
from pipelines.pack import Evaluation, Pack


def put(pack: Pack, ingested: Ingested, words: str, leads: str, **options: object):  # type: ignore[no-untyped-def]
    return origins(pack, ingested.tables, "any", protocol_of(words, leads, **options))


def test_every_round_and_regular_windows_between_them(pack: Pack, ingested: Ingested) -> None:
    found, left = put(pack, ingested, "rounds,regular", "0,8")
    rounds = [o for o in found if o.kind == "round"]
    regular = [o for o in found if o.kind == "regular"]
    calendar = set(ingested.tables.elections["election_id"])
    assert {o.name for o in rounds} | {x.origin for x in left} == calendar
    assert {o.lead_weeks for o in regular} == {0, 8}
    first, last = rounds[0].question.window_start, rounds[-1].question.window_start
    assert all(first <= o.question.window_start <= last for o in regular)
    starts = sorted({o.question.window_start for o in regular})
    assert {b - a for a, b in itertools.pairwise(starts)} == {timedelta(weeks=8)}
    assert all("not known" in x.why or "two years" in x.why for x in left)


def test_leads_share_their_window(pack: Pack, ingested: Ingested) -> None:
    found, _ = put(pack, ingested, "XVG-2024-PRES-1", "0,4,12")
    assert [o.lead_weeks for o in found] == [0, 4, 12]
    assert len({(o.question.window_start, o.question.window_end) for o in found}) == 1
    for origin in found:
        eve = origin.question.window_start - timedelta(days=1)
        assert eve - origin.question.as_of == timedelta(weeks=origin.lead_weeks)
        assert origin.question.horizon.length_days == 42


def test_a_run_off_is_asked_about_once_it_is_known(pack: Pack, ingested: Ingested) -> None:
    found, left = put(pack, ingested, "XVG-2024-PRES-2", "0,4")
    (only,) = found
    known_on = ingested.tables.elections.set_index("election_id").loc["XVG-2024-PRES-2", "known_on"]
    assert only.question.as_of == known_on.date()
    assert "not known before" in left[0].why


def test_reference_protocol_is_one_short_command() -> None:
    got = protocol_of("rounds,regular", "0", first=date(2014, 1, 1), last=date(2019, 10, 31))
    assert got == Protocol(
        first=date(2014, 1, 1), last=date(2019, 10, 31), every_weeks=8, window_days=42, leads=(0,)
    )


def test_days_and_rounds_by_name(pack: Pack, ingested: Ingested) -> None:
    found, _ = put(pack, ingested, "2023-05-01, XVG-2024-PRES-1", "0", window_days=30)
    assert [(o.name, o.kind) for o in found] == [
        ("regular 2023-05-01", "regular"),
        ("XVG-2024-PRES-1", "round"),
    ]
    assert found[0].question.window_end == date(2023, 5, 31)


def test_what_cannot_be_put_is_refused_or_left_out(pack: Pack, ingested: Ingested) -> None:
    with pytest.raises(ConfigError, match="0,4,8,12"):
        protocol_of("rounds", "soon")
    with pytest.raises(NotFoundError, match="XVG-1999"):
        put(pack, ingested, "XVG-1999", "0")
    with pytest.raises(ConfigError, match="at least one origin"):
        put(pack, ingested, "2030-01-01,2018-02-01", "0")
    _, left = put(pack, ingested, "2030-01-01,2018-02-01,2023-05-01", "0")
    assert {x.origin for x in left} == {"regular 2030-01-01", "regular 2018-02-01"}
    assert any("not over" in x.why for x in left)


def test_meanings_of_k_are_what_the_pack_declares() -> None:
    reach = Evaluation(mediators=(404, 210), mediators_per_unit=(1, 2), reached=())
    assert reach.meanings() == {
        105: "210 mediators, 2 to a unit",
        202: "404 mediators, 2 to a unit",
        210: "210 mediators, 1 to a unit",
        404: "404 mediators, 1 to a unit",
    }
    assert Evaluation(reached=(50,)).meanings() == {50: "50 units"}
