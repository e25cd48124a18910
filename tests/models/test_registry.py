from __future__ import annotations

import models.registry  # noqa: F401 - what it does when it is loaded is tested


def test_mlflow_tells_its_makers_nothing() -> None:
    """Who trains on what, and when, is nobody else's business."""
    from mlflow.environment_variables import MLFLOW_DISABLE_TELEMETRY

    assert MLFLOW_DISABLE_TELEMETRY.get() is True
