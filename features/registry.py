"""The feature registry: every feature's name, family, unit, source, sentence and function.

A feature is one pure function of a `Context`. Modules register theirs when they are
imported; `features/panel.py` imports them all. Unknown names fail when a pack loads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from features.context import Context
from features.errors import ConfigError
from features.kernels import Floats


@dataclass(frozen=True)
class Feature:
    """One feature.

    Attributes:
        name: column of the panel.
        family: what planners see it grouped under.
        unit: unit of its values.
        source: table that it is computed from.
        says: what it measures, a phrase that reads after a value.
        compute: values of shape (days, units), or (days, 1) or (1, units) to be broadcast.
    """

    name: str
    family: str
    unit: str
    source: str
    says: str
    compute: Callable[[Context], Floats]


FEATURES: dict[str, Feature] = {}
"""All features that every country has, by name."""

AREA_PREFIX = "area_"
"""Features named so are variables of the demographics table, which each pack brings."""


def register(
    name: str,
    family: str,
    unit: str,
    source: str,
    says: str,
    compute: Callable[..., Floats],
    **options: object,
) -> None:
    """Add a feature to the registry; `options` are passed on to `compute` by keyword.

    Raises:
        ConfigError: the name is taken.
    """
    if name in FEATURES:
        raise ConfigError(f"feature {name!r}: expected a new name, got one that is taken")
    FEATURES[name] = Feature(
        name, family, unit, source, says, lambda context: compute(context, **options)
    )
