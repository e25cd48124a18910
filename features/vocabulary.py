"""The words of the design as Python names: event types, how a place was found, bands, windows.

Every room uses these; no room invents its own spelling.
"""

from __future__ import annotations

from enum import StrEnum

STARTING_POINT = "_intercept"
"""Name of the driver that is no feature: where every unit's log-odds start."""


NO_MODEL = "none"
"""Kind of model of a bulletin that abstains whole."""


NARROW = "\u202f"
"""The space that French sets before : ; ! ? and %, and between thousands."""


class Language(StrEnum):
    """Languages that planners read, the one that everything falls back to first."""

    EN = "en"
    FR = "fr"


class EventType(StrEnum):
    """Kinds of incident, after the event types of ACLED's codebook (2019 version)."""

    BATTLE = "battle"
    EXPLOSION = "explosion"
    VIOLENCE_AGAINST_CIVILIANS = "violence_against_civilians"
    RIOT = "riot"
    PROTEST = "protest"
    STRATEGIC_DEVELOPMENT = "strategic_development"


POLITICAL_VIOLENCE: tuple[EventType, ...] = (
    EventType.BATTLE,
    EventType.EXPLOSION,
    EventType.VIOLENCE_AGAINST_CIVILIANS,
    EventType.RIOT,
)


class CampaignKind(StrEnum):
    """Kinds of campaign event."""

    RALLY = "rally"
    CARAVAN = "caravan"
    MEETING = "meeting"


class WatchKind(StrEnum):
    """Kinds of lasting places to watch."""

    VOTING_CENTER = "voting_center"
    MARKET = "market"
    OTHER = "other"


class ElectionType(StrEnum):
    """Kinds of election."""

    PRESIDENTIAL = "presidential"
    LEGISLATIVE = "legislative"
    MUNICIPAL = "municipal"
    REFERENDUM = "referendum"
    OTHER = "other"


class PlacedBy(StrEnum):
    """How an incident got its unit, in the order in which the matcher tries."""

    PCODE = "pcode"
    NAME = "name"
    ALIAS = "alias"
    POLYGON = "polygon"


class KnownOnRule(StrEnum):
    """Where a row's `known_on` comes from."""

    REPORTED = "reported"
    LAG = "lag"
    DECLARED = "declared"


class Coverage(StrEnum):
    """How far the silence of a unit can be trusted.

    `coarse` means that the source codes every event of the parent area to one of its units.
    """

    GOOD = "good"
    THIN = "thin"
    COARSE = "coarse"
    NONE = "none"


class Band(StrEnum):
    """Posture that a score asks for; thresholds are in `response/bands.py`."""

    VERY_HIGH = "very_high"
    HIGH = "high"
    ELEVATED = "elevated"
    LOW = "low"
    ABSTAINED = "abstained"
