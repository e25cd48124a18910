from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from features.errors import ConflictError, CorruptSnapshotError, NotFoundError
from store import lake as lake_module
from store.lake import Draft, Lake, snapshot_id

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def draft(synthetic: bool = False, file: str = "aa") -> Draft:
    says: dict[str, Any] = {
        "source": "acled",
        "kind": "acled",
        "connector_version": 1,
        "publisher": "ACLED",
        "licence": "none",
        "retrieved": None,
        "synthetic": synthetic,
        "files": {"a.csv": file},
        "options": {"reporting_lag_days": 14},
        "upstream": ("bb",),
        "outside": 4,
        "known_on_rule": "event date + 14 days",
        "vintage": "retrospective vintage",
        "placed": {"name": 2},
        "unplaced": {},
    }
    new_id = snapshot_id("acled", 1, says["files"], says["options"], ("bb",), synthetic)
    quarantine = pd.DataFrame(
        {"row": [7, 9], "rule": ["duplicate"] * 2, "column": "id", "expected": "x", "got": "y"}
    ).assign(raw="{}")
    table = pd.DataFrame({"incident_id": ["a", "b"], "day": pd.to_datetime(["2018-07-29"] * 2)})
    return Draft(new_id, {"incidents": table}, quarantine, says)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    manifest = lake.write(draft(), now=NOW)
    again = Lake(tmp_path / "lake")
    assert again.ids() == [manifest.snapshot_id]
    assert again.manifest(manifest.snapshot_id) == manifest
    assert (manifest.rows, manifest.quarantined, manifest.outside) == (2, {"duplicate": 2}, 4)
    assert manifest.created_at == NOW
    expected = draft().tables["incidents"]
    pd.testing.assert_frame_equal(again.read(manifest.snapshot_id, "incidents"), expected)
    assert again.quarantine(manifest.snapshot_id)["row"].tolist() == [7, 9]


def test_the_same_bytes_twice_make_no_second_copy(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    first = lake.write(draft(), now=NOW)
    files = sorted(tmp_path.rglob("*"))
    times = [f.stat().st_mtime_ns for f in files]
    second = lake.write(draft(), now=datetime(2027, 1, 1, tzinfo=UTC))
    assert second == first
    assert sorted(tmp_path.rglob("*")) == files
    assert [f.stat().st_mtime_ns for f in files] == times


def test_the_same_snapshot_has_the_same_bytes_anywhere(tmp_path: Path) -> None:
    one, other = (Lake(tmp_path / name).write(draft(), now=NOW) for name in ("one", "other"))
    assert one == other


def test_the_id_depends_on_all_that_shapes_the_table_and_on_nothing_else() -> None:
    base = snapshot_id("acled", 1, {"a": "x"}, {"lag": 1}, ("r",), False)
    assert base == snapshot_id("acled", 1, {"renamed": "x"}, {"lag": 1}, ("r",), False)
    assert len(base) == 64
    others = {
        snapshot_id("ucdp", 1, {"a": "x"}, {"lag": 1}, ("r",), False),
        snapshot_id("acled", 2, {"a": "x"}, {"lag": 1}, ("r",), False),
        snapshot_id("acled", 1, {"a": "y"}, {"lag": 1}, ("r",), False),
        snapshot_id("acled", 1, {"a": "x"}, {"lag": 2}, ("r",), False),
        snapshot_id("acled", 1, {"a": "x"}, {"lag": 1}, ("s",), False),
        snapshot_id("acled", 1, {"a": "x"}, {"lag": 1}, ("r",), True),
    }
    assert len(others | {base}) == 7


def test_a_failure_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake(tmp_path)
    written: list[str] = []
    real = lake_module._write_synced

    def fails_on_manifest(file: Path, content: bytes) -> None:
        if file.name == "manifest.json":
            raise OSError("no space left on device")
        written.append(file.name)
        real(file, content)

    monkeypatch.setattr(lake_module, "_write_synced", fails_on_manifest)
    with pytest.raises(OSError, match="no space"):
        lake.write(draft(), now=NOW)
    assert "incidents.parquet" in written
    assert lake.ids() == []
    assert list((tmp_path / "snapshots").iterdir()) == []
    monkeypatch.undo()
    assert lake.write(draft(), now=NOW).rows == 2


KILLED = """
import os, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from test_lake import NOW, draft
from store import lake
def die(folder): os._exit(9)
lake._sync_folder = die
lake.Lake(Path(sys.argv[1])).write(draft(), now=NOW)
"""


def test_a_killed_process_leaves_no_half_snapshot_and_the_next_write_sweeps(tmp_path: Path) -> None:
    here = str(Path(__file__).parent)
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), here], check=False)
    assert done.returncode == 9
    left = list((tmp_path / "snapshots").iterdir())
    assert len(left) == 1
    assert (left[0] / "manifest.json").is_file()
    lake = Lake(tmp_path)
    assert lake.ids() == []
    assert not lake.has(draft().snapshot_id)
    manifest = lake.write(draft(), now=NOW)
    assert [p.name for p in (tmp_path / "snapshots").iterdir()] == [manifest.snapshot_id]


def test_of_two_writers_the_second_finds_the_first_ones_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = lake_module._fill

    def overtaken(folder: Path, slow: Draft, now: datetime) -> lake_module.Manifest:
        monkeypatch.setattr(lake_module, "_fill", real)
        monkeypatch.setattr(os, "getpid", lambda: os.getppid())
        Lake(tmp_path).write(draft(), now=NOW)
        return real(folder, slow, now)

    monkeypatch.setattr(lake_module, "_fill", overtaken)
    late = Lake(tmp_path).write(draft(), now=datetime(2027, 1, 1, tzinfo=UTC))
    assert late.created_at == NOW
    assert [p.name for p in (tmp_path / "snapshots").iterdir()] == [late.snapshot_id]


def test_the_sweep_spares_a_living_process(tmp_path: Path) -> None:
    living = tmp_path / "snapshots" / f".tmp-{os.getppid()}-abc"
    living.mkdir(parents=True)
    lake = Lake(tmp_path)
    lake.write(draft(), now=NOW)
    assert living.is_dir()
    assert lake.ids() == [draft().snapshot_id]


def test_a_changed_table_is_not_read(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    new_id = lake.write(draft(), now=NOW).snapshot_id
    file = tmp_path / "snapshots" / new_id / "incidents.parquet"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(CorruptSnapshotError, match=r"incidents\.parquet: expected SHA-256"):
        lake.read(new_id, "incidents")
    file.unlink()
    with pytest.raises(CorruptSnapshotError, match="ingest again"):
        lake.read(new_id, "incidents")
    (file.parent / "manifest.json").write_text("{}")
    with pytest.raises(CorruptSnapshotError, match="expected a manifest"):
        lake.manifest(new_id)


def test_what_is_not_there(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    with pytest.raises(NotFoundError, match="ffff"):
        lake.manifest("ffff")
    new_id = lake.write(draft(), now=NOW).snapshot_id
    with pytest.raises(NotFoundError, match="incidents, quarantine"):
        lake.read(new_id, "units")


@pytest.mark.parametrize("first", [True, False])
def test_synthetic_and_real_never_mix(tmp_path: Path, first: bool) -> None:
    lake = Lake(tmp_path)
    assert lake.mark() is None
    lake.write(draft(synthetic=first), now=NOW)
    assert lake.mark() == ("synthetic" if first else "real")
    with pytest.raises(ConflictError, match="never mix"):
        lake.write(draft(synthetic=not first), now=NOW)
    with pytest.raises(ConflictError, match="never mix"):
        lake.refuse_mixing(not first)
    assert len(lake.ids()) == 1
    (tmp_path / "mark").write_text("both")
    with pytest.raises(CorruptSnapshotError, match="both"):
        lake.mark()
