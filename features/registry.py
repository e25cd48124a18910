"""The feature registry: every feature's name, family, unit, source, sentence and function.

A feature is one pure function of a `Context`. Modules register theirs when they are
imported; `features/panel.py` imports them all. Unknown names fail when a pack loads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from features.context import Context
from features.errors import ConfigError
from features.horizon import TargetClass
from features.kernels import Floats
from features.vocabulary import POLITICAL_VIOLENCE, Language
from features.wording import Phrase, phrases


@dataclass(frozen=True)
class Feature:
    """One feature.

    Attributes:
        name: column of the panel.
        family: what planners see it grouped under.
        unit: unit of its values.
        source: table that it is computed from.
        says: what it measures, a phrase that reads after a value, in every language.
        compute: values of shape (days, units), or (days, 1) or (1, units) to be broadcast.
    """

    name: str
    family: str
    unit: str
    source: str
    says: Mapping[Language, Phrase]
    compute: Callable[[Context], Floats]

    def about(self, target: TargetClass) -> Feature:
        """The feature in the words of a target: what counts as an incident, counts in its name."""
        said = {
            language: phrase.instead(
                GENERAL.incident_words(language), target.incident_words(language)
            )
            for language, phrase in self.says.items()
        }
        return replace(self, says=said)


GENERAL = TargetClass("any", POLITICAL_VIOLENCE)
"""The target in whose words features are registered."""

FAMILIES: dict[str, dict[Language, str]] = {
    "starting point": {Language.EN: "starting point", Language.FR: "point de départ"},
    "past incidents here": {
        Language.EN: "past incidents here",
        Language.FR: "incidents passés ici",
    },
    "violence around": {Language.EN: "violence around", Language.FR: "violence alentour"},
    "election": {Language.EN: "election", Language.FR: "scrutin"},
    "campaign": {Language.EN: "campaign", Language.FR: "campagne"},
    "people and place": {
        Language.EN: "people and place",
        Language.FR: "population et territoire",
    },
}
"""Families as planners read them."""

FEATURES: dict[str, Feature] = {}
"""All features that every country has, by name."""

AREA_PREFIX = "area_"
"""Features named so are variables of the demographics table, which each pack brings."""


def register(
    name: str,
    family: str,
    unit: str,
    source: str,
    says: Mapping[str, str],
    compute: Callable[..., Floats],
    exactly: Mapping[str, Mapping[float, str]] | None = None,
    **options: object,
) -> None:
    """Add a feature to the registry; `options` go to `compute` by keyword.

    Args:
        name: column of the panel.
        family: one of `FAMILIES`.
        unit: unit of its values.
        source: table that it is computed from.
        says: language -> phrase that reads after a value (see `features.wording`).
        compute: the function.
        exactly: language -> value -> whole sentence, for values that have one of their own.
        **options: passed on.

    Raises:
        ConfigError: the name is taken, the family is not in `FAMILIES`, or a language is
            missing or unknown.
    """
    if name in FEATURES:
        raise ConfigError(f"feature {name!r}: expected a new name, got one that is taken")
    if family not in FAMILIES:
        raise ConfigError(
            f"feature {name!r}: expected a family among {', '.join(FAMILIES)}, got {family!r}; "
            "add it to FAMILIES in features/registry.py, in every language"
        )
    FEATURES[name] = Feature(
        name,
        family,
        unit,
        source,
        phrases(f"feature {name!r}", says, exactly),
        lambda context: compute(context, **options),
    )
