"""The panel: units x `as_of` days x features."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# Imported for what they register.
from features import campaign, demographics, elections, incidents, spillover
from features import hierarchy as hierarchy
from features.context import Context
from features.days import Days, timestamps
from features.errors import ConfigError
from features.registry import AREA_PREFIX, FEATURES, Feature

MODULES = (incidents, spillover, elections, campaign, demographics)
"""One per family, in the order of the panel's columns; `hierarchy` adds to families of others."""


@dataclass(frozen=True)
class Panel:
    """Features of every unit on every `as_of` day.

    Attributes:
        days: rising day numbers, shape (days,).
        unit_ids: shape (units,).
        features: the features, in column order.
        values: shape (features, days, units), single precision. Features come first, so
            that a table of rows is a view and not a copy.
    """

    days: Days
    unit_ids: NDArray[np.object_]
    features: tuple[Feature, ...]
    values: NDArray[np.float32]

    @property
    def names(self) -> list[str]:
        """Feature names, in column order."""
        return [f.name for f in self.features]

    def rows(self, keep: NDArray[np.bool_] | None = None) -> pd.DataFrame:
        """The features as a table of (days x units) rows, days outermost.

        Args:
            keep: which days to take, shape (days,); all when not given.
        """
        values = self.values if keep is None else self.values[:, keep]
        table = values.reshape(len(self.features), -1).T
        return pd.DataFrame(table, columns=self.names, copy=False)

    def index(self) -> pd.DataFrame:
        """`as_of` and `unit_id` of each row of `rows()`."""
        return pd.DataFrame(
            {
                "as_of": timestamps(np.repeat(self.days, len(self.unit_ids))),
                "unit_id": np.tile(self.unit_ids, len(self.days)),
            }
        )


def registered() -> list[Feature]:
    """Every feature that all countries have, family by family.

    The order is that of `MODULES`, whichever of them was imported first: a model fitted on
    columns in another order would be another model.
    """
    order = {module.FAMILY: position for position, module in enumerate(MODULES)}
    return sorted(FEATURES.values(), key=lambda f: order[f.family])


def unknown_names(names: Iterable[str]) -> list[str]:
    """The names that are neither registered nor variables of the demographics table."""
    return sorted(n for n in names if n not in FEATURES and not n.startswith(AREA_PREFIX))


def select(names: tuple[str, ...], context: Context) -> tuple[Feature, ...]:
    """The features asked for; with no names, all registered ones and the pack's variables.

    Their words are those of the context's target.

    Raises:
        ConfigError: a name is neither registered nor a variable that the pack declares.
    """
    brought = {AREA_PREFIX + v: demographics.area_feature(v) for v in context.variables}
    available = {f.name: f for f in registered()} | brought
    unknown = [n for n in names if n not in available]
    if unknown:
        raise ConfigError(
            f"features: expected names of the registry or {AREA_PREFIX}<variable>, "
            f"got {', '.join(unknown)}; see docs/reference/features.md"
        )
    return tuple(available[n].about(context.target) for n in (names or available))


def build_panel(context: Context, names: tuple[str, ...] = ()) -> Panel:
    """Compute features over units x days.

    Args:
        context: tables, days, target and horizon.
        names: features wanted; empty means all.

    Raises:
        ConfigError: an unknown feature name.
    """
    features = select(names, context)
    values = np.empty((len(features), len(context.days), context.n_units), dtype=np.float32)
    for position, feature in enumerate(features):
        values[position] = feature.compute(context)
    unit_ids = context.units["unit_id"].to_numpy(dtype=object)
    return Panel(context.days, unit_ids, features, values)
