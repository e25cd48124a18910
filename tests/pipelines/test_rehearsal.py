"""Every hand-over of a rehearsed election: nothing lost, nothing double, every state reached."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from features.errors import ConfigError
from pipelines import rehearsal
from pipelines.cli import app
from pipelines.rehearsal_field import GARBLED, SENDER, deliver, deliveries, garbled
from pipelines.rehearsal_field import landed as landed_id
from pipelines.rehearsal_play import Play, Scale
from pipelines.synthetic.country import simulate
from pipelines.synthetic.field import make_reports
from response.contracts import current
from store import nowcasts, reading, report_queue
from store.bulletins import write_registry
from store.database import connect, migrate, sessions
from store.deployment_schema import DeploymentApproval, DeploymentVersion
from store.deployments import approved_posts
from store.nowcast_schema import Nowcast, NowcastScore, RatioTable
from store.report_schema import ReportInbox
from store.reports import report_history
from store.schema import Audit, Bulletin
from store.selecting import Selection

FOREVER = pd.Timestamp("2100-01-01", tz="UTC")
SAME = ["unit_id", "kind", "sign", "severity", "place_kind", "people", "seen_at", "verification"]


def as_told(told: pd.DataFrame) -> pd.DataFrame:
    """What the field knows in the end, under the ids of the store."""
    final = current(told, FOREVER)
    ids = [landed_id(row) for row in final.to_dict("records")]  # type: ignore[arg-type]
    return final.assign(report_id=ids).set_index("report_id")[SAME].sort_index()


def as_kept(session: Session) -> pd.DataFrame:
    return current(report_history(session), FOREVER).set_index("report_id")[SAME].sort_index()


def test_reports_land_once_whatever_the_order_and_the_repeats(tmp_path: Path) -> None:
    country = simulate(seed=5, units=30, years=3)
    ids = country.land.unit_ids
    posts = pd.DataFrame({"unit_id": ids[:6], "mediators": 2})
    rng = np.random.default_rng(2)
    told = make_reports(rng, country, country.rounds[-1], posts)
    start = told["known_at"].min().to_pydatetime()
    waiting = [*deliveries(rng, told), *garbled(rng, start, told["known_at"].max())]
    waiting.sort(key=lambda post: post.at)
    engine = connect(f"sqlite:///{tmp_path / 'vigie.db'}")
    migrate(engine)
    units = pd.DataFrame(
        {
            "unit_id": ids,
            "name": country.land.names,
            "parent_id": [i[:6] for i in ids],
            "parent_name": country.land.parent_names,
            "region_id": [i[:4] for i in ids],
            "region_name": country.land.region_names,
            "iso3": "XVG",
            "lon": 0.0,
            "lat": 0.0,
            "area_km2": 1.0,
        }
    )
    outlines = pd.DataFrame({"unit_id": [], "geometry_wkb": []})
    with sessions(engine).begin() as session:
        write_registry(
            session,
            registry=units,
            polygons=outlines,
            country="Vigilia",
            synthetic=True,
            created_at=start,
        )
        became = Counter(deliver(session, post) for post in waiting)
        pd.testing.assert_frame_equal(as_kept(session), as_told(told), check_dtype=False)
    engine.dispose()
    reports = told["report_id"].nunique()
    assert became["landed"] == reports
    assert became["queued"] == GARBLED
    assert min(became[state] for state in ("duplicate", "edited", "verified", "withdrawn")) > 0
    assert became["superseded"] == 0 or became["superseded"] < became["duplicate"]
    assert sum(became.values()) == len(waiting)


def test_only_what_is_known_can_be_rehearsed(tmp_path: Path) -> None:
    for arguments in (["--config", "mali"], ["--folder", str(tmp_path)]):
        found = CliRunner().invoke(app, ["rehearse", *arguments])
        assert isinstance(found.exception, ConfigError)


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Play:
    folder = tmp_path_factory.mktemp("rehearsal")
    scale = Scale(units=40, years=4, mediators=(24, 12))
    return rehearsal.rehearse(folder, scale, lambda _said: None)


@pytest.mark.slow
def test_a_whole_election(play: Play) -> None:
    with sessions(play.engine)() as session:
        _bulletins_and_plans(play, session)
        _reports(play, session)
        _nowcasts(play, session)
        _ratios(play, session)
    play.engine.dispose()
    moments = [step.at for step in play.log]
    assert moments == sorted(moments), "everything happens in the order of simulated time"
    stages = Counter(step.stage for step in play.log)
    assert stages["bulletin"] == stages["posting"] == stages["ratios"] == 2
    assert stages["deployment"] == stages["second-round plan"] == stages["field reports"] == 1


def _bulletins_and_plans(play: Play, session: Session) -> None:
    assert session.scalar(select(func.count()).select_from(Bulletin)) == 2
    for which, held in enumerate(play.rounds):
        bulletin = reading.bulletin(session, play.bulletins[which])
        assert bulletin.election_id == held.election_id
        assert bulletin.as_of == play.day(play.start(which) - 1)
        posts = approved_posts(session, held.election_id)
        assert posts["mediators"].sum() == play.scale.mediators[which]
        assert set(play.told[which]["unit_id"]) <= set(posts["unit_id"])
    plans = session.scalars(select(DeploymentVersion)).all()
    assert len(plans) == session.scalar(select(func.count()).select_from(DeploymentApproval)) == 2
    assert {plan.deployment_id for plan in plans} == set(play.plans)
    second = next(plan for plan in plans if plan.deployment_id == play.plans[1])
    assert second.follows_version == 1


def _reports(play: Play, session: Session) -> None:
    told = pd.concat(play.told, ignore_index=True)
    pd.testing.assert_frame_equal(as_kept(session), as_told(told), check_dtype=False)
    assert not play.waiting
    assert play.became["landed"] == told["report_id"].nunique()
    assert sum(play.became.values()) == sum(play.sent.values())
    assert play.became["verified"] == play.sent["checked"]
    inbox = session.scalar(select(func.count()).select_from(ReportInbox))
    assert inbox == play.sent["sent"], "each submission is in the inbox once, whatever it became"
    waiting = report_queue.waiting(session, ())
    assert len(waiting) == 2 * GARBLED == play.became["queued"]
    assert {item.sender for item in waiting} == {SENDER}


def _nowcasts(play: Play, session: Session) -> None:
    made = [nowcast_id for of_round in play.nowcasts for nowcast_id in of_round]
    assert len(set(made)) == len(made)
    assert session.scalar(select(func.count()).select_from(Nowcast)) == len(made)
    history = report_history(session)
    units = play.country.land.units
    assert session.scalar(select(func.count()).select_from(NowcastScore)) == units * len(made)
    watched = set()
    for which, of_round in enumerate(play.nowcasts):
        for nowcast_id in of_round:
            found = nowcasts.nowcast(session, nowcast_id)
            first = pd.Timestamp(play.at(play.start(which), 0)) - nowcasts.LOOKBACK
            by_then = history["known_at"].between(first, pd.Timestamp(found.moment))
            known = history.loc[by_then, "report_id"].nunique()
            assert found.reports == known, "all that had arrived by then, and nothing later"
            assert found.bulletin_id == play.bulletins[which]
            rows = nowcasts.score_rows(session, found, Selection(), limit=units)
            watched |= {row["watch"] for row in rows}
    assert watched == {"watched", "silent", "unposted"}
    done = select(func.count()).select_from(Audit).where(Audit.action == nowcasts.MADE)
    assert session.scalar(done) == len(made)


def _ratios(play: Play, session: Session) -> None:
    first, second = (session.get_one(RatioTable, ratios_id) for ratios_id in play.ratios)
    assert [t.learned_from for t in (first, second)] == [r.election_id for r in play.rounds]
    assert second.previous_id == first.ratios_id
    declared = session.get_one(RatioTable, first.previous_id)
    assert declared.learned_from is None

    def counted(table: RatioTable) -> float:
        return float(sum(row["watched_if"] + row["watched_none"] for row in table.rows))

    assert 0 == counted(declared) < counted(first) < counted(second)
