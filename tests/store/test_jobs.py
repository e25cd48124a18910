"""The queue: pages of jobs that were asked for at the same moment."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

from store import jobs as queue
from store.jobs import Ask, Jobs


@pytest.mark.parametrize("at_once", [1, 20])
def test_every_job_is_on_one_page_though_many_share_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    jobs = Jobs(f"sqlite:///{tmp_path / 'vigie.db'}")
    asked = [
        Ask(election_id="E", as_of=date(2024, 8, day), asked_on=date(2024, 9, 1))
        for day in range(1, 12)
    ]
    made = {jobs.ask(one, "me").job_id for one in asked}
    jobs.ask(asked[0], "somebody else")
    monkeypatch.setattr(queue, "MOST_UNFINISHED", at_once)
    found: list[str] = []
    after: tuple[datetime, str] | None = None
    while page := jobs.of("me", limit=3, after=after):
        found += [job.job_id for job in page]
        after = page[-1].created_at, page[-1].job_id
    jobs.close()
    assert len(found) == len(made)
    assert set(found) == made
