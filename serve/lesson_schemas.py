"""What the API answers about lessons."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from response.vocabulary import Level
from serve.schemas import BULLETIN_ID, Moment

LESSONS_ID = f"{BULLETIN_ID}.lessons.2018-09-01.4be1a2c7"


class _Answer(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class LessonsHead(_Answer):
    """Lessons of a round, as they were known on a day."""

    lessons_id: str = Field(examples=[LESSONS_ID])
    election_id: str = Field(examples=["MLI-2018-PRES-1"])
    bulletin_id: str = Field(description="Bulletin that is judged", examples=[BULLETIN_ID])
    as_of: date = Field(description="Day whose knowledge they use")
    is_settled: bool = Field(description="Whether the last reports of the window can be in")
    synthetic: bool = Field(description="Whether the data are made up")
    digest: str = Field(description="SHA-256 of the canonical form of the document")
    created_at: Moment
    document: str = Field(description="Address of the document")
    page: str = Field(description="Address of the page, which prints on A4")


class LessonsList(_Answer):
    """Lessons of one round, those of the newest day first."""

    lessons: list[LessonsHead]


class Finding(BaseModel):
    """What one declared rule came to."""

    rule: str = Field(examples=["uncovered_region"])
    level: Level = Field(description="Who would have to change something")
    state: Literal["change", "fine", "no_data"]
    figure: float | None = Field(description="What the rule looked at; null without data")
    limit: float = Field(description="Where it starts to ask for a change")
    above: bool = Field(description="Whether it asks from the limit up, else below it")
    values: dict[str, Any] = Field(description="What its sentence tells")
    asks: dict[str, str] = Field(description="Language -> what it looks at")
    says: dict[str, str | None] = Field(description="Language -> what to change; null if nothing")


class LessonsDocument(BaseModel):
    """Lessons as plain values; docs/reference/lessons.md says what is in each part."""

    model_config = ConfigDict(extra="forbid")

    schema_: str = Field(alias="schema", examples=["vigie.lessons/1"])
    about: dict[str, Any] = Field(description="Round, bulletin, window, days and vintage")
    target_says: dict[str, str] = Field(description="Language -> what counts")
    settled: dict[str, Any] = Field(description="Whether the last reports can be in, from when")
    headlines: dict[str, list[str]] = Field(description="Language -> sentences")
    totals: dict[str, Any] = Field(description="The round in a few numbers")
    regions: list[dict[str, Any]] = Field(description="What happened and was expected in each")
    forecast: dict[str, Any] = Field(description="Scores, reliability, bands, counts of outcomes")
    units: list[dict[str, Any]] = Field(description="Units with a warning or an incident, by name")
    deployment: dict[str, Any] = Field(description="Coverage, other plans, hot spots")
    reports: dict[str, Any] = Field(description="Field reports, or status `none`")
    alerts: dict[str, Any] = Field(description="Alerts, or status `none`")
    levels: dict[str, dict[str, Any]] = Field(description="Level -> its figures and alerts")
    findings: list[Finding] = Field(description="Every rule, those that ask for a change first")
    limits: dict[str, Any] = Field(description="Where figures start to ask for a change")
    caution: dict[str, str] = Field(description="Language -> what this does not say")
