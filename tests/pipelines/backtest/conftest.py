"""A small synthetic country, and a pack that is quick to fit."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pipelines.ingest import Ingested, ingest
from pipelines.pack import Evaluation, Pack, load_pack
from pipelines.synthetic import make_country
from store.lake import Lake

# Steps shorter than window and lag together, so that there are windows that are not settled.
QUICK = {
    "candidates": ("logistic",),
    "step_days": 56,
    "features": ("target_decay_90d", "target_count_365d", "days_to_polling"),
    "min_positives": 20,
}


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    folder = tmp_path_factory.mktemp("country")
    make_country(folder, seed=3, units=40, years=5)
    made = load_pack(folder / "country.toml")
    training = made.training.model_copy(update=QUICK)
    reach = Evaluation(mediators=(20,), reached=(5, 5000))
    return made.model_copy(update={"training": training, "evaluation": reach})


@pytest.fixture(scope="session")
def ingested(pack: Pack, tmp_path_factory: pytest.TempPathFactory) -> Ingested:
    lake = Lake(tmp_path_factory.mktemp("lake"))
    return ingest(pack, lake, now=datetime(2025, 1, 15, tzinfo=UTC))
