"""The made-up land that nowcasts are tested on."""

from __future__ import annotations

import pytest
from land import Land, make_land


@pytest.fixture
def land() -> Land:
    return make_land()
