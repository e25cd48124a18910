"""Champion and challengers: who becomes champion, the log of decisions, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from features.errors import ConfigError, NotFoundError
from features.kernels import Floats
from models.development import revalidate
from models.forecaster import Forecaster
from models.promotion import CHAMPION, Decision, Limits, Rival, decide
from models.recipes import recipe
from models.registry import Decided, ModelRegistry, Version
from pipelines.pack import Pack
from pipelines.question import Question, settle_days
from pipelines.training import Prepared, Trained, settings_of, widened

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Actor:
    """Who decides, with what command, when, and why.

    Attributes:
        by: a person's or machine's name, for the log.
        command: `run`, `promote` or `rollback`.
        now: the caller's clock.
        reason: in the person's words; may be empty.
        accept_shift: whether an output far from the champion's is accepted.
    """

    by: str
    command: str
    now: datetime
    reason: str = ""
    accept_shift: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of a training.

    Attributes:
        version: what planners see on the training's day.
        decided: the decision as it is logged.
        table: the scores it rests on.
    """

    version: Version
    decided: Decided
    table: pd.DataFrame


@dataclass(frozen=True)
class Challenge:
    """A training that asks for the champion's place."""

    pack: Pack
    prepared: Prepared
    question: Question
    registry: ModelRegistry
    trained: Trained
    progress: Progress

    @property
    def name(self) -> str:
        """The registered model that it is about."""
        return next(iter(self.trained.versions.values())).name

    def last(self) -> Decided | None:
        """The last decision about this training, if there was one."""
        digest = next(iter(self.trained.versions.values())).training_digest
        taken = self.registry.decisions(self.name)
        return next((d for d in reversed(taken) if d.training_digest == digest), None)

    def champion(self) -> Version | None:
        """The champion, unless it was trained for something else and cannot be shown."""
        found = self.registry.champion(self.name)
        if found is not None and found.settings != settings_of(self.pack, self.question):
            self.progress(_of_another_question(found))
            return None
        return found

    def decide(self, actor: Actor) -> Outcome:
        """Hold the training's models against the champion, move the alias, log it.

        A training on an earlier day's knowledge than the champion's changes nothing: asking
        about a past day again must not take planners back in time. What it found best is
        what is seen on that day.
        """
        champion = self.champion()
        ours = self.trained.versions[self.trained.promoted]
        if champion is not None and champion.trained_as_of > ours.trained_as_of:
            reason = (
                f"champion version {champion.version} knows more: it was trained as of "
                f"{champion.trained_as_of}, this as of {ours.trained_as_of}"
            )
            then = self._judge(None, actor, "it is what is seen on that day")
            seen, reasons = self._version(then), (reason, *then.reasons)
            return self._log(actor, "kept", seen, champion, champion, reasons, then.table)
        there = self.registry.champion(self.name)
        alone = _of_another_question(there) if there else "it is the first champion"
        decision = self._judge(champion, actor, alone)
        if decision.chosen is None and champion is not None:
            refused = decision.reasons
            return self._log(
                actor, "refused", champion, champion, champion, refused, decision.table
            )
        chosen = self._version(decision)
        self.registry.promote(chosen)
        return self._log(
            actor, "promoted", chosen, champion, chosen, decision.reasons, decision.table
        )

    def _version(self, decision: Decision) -> Version:
        return self.trained.versions[decision.chosen or self.trained.promoted]

    def _judge(self, champion: Version | None, actor: Actor, alone: str) -> Decision:
        rival, table = None, self.trained.table
        if champion is not None:
            rival, table = self._rival(champion)
            alone = f"champion version {champion.version} cannot score any more"
        shift = float("inf") if actor.accept_shift else self.pack.promotion.output_distance
        said = self.pack.promotion
        limits = Limits(said.calibration_tolerance, shift, said.brier_tolerance)
        barred = {} if actor.command == "promote" else self._barred()
        return decide(table, rival, self._output, limits, barred, alone)

    def _rival(self, champion: Version) -> tuple[Rival | None, pd.DataFrame]:
        """The champion's present output and row, its recipe fitted again where need be."""
        table, fitted = self.trained.table, self.registry.load(champion)
        try:
            prepared = widened(self.pack, self.question, self.prepared, fitted.columns)
        except ConfigError as error:
            self.progress(f"champion version {champion.version} cannot score any more: {error}")
            return None, table
        output = fitted.probability(prepared.now[list(fitted.columns)])
        same = [k for k, v in self.trained.versions.items() if v.recipe == champion.recipe]
        if same:
            return Rival(same[0], output), table
        self.progress(f"fitting the recipe of champion version {champion.version} in these folds")
        table = table.drop(index=CHAMPION, errors="ignore")
        table.loc[CHAMPION] = pd.Series(self._scores(fitted, prepared))
        return Rival(CHAMPION, output), table

    def _scores(self, champion: Forecaster, prepared: Prepared) -> dict[str, float]:
        return revalidate(
            recipe(champion),
            prepared.data,
            horizon=self.question.horizon,
            settle_days=settle_days(self.pack),
            blocks=prepared.elections,
            folds=self.pack.training.folds,
            fold_days=self.pack.training.refit_days,
            seed=champion.model.seed,
        )

    def _output(self, kind: str) -> Floats:
        fitted = self.registry.load(self.trained.versions[kind])
        return fitted.probability(self.prepared.now[list(fitted.columns)])

    def _barred(self) -> dict[str, str]:
        """Models whose recipe a person took back, unless a person brought it back since."""
        taken_back: dict[str, str] = {}
        for d in self.registry.decisions(self.name):
            if d.action == "rolled back":
                says = f"rolled back by {d.by} on {d.at:%Y-%m-%d} ({d.reason}); "
                taken_back[d.recipe] = says + "'vigie promote' brings it back"
            elif d.action == "promoted" and d.command == "promote":
                taken_back.pop(d.recipe, None)
        versions = self.trained.versions.items()
        return {kind: taken_back[v.recipe] for kind, v in versions if v.recipe in taken_back}

    def _log(
        self,
        actor: Actor,
        action: str,
        shown: Version,
        before: Version | None,
        after: Version,
        reasons: tuple[str, ...],
        table: pd.DataFrame,
    ) -> Outcome:
        ours = self.trained.versions[self.trained.promoted]
        about = shown if action == "promoted" else ours
        decided = Decided(
            at=actor.now,
            by=actor.by,
            command=actor.command,
            action=action,
            model=self.name,
            training_digest=ours.training_digest,
            recipe=about.recipe,
            shown=shown.version,
            before=before.version if before else "",
            after=after.version,
            reason="\n".join([*([actor.reason] if actor.reason else []), *reasons]),
        )
        self.registry.log_decision(decided, table)
        return Outcome(shown, decided, table)


def follow(challenge: Challenge, actor: Actor) -> Outcome:
    """What was decided about a training before; if nothing was, decide now."""
    taken = challenge.last()
    if taken is None:
        return challenge.decide(actor)
    version = challenge.registry.version(taken.model, taken.shown)
    return Outcome(version, taken, challenge.trained.table)


def roll_back(registry: ModelRegistry, name: str, actor: Actor) -> Decided:
    """Make the champion before the present one champion again, and log it.

    Raises:
        NotFoundError: the model has no champion, or none before it.
    """
    champion = registry.champion(name)
    if champion is None:
        raise NotFoundError(
            f"rollback: expected a model with a champion, got {name!r}; "
            "'vigie decisions' lists the models"
        )
    before = next(
        (
            d.before
            for d in reversed(registry.decisions(name))
            if d.action == "promoted"
            and d.after == champion.version
            and d.before not in ("", champion.version)
        ),
        None,
    )
    if before is None:
        raise NotFoundError(
            f"rollback: expected a champion of {name} before version {champion.version}, got none"
        )
    earlier = registry.version(name, before)
    registry.promote(earlier)
    decided = Decided(
        at=actor.now,
        by=actor.by,
        command=actor.command,
        action="rolled back",
        model=name,
        training_digest=champion.training_digest,
        recipe=champion.recipe,
        shown=earlier.version,
        before=champion.version,
        after=earlier.version,
        reason=actor.reason,
    )
    verdict = champion.verdict or {"table": {}}
    registry.log_decision(decided, pd.DataFrame.from_dict(verdict["table"], orient="index"))
    return decided


def _of_another_question(champion: Version) -> str:
    return f"champion version {champion.version} was trained for another question"
