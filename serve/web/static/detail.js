// The panel of one commune: how likely, how sure, why, and what happened before.

import { driverBars, intervalChart, monthChart } from "./charts.js";
import { byId, el } from "./dom.js";
import { bandPill } from "./table.js";
import { COVERAGE_SAYS, NO_MODEL, amount, count, day, eventType, ordinal, percent, plural } from "./words.js";

const FEW_DRIVERS = 8;
const STARTING_POINT = "_intercept"; // as in features/vocabulary.py
const FEW_INCIDENTS = 10;
const HIGHEST = 10;
let onClose = () => {};

export function start(close) {
  onClose = close;
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && byId("detail").classList.contains("open")) close();
  });
}

// No commune chosen: the highest scores, to start from.
export function empty(features, onSelect) {
  const highest = features.filter((f) => f.properties.rank !== null).slice(0, HIGHEST);
  byId("detail").classList.remove("open");
  if (features.length > 0 && highest.length === 0) {
    byId("detail").replaceChildren(el("h2", {}, "No scores"),
      el("p", {}, "Every commune abstains. The notes of this bulletin say why; no score is not " +
        "a low score."));
    return;
  }
  byId("detail").replaceChildren(
    el("h2", {}, "Highest scores"),
    el("p", { class: "faint" }, "Choose a commune here, on the map or in the table to see how sure " +
      "the forecast is, why, and what happened there before."),
    el("ol", { class: "highest" }, ...highest.map(({ id, properties: p }) => {
      const button = el("button", { type: "button" }, el("span", { class: "faint" }, String(p.rank)),
        el("span", {}, p.name, el("small", { class: "faint" }, ` ${p.parent_name}`)),
        el("strong", {}, percent(p.probability)), bandPill(p.band));
      button.addEventListener("click", () => onSelect(id));
      return el("li", {}, button);
    })));
}

function frame(...content) {
  const close = el("button", { type: "button", class: "quiet close", "aria-label": "Close" }, "×");
  close.addEventListener("click", () => onClose());
  byId("detail").classList.add("open");
  byId("detail").replaceChildren(close, ...content);
  byId("detail").scrollTop = 0;
}

export const loading = (name) =>
  frame(el("h2", {}, name), el("p", { class: "faint", role: "status" }, "Reading…"));

export const failed = (problem) =>
  frame(el("h2", {}, problem.title), el("p", { class: "error-text", role: "alert" }, problem.message));

export function fill(answer) {
  const { unit, score, bulletin } = answer;
  frame(
    el("h2", {}, unit.name),
    el("p", { class: "faint" }, `${unit.parent_name} · ${unit.region_name} · ${unit.unit_id}`),
    ...(score.probability === null ? abstained(answer) : scored(answer)),
    el("p", { class: `coverage ${score.coverage}` },
      el("strong", {}, `Coverage: ${COVERAGE_SAYS[score.coverage].toLowerCase()}. `),
      score.coverage_says),
    ...reasons(score),
    ...history(answer.history, bulletin));
}

const abstained = ({ score, bulletin }) => [
  el("p", { class: "figure-line" }, bandPill(score.band)),
  el("p", {}, bulletin.model_kind === NO_MODEL ? bulletin.notes :
    "Reporting from here is too thin to tell quiet from unreported. No score is not a low score."),
];

function scored({ score, bulletin, scored_count }) {
  const level = `${Math.round(bulletin.interval_level * 100)}% interval`;
  return [
    el("p", { class: "figure-line" },
      el("span", { class: "figure" }, percent(score.probability)), bandPill(score.band)),
    el("p", { class: "faint" },
      `chance of ${bulletin.target_says}, ${day(bulletin.window_start)} to ${day(bulletin.window_end)}`),
    intervalChart(score),
    el("dl", { class: "facts small" },
      ...fact(level, `${percent(score.lower)} to ${percent(score.upper)}`),
      ...fact("Rank", `${ordinal(score.rank)} of ${count(scored_count)}`),
      ...fact("Expected incidents", amount(score.expected_incidents)),
      ...fact(`Baseline, dashed (${bulletin.baseline_name})`, percent(score.baseline_probability))),
  ];
}

const fact = (term, value) => [el("div", {}, el("dt", {}, term), el("dd", {}, value))];

function reasons(score) {
  if (score.drivers.length === 0) return [];
  const start = score.drivers.find((d) => d.feature === STARTING_POINT);
  const sorted = score.drivers.filter((d) => d !== start).sort(
    (a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
  const rest = sorted.slice(FEW_DRIVERS);
  const from = start === undefined ? "" :
    `Every commune starts at ${percent(1 / (1 + Math.exp(-start.contribution)))}. `;
  return [
    el("h3", {}, "Why"),
    el("p", { class: "faint" }, `${from}Bars to the right raise the chance, bars to the left ` +
      "lower it. Their length is in log-odds: +0.7 about doubles the odds, −0.7 about halves " +
      "them. They say what the model used, not what causes violence."),
    driverBars(sorted.slice(0, FEW_DRIVERS)),
    rest.length === 0 ? null : el("details", {},
      el("summary", {}, `${plural(rest.length, "smaller driver")}`), driverBars(rest)),
  ].filter(Boolean);
}

function history(known, bulletin) {
  const title = [
    el("h3", {}, "What happened before"),
    el("p", { class: "faint" }, `${plural(known.incidents_count, "incident")} of any type known by ` +
      `${day(known.as_of)}. ${bulletin.vintage}`),
  ];
  if (known.incidents_count === 0) return title;
  return [
    ...title,
    el("p", { class: "key" },
      el("span", { class: "swatch violent" }), "political violence",
      el("span", { class: "swatch other" }), "protest and other"),
    monthChart(known.monthly),
    el("p", { class: "faint" }, `Incidents per month; ${day(known.as_of)} cuts the last one short.`),
    lastOnes(known.incidents),
  ];
}

function lastOnes(incidents) {
  const item = (one) => el("li", {},
    el("time", { datetime: one.event_date }, day(one.event_date)),
    el("span", {}, one.sub_event_type
      ? `${eventType(one.event_type)}: ${one.sub_event_type}` : eventType(one.event_type)),
    el("span", { class: one.fatalities > 0 ? "dead" : "faint" },
      one.fatalities > 0 ? plural(one.fatalities, "death") : "no deaths"),
    el("small", { class: "faint" }, one.geo_precision_says));
  const list = (some) => el("ul", { class: "incidents" }, ...some.map(item));
  const rest = incidents.slice(FEW_INCIDENTS);
  return el("div", {}, list(incidents.slice(0, FEW_INCIDENTS)),
    rest.length === 0 ? null : el("details", {},
      el("summary", {}, `${count(rest.length)} earlier`), list(rest)));
}
