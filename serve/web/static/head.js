// What a bulletin says about itself.

import { byId, el, show } from "./dom.js";
import { NONE, NO_MODEL, count, day, electionSays, percent } from "./words.js";

export function fill(bulletin, round) {
  show(byId("synthetic"), bulletin.synthetic);
  const title = round ? `${bulletin.country}: ${electionSays(round)}` : bulletin.election_id;
  byId("title").textContent = title;
  document.title = `${title} · Vigie`;
  byId("subtitle").textContent =
    `Chance per commune of ${bulletin.target_says}, from ${day(bulletin.window_start)} to ` +
    `${day(bulletin.window_end)}, as known on ${day(bulletin.as_of)}.`;
  const facts = [
    ["As of", day(bulletin.as_of)],
    ["Data", bulletin.vintage || NONE],
    ["Model", bulletin.model_kind === NO_MODEL ? "none: this bulletin abstains" :
      `${bulletin.model_kind}, ${bulletin.model_name} v${bulletin.model_version}`],
    ["Baseline", bulletin.baseline_name || NONE],
    ["Usual rate", `${percent(bulletin.base_rate)} of communes`],
    ["Scored", `${count(bulletin.units - bulletin.abstained)} of ${count(bulletin.units)} communes`],
    ["Digest", bulletin.digest.slice(0, 12), bulletin.digest],
  ];
  byId("facts").replaceChildren(...facts.map(([term, value, title_]) =>
    el("div", {}, el("dt", {}, term), el("dd", { title: title_ ?? null }, value))));
  byId("notes").textContent = bulletin.notes;
  show(byId("notes"), Boolean(bulletin.notes));
}
