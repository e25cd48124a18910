from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from features.errors import SourceError
from pipelines.sources import (
    cod_ps,
    kinds,
)
from pipelines.sources.files import SourceFile
from pipelines.sources.rows import Quarantine

Write = Callable[[str, str | bytes], SourceFile]
FILE: dict[str, Any] = {"path": Path("x"), "licence": "", "retrieved": date(2026, 1, 1)}


def population(file: SourceFile, units: pd.DataFrame, **splits: tuple[str, ...]) -> pd.DataFrame:
    options = kinds.CodPs(
        kind="cod_ps", level=2, known_on=date(2011, 12, 31), splits=splits, **FILE
    )
    return cod_ps.read(file, options, units, Quarantine(file.label))


def test_population_and_splits(write: Write, units: pd.DataFrame) -> None:
    units = units.assign(area_km2=[10.0, 10.0, 20.0, 40.0, 50.0])
    text = "\ufeffadmin2Name_fr,admin2Pcode,T_TL\nOld,ML9900,800\nVille,ML9801,90\nGone,ML7,1\n"
    table = population(write("p.csv", text), units, ML9900=("ML9901", "ML9902"))
    assert table["value"].tolist() == pytest.approx([90.0, 200.0, 600.0])
    assert set(table["known_on"]) == {pd.Timestamp("2011-12-31")}


def test_population_that_cannot_be_used(write: Write, units: pd.DataFrame) -> None:
    file = write("p.csv", "admin2Pcode,T_TL\nML9901,1\n")
    with pytest.raises(SourceError, match="got ML7777"):
        population(file, units, ML9900=("ML7777",))
    with pytest.raises(SourceError, match="'admin2Pcode'"):
        population(write("q.csv", "admin1Pcode,T_TL\nML99,1\n"), units)
    with pytest.raises(SourceError, match="row 2, column 'T_TL'"):
        population(write("r.csv", "admin2Pcode,T_TL\nML9901,many\n"), units)
