from __future__ import annotations

from pathlib import Path

import pytest

from pipelines import digests


def fresh(evaluation: bool = False) -> str:
    return digests.code_digest.__wrapped__(evaluation)


def test_a_training_is_another_with_another_version_of_a_library(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = fresh()
    assert fresh() == before
    monkeypatch.setattr(digests, "version", lambda name: f"{name} 0")
    assert fresh() != before


@pytest.mark.parametrize(
    ("file", "of_training", "of_evaluation"),
    [
        ("models/bagging.py", True, True),
        ("pipelines/question.py", True, True),
        ("pipelines/backtest/rolling.py", False, True),
    ],
)
def test_what_decides_a_score_is_in_the_digest(
    monkeypatch: pytest.MonkeyPatch, file: str, of_training: bool, of_evaluation: bool
) -> None:
    before = fresh(), fresh(evaluation=True)
    read = Path.read_bytes
    changed = Path(digests.__file__).parents[1] / file

    def other(path: Path) -> bytes:
        return read(path) + b"# changed" * (path == changed)

    monkeypatch.setattr(Path, "read_bytes", other)
    assert (fresh() != before[0], fresh(evaluation=True) != before[1]) == (
        of_training,
        of_evaluation,
    )
