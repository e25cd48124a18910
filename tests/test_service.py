"""Service, worker, schedules and backup together, as real processes in one home."""

from __future__ import annotations

import gzip
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi.testclient import TestClient
from playwright.sync_api import expect, sync_playwright

from pipelines.synthetic import make_country
from serve.app import create_app
from serve.settings import Settings as ServerSettings
from store import tokens
from store.database import connect, migrate, sessions
from store.jobs import STEPS, Ask, Job, Jobs, State
from store.reading import bulletins
from store.worker_lock import WorkerLock

ROUND = "XVG-2024-PRES-1"
EVE = date(2024, 9, 22)
TODAY = date(2025, 1, 15)
WORDS = ("reading the sources", "building the panel", "looking for a model", "scoring every unit")
CHROMIUM = Path(os.environ.get("VIGIE_TEST_CHROMIUM", "/usr/bin/chromium"))
NURSERY = Path(__file__).parent / "kit" / "nursery.py"


@dataclass
class Home:
    """A home of its own with a small synthetic country."""

    folder: Path
    packs: Path

    @property
    def database(self) -> str:
        return f"sqlite:///{self.folder / 'vigie.db'}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith("VIGIE_")},
            "VIGIE_HOME": str(self.folder),
            "VIGIE_TRACKING_URI": f"sqlite:///{self.folder / 'mlflow.db'}",
            "VIGIE_ARTIFACTS": str(self.folder / "artifacts"),
            "VIGIE_PACKS": str(self.packs),
            "VIGIE_REFRESH_CRON": "",
            "VIGIE_RETRAIN_CRON": "",
            "VIGIE_ALERTS_CRON": "",
        }

    def vigie(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pipelines.cli", *arguments],
            env=self.environment | more,
            capture_output=True,
            text=True,
            check=False,
        )


@dataclass
class Nursery:
    """The process that forks workers."""

    process: subprocess.Popen[str]
    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def worker(self, words: str = "") -> tuple[int, Path]:
        """A new worker, and the file that appears when it halts after `words`."""
        assert self.process.stdin is not None
        mark = self.folder / f"mark-{words.replace(' ', '-')}"
        self.process.stdin.write(f"{words}\t{mark}\t{self.log}\n")
        self.process.stdin.flush()
        return int(self._read()), mark

    def end(self, pid: int, how: signal.Signals) -> int:
        """End a worker; its exit status, negative for the signal that killed it."""
        os.kill(pid, how)
        return int(self._read())

    def _read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()


def until(happened: Callable[[], object], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tracking_file: Path) -> Home:
    packs = tmp_path_factory.mktemp("packs")
    pack = make_country(packs, seed=3, units=40, years=5)
    text = pack.read_text(encoding="utf-8")
    quick = 'step_days = 56\ncandidates = ["logistic"]\nmin_positives = 10'
    assert "step_days = 14" in text
    pack.write_text(text.replace("step_days = 14", quick), encoding="utf-8")
    folder = tmp_path_factory.mktemp("home")
    shutil.copy(tracking_file, folder)
    return Home(folder, packs)


@pytest.fixture(scope="module")
def nursery(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    process = subprocess.Popen(
        [sys.executable, str(NURSERY)],
        env=home.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    yield Nursery(process, tmp_path_factory.mktemp("nursery"))
    process.stdin.close()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:  # a failed test left a worker behind
        process.kill()


@pytest.fixture(scope="module")
def jobs(home: Home) -> Iterator[Jobs]:
    opened = Jobs(home.database)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def once(home: Home, nursery: Nursery, jobs: Jobs) -> Job:
    """A forecast whose worker was killed at the end of every step, before it was written down."""
    job = jobs.ask(Ask(election_id=ROUND, asked_on=TODAY), "planner")
    for words in WORDS:
        pid, mark = nursery.worker(words)
        until(mark.exists)
        assert jobs.job(job.job_id, "planner").state in (State.RUNNING, State.WAITING)
        assert nursery.end(pid, signal.SIGKILL) == -signal.SIGKILL
    pid, _ = nursery.worker()
    until(lambda: jobs.job(job.job_id, "planner").finished_at)
    assert nursery.end(pid, signal.SIGTERM) == 0
    return jobs.job(job.job_id, "planner")


@pytest.fixture
def worker(nursery: Nursery, once: Job) -> Iterator[int]:
    """A worker that runs during one test, in a home that has a champion."""
    pid, _ = nursery.worker()
    yield pid
    nursery.end(pid, signal.SIGTERM)


@pytest.fixture(scope="module")
def secret(home: Home) -> str:
    engine = connect(home.database)
    migrate(engine)
    with sessions(engine).begin() as session:
        return tokens.create(session, label="tests", now=datetime.now(UTC))[1]


@pytest.fixture(scope="module")
def url(home: Home) -> Iterator[str]:
    """A real server over the home."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = ServerSettings(
        home=home.folder, stale_after_days=1_000_000, rate_limit="1000000/minute"
    )
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings), port=port, log_level="warning", ws="none")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(30)


@pytest.fixture
def api(url: str, secret: str) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {secret}"}
    with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        yield client


def ended(api: httpx.Client, asked: httpx.Response) -> dict[str, Any]:
    assert asked.status_code == 202, asked.text
    address = asked.headers["Location"]
    until(lambda: api.get(address).json()["finished_at"])
    got: dict[str, Any] = api.get(address).json()
    return got


def test_killed_in_every_step_it_still_finishes_once(
    home: Home, nursery: Nursery, once: Job
) -> None:
    assert once.state is State.DONE, once.fault
    assert once.steps_done == STEPS
    # Each step twice: cut short once, then finished, and never again after that.
    assert Counter(nursery.log.read_text().splitlines()) == dict.fromkeys(WORDS, 2)
    with sessions(connect(home.database))() as session:
        (issued,) = bulletins(session).bulletins
    assert issued.bulletin_id == once.result["bulletin_id"]
    assert issued.as_of == EVE
    assert not list((home.folder / "jobs").iterdir())


def test_a_planner_asks_and_gets_the_bulletin(
    api: httpx.Client, worker: int, once: Job, nursery: Nursery
) -> None:
    before = len(nursery.log.read_text().splitlines())
    asked = {"election_id": ROUND, "as_of": EVE.isoformat()}
    first = api.post("/v1/forecasts", json=asked)
    again = api.post("/v1/forecasts", json=asked)
    assert again.json()["job_id"] == first.json()["job_id"]
    got = ended(api, first)
    assert got["state"] == "done", got
    assert got["steps_done"] == got["steps"] == list(STEPS)
    assert got["problem"] is None
    assert got["bulletin_id"] == once.result["bulletin_id"]
    assert api.get(got["bulletin_url"]).status_code == 200
    # Four steps for one job, not eight for two.
    assert len(nursery.log.read_text().splitlines()) - before == 4
    later = api.post("/v1/forecasts", json=asked)
    assert later.json()["job_id"] != got["job_id"]
    api.post(f"{later.json()['url']}/cancel")


@pytest.mark.slow
def test_the_same_key_gives_the_same_job_for_ever(api: httpx.Client, worker: int) -> None:
    asked = {"election_id": "XVG-1900-PRES-1"}
    headers = {"Idempotency-Key": "mine-1"}
    first = api.post("/v1/forecasts", json=asked, headers=headers)
    ended(api, first)
    again = api.post("/v1/forecasts", json=asked, headers=headers)
    assert again.json()["job_id"] == first.json()["job_id"]
    assert again.json()["state"] == "failed"
    other = api.post("/v1/forecasts", json={"election_id": ROUND}, headers=headers)
    assert other.status_code == 409
    assert "send another key" in other.json()["detail"]


REFUSED = {
    "unknown round": ({"election_id": "XVG-1900-PRES-1"}, 404, "expected one of"),
    "unknown country": ({"election_id": "FRA-2022-PRES-1"}, 404, "VIGIE_PACKS"),
    "window over": ({"election_id": ROUND, "as_of": "2024-12-01"}, 422, "expected a day before"),
    "not announced": ({"election_id": ROUND, "as_of": "2001-01-01"}, 422, "was not known before"),
    "unknown target": ({"election_id": ROUND, "target": "weather"}, 422, "expected a target among"),
}


def test_what_cannot_be_forecast_says_why(api: httpx.Client, worker: int) -> None:
    waiting = {case: api.post("/v1/forecasts", json=asked[0]) for case, asked in REFUSED.items()}
    for case, (_, status, says) in REFUSED.items():
        got = ended(api, waiting[case])
        assert got["state"] == "failed", case
        assert got["problem"]["status"] == status, case
        assert says in got["problem"]["detail"], case
        assert got["bulletin_id"] is None, case


@pytest.mark.slow
def test_a_bad_file_is_told_and_the_next_job_runs(
    api: httpx.Client, home: Home, worker: int
) -> None:
    file = home.packs / "elections.csv"
    good = file.read_bytes()
    file.write_bytes(b"election_id,iso3\n1,2\n")
    try:
        got = ended(api, api.post("/v1/forecasts", json={"election_id": ROUND}))
    finally:
        file.write_bytes(good)
    assert got["problem"]["status"] == 422
    assert "elections.csv" in got["problem"]["detail"]
    assert ended(api, api.post("/v1/forecasts", json={"election_id": ROUND}))["state"] == "done"


def test_a_job_that_waits_can_be_taken_back(api: httpx.Client, home: Home) -> None:
    assert not WorkerLock(home.database).taken()
    asked = api.post("/v1/forecasts", json={"election_id": ROUND}).json()
    assert asked["state"] == "waiting"
    assert "no worker is running" in asked["says"]
    health = api.get("/health").json()
    assert health["jobs"]["waiting"] == 1
    assert not health["jobs"]["worker"]
    assert any("no worker runs" in reason for reason in health["reasons"])
    gone = api.post(f"{asked['url']}/cancel")
    assert gone.json()["state"] == "cancelled"
    assert api.get("/v1/forecasts").json()["forecasts"][0]["state"] == "cancelled"


def test_a_running_job_can_be_taken_back(api: httpx.Client, nursery: Nursery, once: Job) -> None:
    pid, mark = nursery.worker("building the panel")
    mark.unlink(missing_ok=True)
    asked = api.post("/v1/forecasts", json={"election_id": ROUND}).json()
    until(mark.exists)
    assert api.get("/health").json()["jobs"]["running"] == 1
    gone = api.post(f"{asked['url']}/cancel").json()
    assert gone["state"] == "cancelled"
    assert gone["steps_done"] == ["ingest"]
    nursery.end(pid, signal.SIGKILL)
    assert api.post(f"/v1/forecasts/{once.job_id}/cancel").status_code == 404  # another's job
    assert api.get(f"/v1/forecasts/{once.job_id}").status_code == 404


def test_a_day_to_come_is_refused_at_once(api: httpx.Client) -> None:
    got = api.post("/v1/forecasts", json={"election_id": ROUND, "as_of": "2999-01-01"})
    assert got.status_code == 409
    assert "up to today" in got.json()["detail"]


def pages(api: httpx.Client, address: str | None) -> list[str]:
    """Ids of the forecasts on every page."""
    found = []
    while address is not None:
        page = api.get(address).json()
        found += [one["job_id"] for one in page["forecasts"]]
        address = page["next"]
    assert len(set(found)) == len(found)
    return found


def test_nobody_fills_the_queue(api: httpx.Client) -> None:
    days = [f"2024-08-{day:02d}" for day in range(1, 22)]
    asked = [api.post("/v1/forecasts", json={"election_id": ROUND, "as_of": day}) for day in days]
    assert [a.status_code for a in asked] == [202] * 20 + [409]
    assert "at most 20" in asked[-1].json()["detail"]
    made = [one.json()["job_id"] for one in asked[:-1]]
    assert set(made) <= set(pages(api, "/v1/forecasts?limit=7"))
    for one in asked[:-1]:
        assert api.post(f"{one.json()['url']}/cancel").status_code == 200


@pytest.mark.slow
def test_told_to_stop_it_ends_its_step_and_the_next_worker_goes_on(
    home: Home, nursery: Nursery, jobs: Jobs, once: Job
) -> None:
    before = Counter(nursery.log.read_text().splitlines())
    job = jobs.ask(Ask(election_id=ROUND, asked_on=TODAY), "other")
    pid, _ = nursery.worker()
    until(lambda: Counter(nursery.log.read_text().splitlines()) != before)
    assert nursery.end(pid, signal.SIGTERM) == 0
    stopped = jobs.job(job.job_id, "other")
    assert "ingest" in stopped.steps_done
    pid, _ = nursery.worker()
    until(lambda: jobs.job(job.job_id, "other").finished_at)
    nursery.end(pid, signal.SIGTERM)
    assert jobs.job(job.job_id, "other").result["bulletin_id"] == once.result["bulletin_id"]
    after = Counter(nursery.log.read_text().splitlines())
    assert after - before == Counter(WORDS)


@pytest.mark.slow
def test_a_second_worker_waits_and_takes_over(home: Home, nursery: Nursery, once: Job) -> None:
    pid, _ = nursery.worker()
    until(WorkerLock(home.database).taken)
    second = subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "worker"],
        env=home.environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert second.stderr is not None
        assert "waits to take over" in second.stderr.readline()
        assert nursery.end(pid, signal.SIGKILL) == -signal.SIGKILL
        assert "ready" in second.stderr.readline()
    finally:
        second.terminate()
        assert second.wait(60) == 0


@pytest.mark.slow
def test_a_job_that_ran_goes_on_after_a_restore(
    home: Home, once: Job, nursery: Nursery, jobs: Jobs, tmp_path: Path
) -> None:
    """Backed up in the middle of its last step; the champion comes from the archive too."""
    pid, mark = nursery.worker("scoring every unit")
    mark.unlink(missing_ok=True)
    job = jobs.ask(Ask(election_id=ROUND, asked_on=TODAY), "backup")
    until(mark.exists)
    file = tmp_path / "backup.tar.gz"
    assert home.vigie("backup", str(file)).returncode == 0
    nursery.end(pid, signal.SIGKILL)
    jobs.cancel(job.job_id, "backup")
    elsewhere = Home(tmp_path / "new", home.packs)
    assert elsewhere.vigie("restore", str(file)).returncode == 0
    found = Jobs(elsewhere.database)
    assert found.job(job.job_id, "backup").steps_done == STEPS[:3]
    with subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "worker"], env=elsewhere.environment
    ) as worker:
        until(lambda: found.job(job.job_id, "backup").finished_at)
        worker.terminate()
    assert found.job(job.job_id, "backup").result["bulletin_id"] == once.result["bulletin_id"]
    found.close()


@pytest.mark.slow
def test_a_new_worker_refreshes_and_tells_what_can_be_asked(
    home: Home, api: httpx.Client, once: Job
) -> None:
    environment = home.environment | {"VIGIE_REFRESH_CRON": "0 2 * * *"}
    with subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "worker"],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as worker:
        assert worker.stderr is not None
        assert worker.stderr.readline() == "refresh: never run before, begun now\n"
        until(lambda: api.get("/v1/targets").json()["targets"])
        worker.terminate()
    offered = {one["target"] for one in api.get("/v1/targets").json()["targets"]}
    assert offered == {"any", "lethal"}
    listed = home.vigie("schedule", "list", VIGIE_REFRESH_CRON="0 2 * * *").stdout
    assert "refresh, vigilia: 0 forecasts asked for" in listed
    assert "off" in listed  # the retrain has no cron line here


@pytest.mark.browser
@pytest.mark.parametrize(
    ("width", "height"),
    [
        pytest.param(1400, 900, marks=pytest.mark.slow, id="desk"),
        pytest.param(390, 844, marks=pytest.mark.slow, id="phone"),
    ],
)
def test_a_planner_asks_on_the_page(
    url: str, secret: str, worker: int, once: Job, width: int, height: int
) -> None:
    if not CHROMIUM.exists():
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is missing: install it")
        pytest.skip("Chromium is missing: install it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": width, "height": height}, base_url=url)
        said: list[str] = []
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto("/")
        page.get_by_label("Token").fill(secret)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Ask for a forecast").click()
        form = page.locator("#ask")
        form.get_by_label("Election").select_option(ROUND)
        form.get_by_label("As known on").fill("2024-12-01")
        form.get_by_role("button", name="Ask", exact=True).click()
        failed = page.locator(".job.failed")
        expect(failed).to_contain_text("expected a day before 2024-11-03", timeout=60_000)
        failed.get_by_role("button", name="Dismiss").click()
        expect(failed).to_have_count(0)

        page.get_by_role("button", name="Ask for a forecast").click()
        form.get_by_label("Election").select_option(ROUND)
        form.get_by_role("button", name="Ask", exact=True).click()
        expect(page.locator(".steps .now")).to_have_count(1, timeout=60_000)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        done = page.locator(".job.done")
        expect(done).to_contain_text("The bulletin is issued", timeout=60_000)
        done.get_by_role("link", name="Open the bulletin").click()
        assert once.result["bulletin_id"] in page.url
        expect(page.locator("#rows tr")).to_have_count(40)
        browser.close()
    assert said == []


def served(folder: Path, secret: str, bulletin_id: str) -> bytes:
    """A bulletin's scores, byte for byte, from a new application over a home."""
    headers = {"Authorization": f"Bearer {secret}"}
    with TestClient(create_app(ServerSettings(home=folder)), headers=headers) as client:
        answer = client.get(f"/v1/bulletins/{bulletin_id}/scores")
        assert answer.status_code == 200
        return answer.content


@pytest.mark.slow
def test_a_damaged_archive_is_refused_and_nothing_written(
    home: Home, once: Job, tmp_path: Path
) -> None:
    file = tmp_path / "backup.tar.gz"
    assert home.vigie("backup", str(file)).returncode == 0
    content = bytearray(gzip.decompress(file.read_bytes()))
    at = content.index(b"SQLite format 3")
    content[at + 200] ^= 1
    file.write_bytes(gzip.compress(bytes(content), 1))
    elsewhere = Home(tmp_path / "new", home.packs)
    done = elsewhere.vigie("restore", str(file))
    assert done.returncode == 2
    assert "first database/" in " ".join(done.stderr.split())
    assert not list(elsewhere.folder.iterdir())
    file.write_bytes(file.read_bytes()[:5000])
    assert "CorruptSnapshotError" in elsewhere.vigie("restore", str(file)).stderr


@pytest.mark.slow
def test_a_lost_machine_is_made_again(
    home: Home, secret: str, once: Job, jobs: Jobs, tmp_path: Path
) -> None:
    bulletin_id = once.result["bulletin_id"]
    before = served(home.folder, secret, bulletin_id)
    file = tmp_path / "backup.tar.gz"
    assert home.vigie("backup", str(file)).returncode == 0
    refused = home.vigie("restore", str(file))
    assert refused.returncode == 2
    assert "ConflictError" in refused.stderr
    assert served(home.folder, secret, bulletin_id) == before

    jobs.close()
    shutil.rmtree(home.folder)
    elsewhere = Home(tmp_path / "new", home.packs)
    done = elsewhere.vigie("restore", str(file))
    assert done.returncode == 0, done.stderr
    assert served(elsewhere.folder, secret, bulletin_id) == before
