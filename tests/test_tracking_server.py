"""Train, promote and forecast against a real MLflow server that keeps the artifacts itself."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.synthetic import make_country

pytestmark = pytest.mark.slow
ROUND = "XVG-2024-PRES-1"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}"),
        *("--artifacts-destination", str(tmp_path / "kept-by-the-server")),
    ]
    process = subprocess.Popen(command, start_new_session=True)
    try:
        for _ in range(600):
            assert process.poll() is None, "the tracking server has stopped"
            try:
                urllib.request.urlopen(f"{url}/health", timeout=2)
                break
            except OSError:
                time.sleep(0.2)
        yield url
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)


def test_a_forecast_through_a_tracking_server(server: str, tmp_path: Path) -> None:
    pack = make_country(tmp_path / "country", seed=3, units=40, years=5)
    text = pack.read_text(encoding="utf-8")
    quick = 'step_days = 56\ncandidates = ["logistic"]\nmin_positives = 10'
    assert "step_days = 14" in text
    pack.write_text(text.replace("step_days = 14", quick), encoding="utf-8")
    home = tmp_path / "home"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VIGIE_")} | {
        "VIGIE_HOME": str(home),
        "VIGIE_TRACKING_URI": server,
    }

    def vigie(command: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.cli", command, str(pack), "--election", ROUND],
            env=environment,
            cwd=tmp_path,  # where nothing else could have kept a model
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    assert "registered" in vigie("train")
    assert "champion of vigie-" in vigie("promote")
    assert f"bulletin {ROUND}.any.2024-09-22" in vigie("forecast")
    kept = list((tmp_path / "kept-by-the-server").rglob("*.skops"))
    assert len(kept) >= 8
    assert not (tmp_path / "mlruns").exists()
    assert not list(home.rglob("*.skops"))
