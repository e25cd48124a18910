"""What a feature function may look at: the tables as arrays over units x days."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from features import kernels, space
from features.days import Days, day_numbers
from features.errors import ContractError
from features.horizon import Horizon, TargetClass
from features.kernels import Floats, Rows
from features.tables import Tables
from features.vocabulary import ElectionType, EventType

NEAR_KM = 30.0
"""What "nearby" means, between representative points: a convention of Vigie."""

FAR_KM = 150.0
"""Beyond this distance units are not neighbours."""


@dataclass(frozen=True)
class Context:
    """The tables of one country or several on a rising grid of `as_of` days.

    Attributes:
        tables: the tables of the pack.
        days: rising day numbers, shape (days,).
        target: the incidents that the forecast is about.
        horizon: the window that each `as_of` day looks at.
        variables: variables of the demographics table that the pack declares. They are not
            read off the table: that a column exists must not depend on what is known.
        windows: first and last day relative to polling day, both included, of the window of each
            type of round that the pack declares.
    """

    tables: Tables
    days: Days
    target: TargetClass
    horizon: Horizon
    variables: tuple[str, ...] = ()
    windows: Mapping[ElectionType, tuple[int, int]] = field(default_factory=dict)
    _memo: dict[object, Floats] = field(default_factory=dict, repr=False)

    def remember(self, key: object, compute: Callable[[], Floats]) -> Floats:
        """Compute once what several features share."""
        if key not in self._memo:
            self._memo[key] = compute()
        return self._memo[key]

    @property
    def units(self) -> pd.DataFrame:
        """The registry, in the order of the panel's units."""
        return self.tables.units

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.units)

    def unit_index(self, unit_ids: pd.Series) -> NDArray[np.int64]:
        """Positions of unit ids in the registry.

        Raises:
            ContractError: an id is not in the registry.
        """
        index = pd.Index(self.units["unit_id"]).get_indexer(pd.Index(unit_ids))
        if (index < 0).any():
            stray = sorted(set(unit_ids[index < 0]))[:5]
            raise ContractError(
                f"expected unit ids of the registry, got {', '.join(stray)}; "
                "ingest the incidents against the same registry"
            )
        return np.asarray(index, dtype=np.int64)

    @cached_property
    def reports(self) -> Rows:
        """Every incident of any type, with weight 1."""
        incidents = self.tables.incidents
        event = day_numbers(incidents["event_date"])
        return Rows(
            unit=self.unit_index(incidents["unit_id"]),
            event=event,
            known=np.maximum(day_numbers(incidents["known_on"]), event),
            weight=np.ones(len(incidents)),
        )

    @cached_property
    def fatalities(self) -> Floats:
        """Deaths per incident, shape (incidents,)."""
        return self.tables.incidents["fatalities"].to_numpy(dtype=float)

    def of_type(self, event_type: EventType) -> Rows:
        """Incidents of one type."""
        mask = (self.tables.incidents["event_type"] == str(event_type)).to_numpy(dtype=bool)
        return self.reports.where(mask)

    @cached_property
    def targets(self) -> Rows:
        """Incidents of the target class."""
        return self.reports.where(self.target.mask(self.tables.incidents))

    def target_decayed(self, half_life: float) -> Floats:
        """Decayed count of the target class, shape (days, units)."""
        return self.remember(
            ("target_decayed", half_life),
            lambda: kernels.decayed(self.targets, self.days, self.n_units, half_life),
        )

    def target_windowed(self, length: int) -> Floats:
        """Count of the target class in the last `length` days, shape (days, units)."""
        return self.remember(
            ("target_windowed", length),
            lambda: kernels.windowed(self.targets, self.days, self.n_units, length),
        )

    @cached_property
    def km(self) -> sparse.csr_array:
        """Distances between neighbouring units, in km, shape (units, units)."""
        return space.distances(self.units, FAR_KM)

    @cached_property
    def parents(self) -> sparse.csr_array:
        """1 where two units share a parent area, the unit itself included."""
        return space.membership(self.units["parent_id"])

    @cached_property
    def regions(self) -> sparse.csr_array:
        """1 where two units share a region, the unit itself included."""
        return space.membership(self.units["region_id"])

    @cached_property
    def countries(self) -> tuple[str, ...]:
        """Codes of the countries that the units lie in, rising."""
        return tuple(sorted(set(self.units["iso3"])))

    @cached_property
    def country_of(self) -> NDArray[np.int64]:
        """Position of each unit's country in `countries`, shape (units,)."""
        return np.searchsorted(self.countries, self.units["iso3"].to_numpy(dtype=str))

    @cached_property
    def near(self) -> sparse.csr_array:
        """1 for other units within `NEAR_KM`."""
        return space.within(self.km, NEAR_KM)


def spread(values: Floats, weights: sparse.csr_array) -> Floats:
    """Sum of the neighbours' values.

    Args:
        values: shape (days, units).
        weights: symmetric, shape (units, units).

    Returns:
        Shape (days, units).
    """
    return np.asarray((weights @ values.T).T)


def mean_over(values: Floats, members: sparse.csr_array) -> Floats:
    """Mean over the units that share an area, the unit itself included; shape (days, units)."""
    return spread(values, members) / np.asarray(members.sum(axis=1)).ravel()


def country_windowed(context: Context, rows: Rows, length: int) -> Floats:
    """Known rows of each unit's whole country in the last `length` days; shape (days, units)."""
    whole = Rows(context.country_of[rows.unit], rows.event, rows.known, rows.weight)
    counts = kernels.windowed(whole, context.days, len(context.countries), length)
    return counts[:, context.country_of]
