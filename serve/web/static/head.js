// What a bulletin says about itself.

import { byId, el, show } from "./dom.js";
import { language, t } from "./language.js";
import { NONE, NO_MODEL, count, day, electionSays, percent } from "./words.js";

export function fill(bulletin, round) {
  show(byId("synthetic"), bulletin.synthetic);
  const title = round
    ? t("{country}: {election}", { country: bulletin.country, election: electionSays(round) })
    : bulletin.election_id;
  byId("title").textContent = title;
  document.title = `${title} · Vigie`;
  byId("subtitle").textContent =
    t("Chance per commune of {target}, from {start} to {end}, as known on {day}.", {
      target: bulletin.target_says, start: day(bulletin.window_start),
      end: day(bulletin.window_end), day: day(bulletin.as_of),
    });
  const facts = [
    [t("As of"), day(bulletin.as_of)],
    [t("Data"), bulletin.vintage || NONE],
    [t("Model"), bulletin.model_kind === NO_MODEL ? t("none: this bulletin abstains") :
      `${bulletin.model_kind}, ${bulletin.model_name} v${bulletin.model_version}`],
    [t("Baseline"), bulletin.baseline_name || NONE],
    [t("Usual rate"), t("{share} of communes", { share: percent(bulletin.base_rate) })],
    [t("Scored"), t("{n} of {all} communes", {
      n: count(bulletin.units - bulletin.abstained), all: count(bulletin.units),
    })],
    [t("Digest"), bulletin.digest.slice(0, 12), bulletin.digest],
  ];
  byId("facts").replaceChildren(...facts.map(([term, value, title_]) =>
    el("div", {}, el("dt", {}, term), el("dd", { title: title_ ?? null }, value))));
  byId("notes").textContent = bulletin.notes;
  show(byId("notes"), Boolean(bulletin.notes));
}

// A link to the newest lessons of the round, where somebody drew them.
export function fillLessons([newest]) {
  show(byId("lessons"), Boolean(newest));
  if (!newest) return;
  const known = { day: day(newest.as_of) };
  const says = newest.is_settled ? t("Lessons of this round, as known on {day}", known)
    : t("Provisional lessons of this round, as known on {day}", known);
  const page = { href: `${newest.page}?lang=${language}`, target: "_blank", rel: "noopener" };
  byId("lessons").replaceChildren(el("a", page, says));
}
