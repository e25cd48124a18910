"""Model to bulletin: score every unit and write the frozen result to the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import pandas as pd
from sqlalchemy import Engine

from features.coverage import coverage
from features.errors import ConfigError, LeakError
from features.vocabulary import NO_MODEL, Language
from features.wording import in_languages
from models import counts
from models.baselines import BASELINES
from models.drivers import drivers
from models.forecaster import INTERVAL_LEVEL, Forecaster
from models.registry import ModelRegistry, Version
from pipelines.ingest import Ingested
from pipelines.pack import Pack
from pipelines.question import Question, windows
from pipelines.training import Prepared, model_name, settings_of, widened
from response.bands import abstaining, banded
from store.bulletins import (
    BulletinHead,
    write_bulletin,
    write_elections,
    write_incidents,
    write_registry,
)
from store.database import migrate, sessions
from store.deployment_facts import Facts, write_past_deployment, write_planning_facts


@dataclass(frozen=True)
class Issued:
    """A bulletin that was written, with its scores."""

    bulletin_id: str
    scores: pd.DataFrame


def score_units(
    pack: Pack, prepared: Prepared, forecaster: Forecaster, baseline: Forecaster
) -> pd.DataFrame:
    """Score the units asked about on `as_of`.

    Args:
        pack: the country pack.
        prepared: what was known on `as_of`.
        forecaster: the model that planners see.
        baseline: the best baseline, for comparison.

    Returns:
        One row per unit with the columns of `store.schema.Score`.
    """
    X = prepared.now
    scores = forecaster.forecast(X[list(forecaster.columns)])
    scores = scores.join(counts.spread(scores["probability"], scores["expected_incidents"]))
    scores["baseline_probability"] = baseline.probability(X[list(baseline.columns)])
    scores["drivers"] = pd.Series(
        drivers(forecaster.contributions(X[list(forecaster.columns)]), X, prepared.panel.features),
        index=scores.index,
        dtype=object,
    )
    return banded(pd.concat([_coverage(pack, prepared), scores], axis=1))


def _coverage(pack: Pack, prepared: Prepared) -> pd.DataFrame:
    cover = pack.coverage
    silence = coverage(
        prepared.context,
        days=cover.days,
        good_reports=cover.good_reports,
        min_reports=cover.min_reports,
        coarse_areas=pack.places.coarse_areas,
    )
    return silence.loc[prepared.voting].reset_index(drop=True)


def issue(
    pack: Pack,
    ingested: Ingested,
    prepared: Prepared,
    question: Question,
    registry: ModelRegistry,
    version: Version,
    engine: Engine,
    now: datetime,
) -> Issued:
    """Write the bulletin of one model version; the same inputs give the same bulletin.

    Raises:
        LeakError: the version was trained on what was not known on `as_of`.
        ConfigError: the version was trained for another target or horizon.
        ConflictError: the database holds the other kind of data, real or synthetic.
    """
    require_fit_for(version, pack, question)
    forecaster, baseline = load_with_baseline(registry, version)
    prepared = widened(pack, question, prepared, forecaster.columns)
    scores = score_units(pack, prepared, forecaster, baseline)
    head = _head(pack, ingested, prepared, question, version, forecaster.base_rate)
    return _freeze(pack, ingested, prepared, head, scores, engine, now)


def abstain(
    pack: Pack,
    ingested: Ingested,
    prepared: Prepared,
    question: Question,
    reasons: Mapping[Language, str],
    engine: Engine,
    now: datetime,
) -> Issued:
    """Write a bulletin in which every unit abstains, and that says why, in every language.

    Raises:
        ConflictError: the database holds the other kind of data, real or synthetic.
    """
    y = prepared.data.y
    notes = {language: _ABSTAINS[language].format(said) for language, said in reasons.items()}
    head = replace(
        _blank_head(pack, ingested, prepared, question, notes),
        model_name=model_name(pack, question),
        base_rate=float(y.mean()) if len(y) else 0.0,
    )
    scores = abstaining(_coverage(pack, prepared))
    return _freeze(pack, ingested, prepared, head, scores, engine, now)


def _freeze(
    pack: Pack,
    ingested: Ingested,
    prepared: Prepared,
    head: BulletinHead,
    scores: pd.DataFrame,
    engine: Engine,
    now: datetime,
) -> Issued:
    """Write a bulletin, and with it the registry, calendar and incidents that it speaks of."""
    units = prepared.context.units.loc[prepared.voting]
    ids = set(units["unit_id"])
    outlines = ingested.polygons
    incidents = prepared.context.tables.incidents
    country = ", ".join(pack.country_names[code] for code in sorted(set(units["iso3"])))
    migrate(engine)
    with sessions(engine).begin() as session:
        registry_id = write_registry(
            session,
            registry=units,
            polygons=outlines.loc[outlines["unit_id"].isin(ids)],
            country=country,
            synthetic=pack.synthetic,
            created_at=now,
        )
        write_elections(session, windows(pack, ingested.tables.elections), pack.synthetic)
        write_incidents(
            session,
            data_digest=prepared.data_digest,
            registry_id=registry_id,
            incidents=incidents.loc[incidents["unit_id"].isin(ids)],
        )
        write_planning_facts(
            session,
            Facts(
                data_digest=prepared.data_digest,
                registry_id=registry_id,
                units=units,
                campaign_events=ingested.tables.campaign_events,
                watch_places=ingested.watch_places,
                demographics=ingested.tables.demographics,
            ),
        )
        for election_id, past in pack.deployments.items():
            said = {str(language): words for language, words in past.source.items()}
            write_past_deployment(session, election_id, past.mediators, past.regions, said)
        head = replace(head, registry_id=registry_id)
        bulletin_id = write_bulletin(session, head, scores, created_at=now)
    return Issued(bulletin_id, scores)


def load_with_baseline(registry: ModelRegistry, version: Version) -> tuple[Forecaster, Forecaster]:
    """The model of a version, and the baseline that it was held against."""
    siblings = {v.kind: v for v in registry.find(version.name, version.training_digest)}
    return registry.load(version), registry.load(siblings[_best_baseline(version)])


def require_fit_for(version: Version, pack: Pack, question: Question) -> None:
    """Refuse a version that knows too much, or was made for something else."""
    if version.trained_as_of > question.as_of:
        raise LeakError(
            f"model {version.name} version {version.version}: expected one trained on what was "
            f"known on {question.as_of}, got one trained as of {version.trained_as_of}; "
            f"run 'vigie run' with --as-of {question.as_of}"
        )
    if version.settings != settings_of(pack, question):
        raise ConfigError(
            f"model {version.name} version {version.version}: expected one trained for the "
            "target and horizon of the question, got one trained for others; run 'vigie train' "
            "and 'vigie promote'"
        )


def _best_baseline(version: Version) -> str:
    """The baseline that the version was held against.

    Raises:
        ConfigError: its training was cut short, so that it was held against none.
    """
    if version.verdict is None:
        raise ConfigError(
            f"model {version.name} version {version.version}: expected the verdict of a complete "
            "training, got none; run 'vigie train' again"
        )
    return str(version.verdict["best_baseline"])


def _blank_head(
    pack: Pack,
    ingested: Ingested,
    prepared: Prepared,
    question: Question,
    notes: Mapping[Language, str],
) -> BulletinHead:
    """What every bulletin says about itself; what depends on the model is empty."""
    words = in_languages(
        {
            language: {
                "target_says": question.target.says_in(language),
                "vintage": vintage(pack, ingested, language),
                "notes": notes[language],
            }
            for language in Language
        }
    )
    return BulletinHead(
        election_id=question.election_id,
        registry_id="",
        iso3=str(prepared.context.units.loc[prepared.voting, "iso3"].iloc[0]),
        target=question.target.name,
        as_of=question.as_of,
        window_start=question.window_start,
        window_end=question.window_end,
        model_name="",
        model_version="",
        model_kind=NO_MODEL,
        model_digest="",
        data_digest=prepared.data_digest,
        baseline_name="",
        base_rate=0.0,
        interval_level=INTERVAL_LEVEL,
        synthetic=pack.synthetic,
        **words,
    )


def _head(
    pack: Pack,
    ingested: Ingested,
    prepared: Prepared,
    question: Question,
    version: Version,
    base_rate: float,
) -> BulletinHead:
    """What the bulletin of a model version says about itself."""
    notes = {one: _notes(ingested, question, version, one) for one in Language}
    return replace(
        _blank_head(pack, ingested, prepared, question, notes),
        model_name=version.name,
        model_version=version.version,
        model_kind=version.kind,
        model_digest=version.digest,
        baseline_name=_best_baseline(version),
        base_rate=base_rate,
    )


_RETROSPECTIVE = {"retrospective vintage": "données rétrospectives"}
"""What connectors say of a vintage, in French."""


def vintage(pack: Pack, ingested: Ingested, language: Language = Language.EN) -> str:
    """When the data were known: the pack's own words, else those of the snapshots."""
    said = sorted({m.vintage for m in ingested.manifests.values() if m.vintage})
    if language is Language.FR:
        said = [_RETROSPECTIVE.get(text, text) for text in said]
    return pack.vintage.get(language) or "; ".join(said)


_NO_MODEL = {
    Language.EN: "No model both beat the baselines on held-out time and passed the guards on its "
    "output, so this bulletin shows the best baseline, {}{}.",
    Language.FR: "Aucun modèle n'a à la fois fait mieux que les références sur les périodes mises "
    "de côté et satisfait aux contrôles\u202f: ce bulletin montre donc la meilleure référence, {}.",
}
_TRAINED = {
    Language.EN: "The model was trained on what was known on {}.",
    Language.FR: "Le modèle a été entraîné sur ce qui était connu le {}.",
}
_ABSTAINS = {
    Language.EN: "This bulletin abstains. {} No score is not a low score; bulletins of other "
    "targets for the same round may speak.",
    Language.FR: "Ce bulletin s'abstient. {} L'absence de score n'est pas un score faible ; des "
    "bulletins d'autres cibles pour le même tour peuvent se prononcer.",
}
_CALENDAR = {Language.EN: "Calendar: {}.", Language.FR: "Calendrier : {}."}
_CAUTION = {
    Language.EN: "Intervals come from models fitted without some of the years, and from how far "
    "communes strayed from their forecasts in held-out years; bands are a convention. "
    "Scores speak of reported incidents, not of all that happens.",
    Language.FR: "Les intervalles viennent de modèles ajustés sans certaines années, et de l'écart "
    "des communes à leurs prévisions pendant les années mises de côté ; les niveaux sont une "
    "convention. Les scores parlent des incidents signalés, non de tout ce qui se passe.",
}


def _notes(ingested: Ingested, question: Question, version: Version, language: Language) -> str:
    """What a reader must know before acting on the bulletin."""
    notes = []
    if version.kind in BASELINES:
        reasons = "; ".join((version.verdict or {}).get("refused", [])[:3])
        told = f" ({reasons})" if reasons else ""
        notes.append(_NO_MODEL[language].format(version.kind.replace("_", " "), told))
    if version.trained_as_of < question.as_of:
        notes.append(_TRAINED[language].format(version.trained_as_of))
    calendar = ingested.tables.elections.set_index("election_id")
    remark = calendar.loc[question.election_id, "note"]
    if isinstance(remark, str):
        notes.append(_CALENDAR[language].format(remark))
    notes.append(_CAUTION[language])
    return " ".join(notes)
