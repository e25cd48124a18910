"""What every room's tests share: where the real data are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data. Where it is absent the test skips, but on CI it fails."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        says = f"real data: expected the folder ../shared/data beside the checkout, got no {folder}"
        if os.environ.get("CI") == "true":
            pytest.fail(says)
        pytest.skip(says)
    return folder
