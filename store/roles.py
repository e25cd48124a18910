"""Who may do what: four roles for people and programs, and one for a monitor."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a token is for.

    `field` reads the areas that it was made for, and must have some. `planner` reads its areas,
    or everywhere; one that reads everywhere may ask for forecasts. `admin` also
    manages tokens and reads the audit. `monitor` reads `/metrics` and nothing else.
    """

    MONITOR = "monitor"
    FIELD = "field"
    PLANNER = "planner"
    ADMIN = "admin"


class Action(StrEnum):
    """What a role may be allowed."""

    READ = "read scores"
    FORECAST = "ask for a forecast"
    ADMINISTER = "manage tokens and read the audit"
    MEASURE = "read the metrics"


ALLOWED: dict[Role, frozenset[Action]] = {
    Role.MONITOR: frozenset({Action.MEASURE}),
    Role.FIELD: frozenset({Action.READ}),
    Role.PLANNER: frozenset({Action.READ, Action.FORECAST}),
    Role.ADMIN: frozenset(Action),
}
