"""Great-circle distances on the Earth taken for a sphere."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.kernels import Floats

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of the Earth (IUGG, Moritz 2000)."""


def kilometres(units: pd.DataFrame, start: int) -> Floats:
    """Great-circle distance from one unit's centre to every unit's, shape (units,)."""
    lon, lat = (np.radians(units[c].to_numpy(dtype=float)) for c in ("lon", "lat"))
    half = np.sin((lat - lat[start]) / 2) ** 2
    half += np.cos(lat) * np.cos(lat[start]) * np.sin((lon - lon[start]) / 2) ** 2
    km: Floats = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
    return km
