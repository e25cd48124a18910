"""Who is near whom: parent areas, regions and distances between units."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from features.sphere import EARTH_RADIUS_KM


def membership(labels: pd.Series) -> sparse.csr_array:
    """Sum over the units that share a label.

    Args:
        labels: one label per unit, shape (units,).

    Returns:
        Matrix of shape (units, units), 1 where the two units share the label.
    """
    codes, names = pd.factorize(labels)
    n = len(labels)
    one_hot = sparse.csr_array((np.ones(n), (np.arange(n), codes)), shape=(n, len(names)))
    return sparse.csr_array(one_hot @ one_hot.T)


def distances(units: pd.DataFrame, radius_km: float) -> sparse.csr_array:
    """Great-circle distances between units nearer than `radius_km`, in km.

    Args:
        units: registry with `lon` and `lat` in degrees.
        radius_km: pairs farther apart are left out.

    Returns:
        Matrix of shape (units, units) without the diagonal. Coincident units are 1 m apart,
        so that a pair that is near is always stored.
    """
    # scikit-learn takes seconds to load, and who plans mediators needs other things of this module.
    from sklearn.neighbors import BallTree

    points = np.radians(units[["lat", "lon"]].to_numpy(dtype=float))
    tree = BallTree(points, metric="haversine")
    near, far = tree.query_radius(points, radius_km / EARTH_RADIUS_KM, return_distance=True)
    rows = np.repeat(np.arange(len(points)), [len(n) for n in near])
    columns, km = np.concatenate(near), np.concatenate(far) * EARTH_RADIUS_KM
    other = rows != columns
    matrix = sparse.csr_array(
        (np.maximum(km[other], 0.001), (rows[other], columns[other])),
        shape=(len(points), len(points)),
    )
    matrix.sort_indices()
    return matrix


def within(km: sparse.csr_array, radius_km: float) -> sparse.csr_array:
    """1 for every other unit nearer than `radius_km`; shape (units, units)."""
    kept = km.copy()
    kept.data = (kept.data <= radius_km).astype(float)
    kept.eliminate_zeros()
    return kept


def decaying(km: sparse.csr_array, scale_km: float) -> sparse.csr_array:
    """exp(-distance / scale_km) for every other unit in `km`; shape (units, units)."""
    kept = km.copy()
    kept.data = np.exp(-kept.data / scale_km)
    return kept
