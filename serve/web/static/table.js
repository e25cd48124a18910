// The table: the same scores as the map, sortable and filterable, usable by keyboard alone.

import { BAND_COLOURS } from "./colours.js";
import { byId, el } from "./dom.js";
import { t } from "./language.js";
import { BANDS, BAND_SAYS, COVERAGE_SAYS, NONE, amount, count, percent } from "./words.js";

const bandOrder = (s) => BANDS.indexOf(s.band);
const COLUMNS = [
  { key: "rank", says: t("Rank"), value: (s) => s.rank, number: true },
  { key: "name", says: t("Commune"), value: (s) => s.name },
  { key: "parent", says: t("Parent area"), value: (s) => s.parent_name },
  { key: "region", says: t("Region"), value: (s) => s.region_name },
  { key: "probability", says: t("Probability"), value: (s) => s.probability, number: true, down: true },
  { key: "interval", says: t("Interval"), value: width, number: true, down: true },
  { key: "expected", says: t("Expected incidents"), value: (s) => s.expected_incidents, number: true, down: true },
  { key: "band", says: t("Band"), value: bandOrder },
  { key: "baseline", says: t("Baseline"), value: (s) => s.baseline_probability, number: true, down: true },
  { key: "coverage", says: t("Coverage"), value: (s) => s.coverage },
];
const COLLATOR = new Intl.Collator("fr", { numeric: true });

let lines = [];
let sorting = { key: "rank", descending: false };
let handlers = {};

function width(s) {
  return s.probability === null ? null : s.upper - s.lower;
}

const fold = (text) => text.normalize("NFD").replace(/\p{Diacritic}/gu, "").toLowerCase();

export function start({ onSelect, onFilter }) {
  handlers = { onSelect, onFilter };
  byId("columns").append(...COLUMNS.map((column) => {
    const button = el("button", { type: "button" }, column.says);
    button.addEventListener("click", () => sortBy(column.key));
    const kind = column.number ? "number" : null;
    return el("th", { scope: "col", role: "columnheader", class: kind, "data-key": column.key }, button);
  }));
  byId("sort").append(...COLUMNS.map((c) => el("option", { value: c.key }, c.says)));
  byId("sort").addEventListener("change", (event) => sortBy(event.target.value, false));
  byId("search").addEventListener("input", filter);
  byId("filter-region").addEventListener("change", filter);
  byId("filter-band").addEventListener("change", filter);
  byId("rows").addEventListener("click", (event) => pick(event.target.closest("tr")));
  byId("rows").addEventListener("keydown", onKey);
}

export function fill(collection) {
  lines = collection.features.map(({ properties: score }) => ({
    score, row: rowOf(score), text: fold(`${score.name} ${score.parent_name} ${score.unit_id}`),
  }));
  const regions = [...new Map(lines.map(({ score: s }) => [s.region_id, s.region_name]))];
  regions.sort((a, b) => COLLATOR.compare(a[1], b[1]));
  options("filter-region", t("All regions"), regions);
  options("filter-band", t("All bands"), BANDS.map((band) => [band, BAND_SAYS[band]]));
  byId("search").value = "";
  sortBy("rank", false, false);
  filter();
}

function options(id, all, pairs) {
  byId(id).replaceChildren(
    el("option", { value: "" }, all), ...pairs.map(([value, says]) => el("option", { value }, says)));
}

function interval(score) {
  if (score.probability === null) return NONE;
  const bar = el("span", { class: "mini", "aria-hidden": "true" });
  const inner = el("i");
  inner.style.left = `${score.lower * 100}%`;
  inner.style.width = `${Math.max((score.upper - score.lower) * 100, 1)}%`;
  const dot = el("b");
  dot.style.left = `${score.probability * 100}%`;
  bar.append(inner, dot);
  return el("span", { class: "interval" },
    el("span", {}, `${percent(score.lower)}–${percent(score.upper)}`), bar);
}

export function bandPill(band) {
  const swatch = el("span", { class: band === "abstained" ? "swatch hatched" : "swatch" });
  if (band !== "abstained") swatch.style.backgroundColor = BAND_COLOURS[band];
  return el("span", { class: "band" }, swatch, BAND_SAYS[band]);
}

function rowOf(score) {
  const cell = (key, content, kind) =>
    el("td", { role: "cell", "data-key": key, class: kind }, content);
  return el("tr", { role: "row", tabindex: "0", "data-unit-id": score.unit_id },
    cell("rank", score.rank === null ? NONE : String(score.rank), "number"),
    el("th", { scope: "row", role: "rowheader", "data-key": "name" }, score.name),
    cell("parent", score.parent_name),
    cell("region", score.region_name),
    cell("probability", percent(score.probability), "number strong"),
    cell("interval", interval(score), "number"),
    cell("expected", amount(score.expected_incidents), "number"),
    cell("band", bandPill(score.band)),
    cell("baseline", percent(score.baseline_probability), "number"),
    cell("coverage", COVERAGE_SAYS[score.coverage]));
}

function sortBy(key, toggle = true, sayIt = true) {
  const column = COLUMNS.find((one) => one.key === key);
  const again = toggle && sorting.key === key;
  sorting = { key, descending: again ? !sorting.descending : Boolean(column.down) };
  const sign = sorting.descending ? -1 : 1;
  lines.sort((a, b) => {
    const [x, y] = [column.value(a.score), column.value(b.score)];
    if (x === null || y === null) return (x === null) - (y === null); // no score comes last
    const order = typeof x === "string" ? COLLATOR.compare(x, y) : x - y;
    return sign * order || (a.score.rank ?? Infinity) - (b.score.rank ?? Infinity) || 0;
  });
  byId("rows").replaceChildren(...lines.map((line) => line.row));
  byId("sort").value = key;
  for (const head of byId("columns").children) {
    const mine = head.dataset.key === key;
    if (mine) head.setAttribute("aria-sort", sorting.descending ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
  if (sayIt) byId("rows").closest(".scroll").scrollTop = 0;
}

function filter() {
  const wanted = fold(byId("search").value.trim());
  const region = byId("filter-region").value;
  const band = byId("filter-band").value;
  const kept = new Set();
  for (const { score, row, text } of lines) {
    const keep = text.includes(wanted) && (!region || score.region_id === region) &&
      (!band || score.band === band);
    row.hidden = !keep;
    if (keep) kept.add(score.unit_id);
  }
  byId("count").textContent = kept.size === lines.length
    ? t("{n} communes", { n: count(lines.length) })
    : t("{n} of {all} communes", { n: count(kept.size), all: count(lines.length) });
  handlers.onFilter(kept);
}

function pick(row) {
  if (row) handlers.onSelect(row.dataset.unitId);
}

function onKey(event) {
  const row = event.target.closest("tr");
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    pick(row);
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const step = event.key === "ArrowDown" ? "nextElementSibling" : "previousElementSibling";
    let next = row[step];
    while (next?.hidden) next = next[step];
    next?.focus();
  }
}

export function choose(unitId) {
  for (const { score, row } of lines) {
    if (score.unit_id === unitId) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
}

export const focus = (unitId) =>
  lines.find(({ score }) => score.unit_id === unitId)?.row.focus({ preventScroll: true });
