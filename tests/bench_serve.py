"""How fast and how large the service is, beside its peers, in one run: `make bench`.

Needs `wrk` (Debian: apt-get install wrk). Everything listens on the loopback, one process each:
a bare Starlette route that sends the same bytes under the same server, `vigie serve`, and
`mlflow models serve`, which scores the same rows with the model that the bulletins are of. Peers
take turns, so that what else the machine does meets all of them; ratios travel better than figures.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from features.panel import registered
from features.vocabulary import STARTING_POINT
from models import counts
from models.calibration import Calibrator
from models.examples import Examples
from models.forecaster import Forecaster, fit_forecaster
from store import bulletins, database, tokens

BIN = Path(sys.executable).parent
COMMUNES, MANY, BULLETINS = 701, 50_000, 10
SECONDS, TURNS, CONNECTIONS = 4, 7, 16
FEATURES = [feature.name for feature in registered()]
NOW = datetime(2018, 7, 2, tzinfo=UTC)
BARE = """
import gzip, os
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
BODY = open(os.environ["BODY"], "rb").read()
HEADERS = {"content-encoding": "gzip"}
async def scores(request):
    return Response(BODY, media_type="application/json", headers=HEADERS)
app = Starlette(routes=[Route("/v1/bulletins/{bulletin_id}/scores", scores)])
"""


def country(units: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Square units on a grid with outlines, cercles of about 15 and ten regions."""
    side = int(np.ceil(np.sqrt(units)))
    row, column = np.divmod(np.arange(units), side)
    lon, lat = -12 + 16 * column / side, 10 + 14 * row / side
    table = pd.DataFrame(
        {
            "unit_id": [f"XB{i:06d}" for i in range(units)],
            "name": [f"Commune {i}" for i in range(units)],
            "parent_id": [f"XB{i // 15:04d}" for i in range(units)],
            "parent_name": [f"Cercle {i // 15}" for i in range(units)],
            "region_id": [f"XB{i * 10 // units:02d}" for i in range(units)],
            "region_name": [f"Région {i * 10 // units}" for i in range(units)],
            "iso3": "XXB",
            "lon": lon,
            "lat": lat,
            "area_km2": 1000.0,
            "valid_from": pd.NaT,
            "valid_to": pd.NaT,
        }
    )
    step = 16 / side
    few = units if units < 5000 else 0  # outlines of fifty thousand take minutes to simplify
    boxes = shapely.box(lon[:few], lat[:few], lon[:few] + step, lat[:few] + step * 14 / 16)
    polygons = {"unit_id": table["unit_id"][:few], "geometry_wkb": list(shapely.to_wkb(boxes))}
    return table, pd.DataFrame(polygons)


def rows(units: int, seed: int) -> pd.DataFrame:
    """Made-up values of every feature, the country at its most violent first."""
    level = np.sort(np.random.default_rng(seed).gamma(0.3, 2.0, units))[::-1]
    noise = np.random.default_rng(seed + 1).gamma(2.0, 0.5, (units, len(FEATURES)))
    return pd.DataFrame(level[:, None] * noise, columns=FEATURES)


def fitted() -> Forecaster:
    """The model that is promoted most often, fitted on made-up incidents."""
    X = rows(5000, 1)
    counts = np.random.default_rng(2).poisson(0.2 * X.iloc[:, 0]).astype(float)
    order = np.arange(len(X))
    data = Examples(
        X, counts, day=order % 100 * 14, unit=order // 100, ends=counts[:, None] * [1, 0]
    )
    return fit_forecaster("average", data, Calibrator(), 0.3, FEATURES, 7)


def scores(unit_ids: pd.Series[str], forecast: pd.DataFrame) -> pd.DataFrame:
    """A forecast as scores as wordy as real ones: a driver for each of eight families."""
    p = forecast["probability"]
    drivers = [
        {
            "feature": STARTING_POINT if k == 0 else f"target_count_{30 * k}d",
            "family": f"family number {k}",
            "says": f"{k + 2} violent incidents here in the last {30 * k} days",
            "translations": {
                "fr": {
                    "family": f"famille numéro {k}",
                    "says": f"{k + 2} incidents violents ici au cours des {30 * k} derniers jours",
                }
            },
            "value": float(k),
            "contribution": 0.123456789 * k,
        }
        for k in range(8)
    ]
    table = pd.DataFrame(
        {
            "unit_id": unit_ids,
            "rank": p.rank(method="first", ascending=False),
            **forecast,
            "band": np.select(
                [p > 0.5, p > 0.25, p > 0.1], ["very_high", "high", "elevated"], "low"
            ),
            "baseline_probability": p * 0.9,
            "coverage": "good",
            "coverage_says": "40 reports from this region in a year.",
            "translations": [{"fr": {"coverage_says": "40 signalements de cette région en un an."}}]
            * len(p),
            "drivers": [drivers] * len(p),
        }
    )
    return table.join(counts.spread(table["probability"], table["expected_incidents"]))


def seed(url: str, model: Forecaster) -> tuple[str, list[str], str]:
    """Fill a store: a token, ten bulletins of a country and one of fifty thousand units."""
    engine = database.connect(url)
    database.migrate(engine)
    election = {
        "election_id": "XXB-2018-PRES-1",
        "iso3": "XXB",
        "election_type": "presidential",
        "round": 1,
        "polling_date": pd.Timestamp("2018-07-29"),
        "note": None,
        "window_start": pd.Timestamp("2018-07-07"),
        "window_end": pd.Timestamp("2018-08-12"),
    }
    with database.sessions(engine).begin() as session:
        bulletins.write_elections(session, pd.DataFrame([election]), synthetic=True)
        made = []
        for units, count in ((COMMUNES, BULLETINS), (MANY, 1)):
            table, polygons = country(units)
            registry_id = bulletins.write_registry(
                session,
                registry=table,
                polygons=polygons,
                country="Benchland",
                synthetic=True,
                created_at=NOW,
            )
            head = _head(registry_id)
            made += [
                bulletins.write_bulletin(
                    session,
                    replace(head, as_of=head.as_of - timedelta(days=n)),
                    scores(table["unit_id"], model.forecast(rows(units, n))),
                    NOW,
                )
                for n in range(count)
            ]
        _, secret = tokens.create(session, label="bench", now=NOW)
    engine.dispose()
    return secret, made[:-1], made[-1]


def _head(registry_id: str) -> bulletins.BulletinHead:
    return bulletins.BulletinHead(
        election_id="XXB-2018-PRES-1",
        registry_id=registry_id,
        iso3="XXB",
        target="any",
        target_says="at least one incident",
        as_of=date(2018, 7, 1),
        window_start=date(2018, 7, 7),
        window_end=date(2018, 8, 12),
        model_name="m",
        model_version="1",
        model_kind="logistic",
        model_digest="m",
        data_digest="d",
        baseline_name="base_rate",
        base_rate=0.1,
        interval_level=0.8,
        vintage="",
        synthetic=True,
        notes="",
    )


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def running(
    command: list[str], path: str, log: Path, **more: str
) -> Iterator[tuple[str, subprocess.Popen[bytes], float]]:
    """A server on a free port, its address, and the seconds until `path` answered 200."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    started = time.perf_counter()
    with log.open("wb") as out:
        server = subprocess.Popen(
            [*command, "--port", str(port)],
            env={**os.environ, **more, "PATH": f"{BIN}:{os.environ['PATH']}"},
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        while True:
            try:
                urllib.request.urlopen(url + path, timeout=5)
                break
            except (urllib.error.URLError, OSError):
                if server.poll() is not None or time.perf_counter() - started > 120:
                    raise SystemExit(f"no answer: {log.read_text()[-3000:]}") from None
                time.sleep(0.01)
        yield url, server, time.perf_counter() - started
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def wrk(url: str, *more: str, connections: int = CONNECTIONS) -> tuple[float, float]:
    """Requests a second and the 99th percentile of latency in milliseconds.

    Raises:
        SystemExit: an answer was not a success.
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency", *more, url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors: c" in said:
        raise SystemExit(said)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])  # type: ignore[index]
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", said).groups()  # type: ignore[union-attr]
    return rate, float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def save_model(folder: Path, model: Forecaster) -> Path:
    """The model as the registry keeps it, and a request for a bulletin's rows."""
    import mlflow.sklearn
    from mlflow.models import infer_signature

    from models.registry import TRUSTED_TYPES

    X = rows(COMMUNES, 0)
    mlflow.sklearn.save_model(
        model,
        folder / "model",
        signature=infer_signature(X, model.probability(X)),
        pip_requirements=["scikit-learn"],
        serialization_format="skops",
        skops_trusted_types=TRUSTED_TYPES,
    )
    body = json.dumps({"dataframe_split": X.to_dict(orient="split", index=True)})
    (folder / "post.lua").write_text(
        'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
        f"wrk.body = [==[{body}]==]\n"
    )
    return folder / "model"


def memory_mb(pid: int) -> float:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]


def get(url: str, secret: str) -> tuple[bytes, dict[str, str], float]:
    """Body, headers and milliseconds of one request."""
    headers = {"Authorization": f"Bearer {secret}", "Accept-Encoding": "gzip"}
    started = time.perf_counter()
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        body = answer.read()
        return body, dict(answer.headers), (time.perf_counter() - started) * 1000


def pages(url: str, secret: str) -> Iterator[tuple[str, float]]:
    """Address and milliseconds of every page, the first time."""
    following: str | None = url
    root = url.partition("/v1/")[0]
    while following:
        _, headers, took = get(following, secret)
        yield following, took
        link = re.match(r"<(.+)>", headers.get("link", ""))
        following = root + link[1] if link else None


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        started = time.perf_counter()
        model = fitted()
        secret, hot, many = seed(f"sqlite:///{folder / 'vigie.db'}", model)
        print(f"seeded in {time.perf_counter() - started:.0f} s")
        vigie = [str(BIN / "vigie"), "serve", "--no-worker"]
        settings = {
            "VIGIE_HOME": str(folder),
            "VIGIE_DATABASE_URL": "",
            "VIGIE_RATE_LIMIT": "100000000/minute",
        }
        with running(vigie, "/health/ready", folder / "vigie.log", **settings) as served:
            measure(folder, *served, secret, hot, many, model)


def measure(
    folder: Path,
    url: str,
    server: subprocess.Popen[bytes],
    cold: float,
    secret: str,
    hot: list[str],
    many: str,
    forecaster: Forecaster,
) -> None:
    print(f"cold start to ready: {cold:.2f} s; memory then {memory_mb(server.pid):.0f} MB")
    path = f"/v1/bulletins/{hot[0]}/scores"
    body, _, _ = get(url + path, secret)
    (folder / "body").write_bytes(body)
    (folder / "bare.py").write_text(BARE)
    uvicorn = [str(BIN / "uvicorn"), "bare:app", "--app-dir", str(folder), "--no-access-log"]
    token = ("-H", f"Authorization: Bearer {secret}", "-H", "Accept-Encoding: gzip")
    with running(uvicorn, path, folder / "bare.log", BODY=str(folder / "body")) as (bare, _, _):
        turns = [(wrk(bare + path, *token)[0], wrk(url + path, *token)[0]) for _ in range(TURNS)]
    ratio = statistics.median(ours / theirs for theirs, ours in turns)
    bare_rate, rate = (statistics.median(column) for column in zip(*turns, strict=True))
    print(f"GET /scores, {COMMUNES} communes, {len(body) / 1024:.0f} KB packed: {rate:.0f}/s")
    print(f"bare Starlette route, the same bytes: {bare_rate:.0f}/s; ours is {ratio:.0%} of it")

    pause = CONNECTIONS / (rate / 2) * 1000
    (folder / "half.lua").write_text(f"function delay() return {pause:.1f} end\n")
    half, p99 = wrk(url + path, "-s", str(folder / "half.lua"), *token)
    print(f"at {half:.0f}/s ({half / rate:.0%} of saturation): p99 {p99:.1f} ms")

    mlflow = [str(BIN / "mlflow"), "models", "serve", "--env-manager", "local", "-w", "1", "-m"]
    model = save_model(folder, forecaster)
    with running([*mlflow, str(model)], "/ping", folder / "mlflow.log") as (peer, _, cold_peer):
        peer_rate, _ = wrk(f"{peer}/invocations", "-s", str(folder / "post.lua"), connections=2)
        again, _ = wrk(url + path, *token)
    print(
        f"mlflow models serve, {COMMUNES} rows: {peer_rate:.1f}/s, ready after {cold_peer:.1f} s; "
        f"ours beside it {again:.0f}/s, {again / peer_rate:.0f} times"
    )

    one = [took for _, took in pages(f"{url}/v1/bulletins/{hot[1]}/scores?limit=701", secret)]
    first = list(pages(f"{url}/v1/bulletins/{many}/scores?limit=701", secret))
    kept = [get(page, secret)[2] for page, _ in first]
    times = [took for _, took in first]
    print(
        f"{MANY} units in {len(first)} pages of 701: first time median "
        f"{statistics.median(times):.0f} ms, longest {max(times):.0f} ms, last page "
        f"{times[-2]:.0f} ms; kept, {statistics.median(kept):.1f} ms "
        f"(a whole bulletin of 701, first time: {one[0]:.0f} ms)"
    )
    for bulletin in hot:
        for format_ in ("json", "geojson", "csv"):
            get(f"{url}/v1/bulletins/{bulletin}/scores?format={format_}", secret)
    print(f"memory with {len(hot)} bulletins hot in 3 formats: {memory_mb(server.pid):.0f} MB")
    get(f"{url}/v1/bulletins/{hot[0]}/scores?format=parquet", secret)
    print(f"the same after the first Parquet: {memory_mb(server.pid):.0f} MB")


if __name__ == "__main__":
    main()
