"""What a forecast is asked: which incidents count, and over which days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.vocabulary import POLITICAL_VIOLENCE, EventType, Language

_TYPES_FR = {
    EventType.BATTLE: "combat",
    EventType.EXPLOSION: "explosion",
    EventType.VIOLENCE_AGAINST_CIVILIANS: "violences contre des civils",
    EventType.RIOT: "émeute",
    EventType.PROTEST: "manifestation",
    EventType.STRATEGIC_DEVELOPMENT: "autre fait signalé",
}


_FR_VIOLENT, _FR_DEADLY, _FR_LINKED = "violent[s]", "meurtrier[s]", "lié[s] à un scrutin"


@dataclass(frozen=True)
class TargetClass:
    """The incidents that count.

    Attributes:
        name: short name, such as `any`.
        event_types: types that count.
        min_fatalities: deaths needed for an incident to count.
        electoral_only: whether only incidents marked electoral count.
    """

    name: str
    event_types: tuple[EventType, ...]
    min_fatalities: int = 0
    electoral_only: bool = False

    def mask(self, incidents: pd.DataFrame) -> np.ndarray:
        """Which rows of an incidents table count, as booleans of shape (rows,)."""
        types = [str(t) for t in self.event_types]
        counts = incidents["event_type"].isin(types) & (
            incidents["fatalities"] >= self.min_fatalities
        )
        if self.electoral_only:
            counts &= incidents["electoral"]
        return counts.to_numpy(dtype=bool)

    def incident_words(self, language: Language) -> tuple[str, str, str]:
        """One that counts, in a few words: with brackets for its number, of many, and of one.

        "violent incident[s]", "violent incidents", "violent incident". Classes that no adjective
        fits are incidents "of the target", whose rule stands beside every forecast.
        """
        plain = self.min_fatalities <= 1 and set(self.event_types) >= set(POLITICAL_VIOLENCE)
        if language is Language.FR:
            traits = [_FR_DEADLY] * bool(self.min_fatalities) + [_FR_LINKED] * self.electoral_only
            text = f"incident[s] {' '.join(traits or [_FR_VIOLENT]) if plain else 'de la cible'}"
        else:
            traits = ["deadly"] * bool(self.min_fatalities)
            traits += ["election-linked"] * self.electoral_only
            told = f"{' '.join(traits or ['violent'])} incident[s]"
            text = told if plain else "incident[s] of the target"
        return text, text.replace("[s]", "s"), text.replace("[s]", "")

    @property
    def says(self) -> str:
        """The class in English words."""
        return self.says_in(Language.EN)

    def says_in(self, language: Language) -> str:
        """The class in words of a language."""
        if language is Language.FR:
            return self._says_in_french()
        types = ", ".join(str(t).replace("_", " ") for t in self.event_types)
        words = f"at least one incident of: {types}"
        if self.min_fatalities:
            words += f", with {self.min_fatalities} or more deaths"
        if self.electoral_only:
            words += ", linked to an election"
        return words

    def _says_in_french(self) -> str:
        types = ", ".join(_TYPES_FR[t] for t in self.event_types)
        words = f"au moins un incident de type\u202f: {types}"
        if self.min_fatalities:
            dead = "mort" if self.min_fatalities == 1 else "morts"
            words += f", avec au moins {self.min_fatalities} {dead}"
        if self.electoral_only:
            words += ", lié à un scrutin"
        return words


@dataclass(frozen=True)
class Horizon:
    """The window seen from `as_of`: days `as_of + lead + 1` to `as_of + lead + length`.

    Attributes:
        lead_days: days between `as_of` and the eve of the window, 0 or more.
        length_days: days in the window, 1 or more.
    """

    lead_days: int
    length_days: int

    def __post_init__(self) -> None:
        if self.lead_days < 0 or self.length_days < 1:
            raise ValueError(
                f"horizon: expected lead_days >= 0 and length_days >= 1, got {self}; "
                "ask for an as_of before the window"
            )

    @property
    def first_day(self) -> int:
        """Offset of the window's first day from `as_of`, in days."""
        return self.lead_days + 1

    @property
    def last_day(self) -> int:
        """Offset of the window's last day from `as_of`, in days."""
        return self.lead_days + self.length_days
