"""Who may do what: five roles for people and programs, and one for a monitor."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a token is for.

    `field` reads and reports from the areas that it was made for, and must have some. `planner`
    reads its areas, or everywhere, verifies reports and drafts plans and alerts; one that reads
    everywhere may ask for forecasts. `coordinator` also approves deployments and signs alerts.
    `admin` also manages tokens and reads the audit. `monitor` reads `/metrics` and nothing else.
    """

    MONITOR = "monitor"
    FIELD = "field"
    PLANNER = "planner"
    COORDINATOR = "coordinator"
    ADMIN = "admin"


class Action(StrEnum):
    """What a role may be allowed."""

    READ = "read scores"
    REPORT = "send field reports"
    VERIFY = "verify field reports"
    FORECAST = "ask for a forecast"
    PLAN = "draft deployments and alerts"
    APPROVE = "approve deployments and sign alerts"
    ADMINISTER = "manage tokens and read the audit"
    MEASURE = "read the metrics"


_PLANNING = frozenset({Action.READ, Action.REPORT, Action.VERIFY, Action.FORECAST, Action.PLAN})
ALLOWED: dict[Role, frozenset[Action]] = {
    Role.MONITOR: frozenset({Action.MEASURE}),
    Role.FIELD: frozenset({Action.READ, Action.REPORT}),
    Role.PLANNER: _PLANNING,
    Role.COORDINATOR: _PLANNING | {Action.APPROVE},
    Role.ADMIN: frozenset(Action),
}
