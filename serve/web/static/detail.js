// The panel of one commune: how likely, how sure, why, and what happened before.

import { driverBars, intervalChart, monthChart } from "./charts.js";
import { byId, el } from "./dom.js";
import { t } from "./language.js";
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
    byId("detail").replaceChildren(el("h2", {}, t("No scores")),
      el("p", {}, t("Every commune abstains. The notes of this bulletin say why; no score is not " +
        "a low score.")));
    return;
  }
  byId("detail").replaceChildren(
    el("h2", {}, t("Highest scores")),
    el("p", { class: "faint" }, t("Choose a commune here, on the map or in the table to see how sure " +
      "the forecast is, why, and what happened there before.")),
    el("ol", { class: "highest" }, ...highest.map(({ id, properties: p }) => {
      const button = el("button", { type: "button" }, el("span", { class: "faint" }, String(p.rank)),
        el("span", {}, p.name, el("small", { class: "faint" }, ` ${p.parent_name}`)),
        el("strong", {}, percent(p.probability)), bandPill(p.band));
      button.addEventListener("click", () => onSelect(id));
      return el("li", {}, button);
    })));
}

function frame(...content) {
  const close = el("button", { type: "button", class: "quiet close", "aria-label": t("Close") }, "×");
  close.addEventListener("click", () => onClose());
  byId("detail").classList.add("open");
  byId("detail").replaceChildren(close, ...content);
  byId("detail").scrollTop = 0;
}

export const loading = (name) =>
  frame(el("h2", {}, name), el("p", { class: "faint", role: "status" }, t("Reading…")));

export const failed = (problem) =>
  frame(el("h2", {}, problem.title), el("p", { class: "error-text", role: "alert" }, problem.message));

// `now` is what the nowcast says of the commune; empty where the bulletin alone is shown.
export function fill(answer, now = []) {
  const { unit, score, bulletin } = answer;
  frame(
    el("h2", {}, unit.name),
    el("p", { class: "faint" }, `${unit.parent_name} · ${unit.region_name} · ${unit.unit_id}`),
    ...now,
    ...(score.probability === null ? abstained(answer) : scored(answer)),
    el("p", { class: `coverage ${score.coverage}` },
      el("strong", {}, t("Coverage: {level}. ", {
        level: COVERAGE_SAYS[score.coverage].toLowerCase(),
      })),
      score.coverage_says),
    ...reasons(score),
    ...history(answer.history, bulletin));
}

const abstained = ({ score, bulletin }) => [
  el("p", { class: "figure-line" }, bandPill(score.band)),
  el("p", {}, bulletin.model_kind === NO_MODEL ? bulletin.notes :
    t("Reporting from here is too thin to tell quiet from unreported. No score is not a low score.")),
];

function scored({ score, bulletin, scored_count }) {
  const level = t("{level}% interval", {
    level: Math.round(bulletin.interval_level * 100),
  });
  return [
    el("p", { class: "figure-line" },
      el("span", { class: "figure" }, percent(score.probability)), bandPill(score.band)),
    el("p", { class: "faint" },
      t("chance of {target}, {start} to {end}", {
        target: bulletin.target_says, start: day(bulletin.window_start),
        end: day(bulletin.window_end),
      })),
    intervalChart(score),
    el("dl", { class: "facts small" },
      ...fact(level, t("{low} to {high}", {
        low: percent(score.lower), high: percent(score.upper),
      })),
      ...fact(t("Rank"), t("{rank} of {all}", {
        rank: ordinal(score.rank), all: count(scored_count),
      })),
      ...fact(t("Expected incidents"), amount(score.expected_incidents)),
      ...counts(score),
      ...fact(t("Baseline, dashed ({name})", { name: bulletin.baseline_name }), percent(score.baseline_probability))),
  ];
}

// How many incidents; older bulletins do not say.
const counts = (score) => (score.incidents_p90 === null ? [] : [
  ...fact(t("9 times in 10, at most"),
    plural(score.incidents_p90, "{n} incident", "{n} incidents")),
  ...fact(t("Two or more"), percent(score.two_or_more)),
  ...fact(t("Five or more"), percent(score.five_or_more)),
]);

const fact = (term, value) => [el("div", {}, el("dt", {}, term), el("dd", {}, value))];

function reasons(score) {
  if (score.drivers.length === 0) return [];
  const start = score.drivers.find((d) => d.feature === STARTING_POINT);
  const sorted = score.drivers.filter((d) => d !== start).sort(
    (a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
  const rest = sorted.slice(FEW_DRIVERS);
  const from = start === undefined ? "" :
    t("Every commune starts at {p}. ", { p: percent(1 / (1 + Math.exp(-start.contribution))) });
  return [
    el("h3", {}, t("Why")),
    el("p", { class: "faint" }, from + t("Bars to the right raise the chance, bars to the left " +
      "lower it. Their length is in log-odds: +0.7 about doubles the odds, −0.7 about halves " +
      "them. They say what the model used, not what causes violence.")),
    driverBars(sorted.slice(0, FEW_DRIVERS)),
    rest.length === 0 ? null : el("details", {},
      el("summary", {}, plural(rest.length, "{n} smaller driver", "{n} smaller drivers")), driverBars(rest)),
  ].filter(Boolean);
}

function history(known, bulletin) {
  const title = [
    el("h3", {}, t("What happened before")),
    el("p", { class: "faint" }, plural(known.incidents_count,
      "{n} incident of any type known by {day}. {vintage}",
      "{n} incidents of any type known by {day}. {vintage}",
      { day: day(known.as_of), vintage: bulletin.vintage })),
  ];
  if (known.incidents_count === 0) return title;
  return [
    ...title,
    el("p", { class: "key" },
      el("span", { class: "swatch violent" }), t("political violence"),
      el("span", { class: "swatch other" }), t("protest and other")),
    monthChart(known.monthly),
    el("p", { class: "faint" }, t("Incidents per month; {day} cuts the last one short.", {
      day: day(known.as_of),
    })),
    lastOnes(known.incidents),
  ];
}

function lastOnes(incidents) {
  const item = (one) => el("li", {},
    el("time", { datetime: one.event_date }, day(one.event_date)),
    el("span", {}, one.sub_event_type
      ? t("{type}: {more}", { type: eventType(one.event_type), more: one.sub_event_type }) : eventType(one.event_type)),
    el("span", { class: one.fatalities > 0 ? "dead" : "faint" },
      one.fatalities > 0 ? plural(one.fatalities, "{n} death", "{n} deaths") : t("no deaths")),
    el("small", { class: "faint" }, one.geo_precision_says));
  const list = (some) => el("ul", { class: "incidents" }, ...some.map(item));
  const rest = incidents.slice(FEW_INCIDENTS);
  return el("div", {}, list(incidents.slice(0, FEW_INCIDENTS)),
    rest.length === 0 ? null : el("details", {},
      el("summary", {}, t("{n} earlier", { n: count(rest.length) })), list(rest)));
}
