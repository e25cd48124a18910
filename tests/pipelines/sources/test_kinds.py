from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from features.vocabulary import EventType
from pipelines.sources import (
    kinds,
)

FILE: dict[str, Any] = {"path": Path("x"), "licence": "", "retrieved": date(2026, 1, 1)}


def generic(columns: dict[str, str], **more: Any) -> kinds.GenericIncidents:
    columns = {"incident_id": "no", "event_date": "jour", "event_type": "genre", **columns}
    types = {"affrontement": EventType.BATTLE}
    return kinds.GenericIncidents(
        kind="incidents", columns=columns, event_types=types, **FILE, **more
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: generic({"colour": "c"}),
        lambda: kinds.Polygons(kind="polygons", columns={"unit_id": "id"}, **FILE),
        lambda: kinds.AreaTable(kind="area_table", area_id="a", variables={}, **FILE),
        lambda: kinds.Acled(kind="acled", lag=3, **FILE),
    ],
)
def test_options_that_are_unknown_or_missing_are_refused(make: Callable[[], object]) -> None:
    with pytest.raises(ValidationError):
        make()
