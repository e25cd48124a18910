"""A bulletin scored again under a scenario. Neither the bulletin nor the database is touched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from features import campaign
from features.errors import ConfigError
from features.registry import FAMILIES, Feature
from features.tables import known
from features.vocabulary import Language
from features.wording import in_languages
from models.drivers import NAMED, joined, wording
from models.forecaster import Forecaster
from models.registry import ModelRegistry, Version
from pipelines.forecasting import load_with_baseline, require_fit_for, score_units
from pipelines.ingest import Ingested
from pipelines.pack import Pack
from pipelines.question import Question, ask
from pipelines.scenario import Scenario, assume
from pipelines.training import Prepared, prepare, widened
from store import reading
from store.database import is_current, sessions
from store.schema import Bulletin, Score

_SAME = 1e-9
"""Probabilities farther apart than this are not the bulletin's own."""


@dataclass(frozen=True)
class WhatIf:
    """A bulletin beside what it would have been.

    Attributes:
        bulletin_id: the bulletin.
        scenario: what was assumed.
        before: the bulletin's scores, one row per unit.
        after: the scores under the scenario, in the same order.
        drivers: what moved each unit's score, in the same order (see `changed_drivers`).
    """

    bulletin_id: str
    scenario: Scenario
    before: pd.DataFrame
    after: pd.DataFrame
    drivers: list[list[dict[str, Any]]]

    @property
    def changed(self) -> pd.DataFrame:
        """Units whose probability changed, the largest change first.

        Returns:
            `unit_id`, `before`, `after`, `change`, `rank_before`, `rank_after`, `band_before`,
            `band_after`, `drivers`.
        """
        a, b = self.before, self.after
        table = pd.DataFrame(
            {
                "unit_id": a["unit_id"],
                "before": a["probability"],
                "after": b["probability"],
                "change": b["probability"] - a["probability"],
                "rank_before": a["rank"],
                "rank_after": b["rank"],
                "band_before": a["band"],
                "band_after": b["band"],
                "drivers": pd.Series(self.drivers, index=a.index, dtype=object),
            }
        )
        moved = table.loc[table["change"].notna() & (table["change"] != 0)]
        order = np.argsort(-moved["change"].abs().to_numpy(), kind="stable")
        return moved.iloc[order].reset_index(drop=True)


def changed_drivers(
    forecaster: Forecaster, before: Prepared, after: Prepared
) -> list[list[dict[str, Any]]]:
    """What moved each unit's score, by family of features, the largest change first.

    Returns:
        For each unit, dicts with `family`, `change` (of its contribution, in log-odds), `says`
        and `said_before`: the features of the family whose values the scenario changed, two at
        most, as they are under it and in the bulletin. Both are empty where only the weight of
        the family changed, because of what changed elsewhere. Other languages are under
        `translations`.
    """
    columns = list(forecaster.columns)
    X, assumed = before.now[columns], after.now[columns]
    moved = forecaster.contributions(assumed) - forecaster.contributions(X)
    features = [f for f in before.panel.features if f.name in moved.columns]
    names = [f.name for f in features]
    table = moved[names].to_numpy(dtype=float)
    old, new = X[names].to_numpy(dtype=float), assumed[names].to_numpy(dtype=float)
    families = list(dict.fromkeys(f.family for f in features))
    places = {name: [i for i, f in enumerate(features) if f.family == name] for name in families}
    out = []
    for row, was, now in zip(table, old, new, strict=True):
        found = []
        for family, members in places.items():
            change = float(row[members].sum())
            if change == 0:
                continue
            touched = [i for i in members if was[i] != now[i] and not np.isnan(was[i] + now[i])]
            told = sorted(touched, key=lambda i: -abs(row[i]))[:NAMED]
            values = [(features[i], float(was[i]), float(now[i])) for i in told]
            found.append({"family": family, "change": change, **_said(family, values)})
        out.append(sorted(found, key=lambda d: -abs(d["change"])))
    return out


def _said(family: str, values: list[tuple[Feature, float, float]]) -> dict[str, Any]:
    """A family and its changed features in words."""
    return in_languages(
        {
            language: {
                "family": FAMILIES[family][language],
                "says": joined([wording(f, now, language) for f, _, now in values], language),
                "said_before": joined(
                    [wording(f, was, language) for f, was, _ in values], language
                ),
            }
            for language in Language
        }
    )


def what_if(
    pack: Pack,
    ingested: Ingested,
    registry: ModelRegistry,
    engine: Engine,
    bulletin_id: str,
    scenario: Scenario,
) -> WhatIf:
    """Score a bulletin again, with its own model on its own data and the scenario's rows.

    Raises:
        NotFoundError: no such bulletin, or its model version is gone.
        ConfigError: the data, the pack, the model or the code are not those of the bulletin,
            the scenario is wrong, or the model cannot answer it.
    """
    head, frozen = _read(engine, bulletin_id)
    question = _question(pack, ingested, head)
    version = _version(pack, question, registry, head)
    tables = known(ingested.tables, pd.Timestamp(head.as_of))
    prepared = prepare(pack, tables, question)
    _require_same_data(prepared, head)
    forecaster, baseline = load_with_baseline(registry, version)
    # The pack of today may name fewer features than the model was trained on.
    columns = (*forecaster.columns, *baseline.columns)
    prepared = widened(pack, question, prepared, columns)
    before = score_units(pack, prepared, forecaster, baseline)
    _require_same_scores(before, frozen, bulletin_id)
    if scenario.campaigns:
        _require_campaigns(forecaster, prepared)
    assumed = prepare(pack, assume(tables, scenario, head.as_of), question, columns)
    # An assumed incident is no report: it must not make a silent region look watched.
    after = score_units(pack, replace(assumed, context=prepared.context), forecaster, baseline)
    drivers = changed_drivers(forecaster, prepared, assumed)
    return WhatIf(bulletin_id, scenario, before, after, drivers)


def _read(engine: Engine, bulletin_id: str) -> tuple[Bulletin, dict[str, Score]]:
    """The bulletin and its scores by unit."""
    if not is_current(engine):
        raise ConfigError(
            "what-if: expected a database at the newest revision, got an older or empty one; "
            "issue a bulletin with 'vigie run' or 'vigie forecast', which brings it there"
        )
    with sessions(engine)() as session:
        head = reading.bulletin(session, bulletin_id)
        return head, {s.unit.unit_id: s.score for s in reading.scores(session, head)}


def _question(pack: Pack, ingested: Ingested, head: Bulletin) -> Question:
    """The question that the bulletin answered."""
    elections = ingested.tables.elections
    question = ask(pack, elections, head.election_id, head.as_of, head.target)
    window = (question.window_start, question.window_end)
    if window != (head.window_start, head.window_end):
        raise ConfigError(
            f"what-if: expected the window of bulletin {head.bulletin_id}, {head.window_start} to "
            f"{head.window_end}, got {window[0]} to {window[1]} from {pack.file.name}; "
            "use the country pack and calendar that the bulletin was made with"
        )
    return question


def _version(pack: Pack, question: Question, registry: ModelRegistry, head: Bulletin) -> Version:
    """The bulletin's own model version, whichever is champion today."""
    version = registry.version(head.model_name, head.model_version)
    if version.digest != head.model_digest:
        raise ConfigError(
            f"what-if: expected model {head.model_name} version {head.model_version} with digest "
            f"{head.model_digest[:12]}, as bulletin {head.bulletin_id} says, got "
            f"{version.digest[:12]}; point VIGIE_TRACKING_URI at the store it was trained in"
        )
    require_fit_for(version, pack, question)
    return version


def _require_same_data(prepared: Prepared, head: Bulletin) -> None:
    if prepared.data_digest != head.data_digest:
        raise ConfigError(
            f"what-if: expected the data of bulletin {head.bulletin_id}, digest "
            f"{head.data_digest[:12]}, got {prepared.data_digest[:12]}: what was known on "
            f"{head.as_of} has been corrected since; restore the source files, or issue a new "
            "bulletin and ask about that one"
        )


def _require_same_scores(scores: pd.DataFrame, frozen: dict[str, Score], bulletin_id: str) -> None:
    """Refuse when the code that computes scores is not what it was."""
    kept = np.array([frozen[u].probability for u in scores["unit_id"]], dtype=float)
    now = scores["probability"].to_numpy(dtype=float)
    same = (np.isnan(kept) & np.isnan(now)) | (np.abs(kept - now) <= _SAME)
    if not same.all():
        first = scores["unit_id"].iloc[int(np.argmin(same))]
        raise ConfigError(
            f"what-if: expected to find the scores of bulletin {bulletin_id} again, got others "
            f"for {int((~same).sum())} units, {first} among them: the code or the pack's "
            "coverage changed since; check out the version that issued it, or issue a new one"
        )


def _require_campaigns(forecaster: Forecaster, prepared: Prepared) -> None:
    """Refuse to ask about campaign events a model that never saw one."""
    names = {f.name for f in prepared.panel.features if f.family == campaign.FAMILY}
    used = names & set(forecaster.contributions(prepared.now[list(forecaster.columns)]).columns)
    if not used or prepared.data.X[sorted(used)].isna().to_numpy().all():
        raise ConfigError(
            f"what-if: expected a model that learned from campaign events, got {forecaster.kind}, "
            "which saw none in training: it cannot tell what one would change; add a "
            "campaign_events source to the country pack and train again"
        )


def as_json(result: WhatIf) -> dict[str, Any]:
    """What a scenario would change, as plain values."""
    scores = result.before.merge(result.after, on="unit_id", suffixes=("_before", "_after"))
    columns = ["probability", "lower", "upper", "expected_incidents", "rank", "band"]
    return {
        "bulletin_id": result.bulletin_id,
        "scenario": result.scenario.model_dump(mode="json"),
        "changed": result.changed.to_dict("records"),
        "scores": scores[
            ["unit_id", *(f"{c}_{when}" for c in columns for when in ("before", "after"))]
        ].to_dict("records"),
    }
