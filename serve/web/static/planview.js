// A plan as people read it: what it covers, beside other plans, and who goes where.

import { el, svg } from "./dom.js";
import { language, t } from "./language.js";
import { BAND_SAYS, amount, count, decimal, percent, plural } from "./words.js";

let names = new Map();

// Names of the places that constraints speak of by their ids.
export function know(rows) {
  names = new Map(rows.flatMap((one) => [
    [one.region_id, one.region_name], [one.parent_id, one.parent_name], [one.unit_id, one.name]]));
}

export const named = (text) => text.replace(/[\w-]+/g, (word) =>
  (names.has(word) ? `${names.get(word)} (${word})` : word));

const span = (row) => t("{low} to {high}", {
  low: amount(row.covered_lower), high: amount(row.covered_upper),
});

export function summary(plan) {
  const f = plan.figures;
  const notes = el("ul", { class: "assumed" }, ...plan.assumptions.map((said) => el("li", {}, said)));
  if (f === null) return el("section", { class: "card pad" }, notes);
  const fact = (term, value) => el("div", {}, el("dt", {}, term), el("dd", {}, value));
  return el("section", { class: "card pad" },
    el("div", { class: "figure-line" },
      el("span", { class: "figure" }, amount(f.covered)),
      el("span", {}, t("of {all} expected incidents covered, under the assumptions below", {
        all: amount(f.expected_incidents),
      }))),
    el("dl", { class: "facts" },
      fact(t("Interval"), span(f)),
      fact(t("Share"), percent(f.share)),
      fact(t("Communes"), t("{n} of {all}", { n: count(f.units_with_mediators), all: count(f.units) })),
      fact(t("One more team"), f.one_more_team === null ? t("cannot be placed")
        : `+${decimal(f.one_more_team, 2)}`)),
    notes, broken(f.broken ?? []));
}

const broken = (rows) => (rows.length === 0 ? null : el("div", { class: "broken" },
  el("strong", {}, t("This version does not keep:")),
  el("ul", {}, ...rows.map((row) => el("li", {}, named(row[language]))))));

// What the plan covers beside what plans that people would make cover.
export function rivals(plan) {
  const f = plan.figures;
  const own = { ...f, says: { en: t("this plan"), fr: t("this plan") }, own: true, keeps_constraints: !f.broken?.length };
  const rows = [own, ...f.rivals];
  const most = Math.max(...rows.map((row) => row.covered_upper ?? 0), 1e-9);
  return el("section", { class: "card pad" },
    el("h2", {}, t("Beside plans that people would make")),
    el("ul", { class: "rivals" }, ...rows.map((row) => el("li", { class: row.own ? "own" : row.covered === null ? "none" : null },
      el("span", { class: "says" }, row.says[language],
        row.covered !== null && !row.keeps_constraints
          ? el("small", {}, t("does not keep every constraint")) : null),
      row.covered === null ? null : bar(row, most),
      row.covered === null ? null : el("span", { class: "worth" }, el("b", {}, amount(row.covered)),
        el("small", {}, span(row)))))),
    el("p", { class: "faint" }, t("Expected incidents covered, with intervals. All are measured by the same bulletin, which favours the plan made from it.")));
}

function bar(row, most) {
  const x = (value) => (value / most) * 200;
  return svg("svg", { viewBox: "0 0 200 14", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { class: "track", x: 0, y: 6, width: 200, height: 2 }),
    svg("rect", { class: "range", x: x(row.covered_lower), y: 2, width: Math.max(x(row.covered_upper) - x(row.covered_lower), 1), height: 10 }),
    svg("rect", { class: "point", x: Math.max(x(row.covered) - 1.5, 0), y: 0, width: 3, height: 14 }));
}

// The round number at or above: 1, 2 or 5 times a power of ten.
function round(number) {
  const power = 10 ** Math.floor(Math.log10(number));
  return [1, 2, 5, 10].find((n) => n * power >= number - 1e-12) * power;
}

// What each number of mediators would cover, from none to twice as many.
export function curve(plan) {
  const points = plan.figures.curve.filter((one) => one.covered !== null);
  if (points.length < 2) return null;
  const [W, H, left, bottom, top, right] = [560, 230, 44, 40, 16, 16];
  const far = points.at(-1).mediators;
  const high = Math.max(...points.map((one) => one.covered), 1e-9) * 1.1;
  const x = (n) => left + (n / far) * (W - left - right);
  const y = (n) => top + (1 - n / high) * (H - top - bottom);
  const path = points.map((one, i) => `${i ? "L" : "M"}${x(one.mediators).toFixed(1)} ${y(one.covered).toFixed(1)}`).join("");
  const { mediators, covered } = plan.figures;
  const at = points.find((one) => one.mediators === mediators);
  const text = (attributes, says) => svg("text", attributes, says);
  const steps = [0, far / 4, far / 2, (3 * far) / 4, far].map(Math.round);
  const step = round(high / 4);
  const levels = Array.from({ length: Math.floor(high / step) + 1 }, (_, k) => k * step);
  const label = t("Expected incidents covered by number of mediators, from 0 to {far}; {covered} with the {n} of this plan", {
    far: count(far), covered: amount(covered), n: count(mediators),
  });
  const anchor = (n) => (n === 0 ? "start" : n === far ? "end" : "middle");
  return el("section", { class: "card pad" },
    el("h2", {}, t("What more or fewer mediators would cover")),
    svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": label, class: "curve" },
      ...levels.flatMap((n) => [svg("path", { class: "grid", d: `M${left} ${y(n)}H${W - right}` }),
        text({ x: left - 6, y: y(n) + 4, "text-anchor": "end" }, decimal(n, step < 0.1 ? 2 : step < 1 ? 1 : 0))]),
      ...steps.map((n) => text({ x: x(n), y: H - 22, "text-anchor": anchor(n) }, count(n))),
      text({ x: (left + W - right) / 2, y: H - 5, "text-anchor": "middle" }, t("mediators")),
      svg("path", { class: "line", d: path }),
      ...points.map((one) => svg("circle", { class: "hover", cx: x(one.mediators), cy: y(one.covered), r: 6 },
        svg("title", {}, t("{n} mediators: {covered}", { n: count(one.mediators), covered: amount(one.covered) })))),
      at ? svg("circle", { class: "here", cx: x(mediators), cy: y(at.covered), r: 5 }) : null,
      at ? text({ x: x(mediators) + 8, y: y(at.covered) + 18, class: "here-says" },
        t("{n} asked for", { n: count(mediators) })) : null),
    lifted(plan.figures.lifted.filter((row) => row.gain > 0)));
}

const lifted = (rows) => (rows.length === 0 ? null : el("div", {},
  el("h3", {}, t("What each constraint costs")),
  el("ul", { class: "lifted" }, ...rows.map((row) => el("li", {},
    el("span", {}, t("without “{constraint}”", { constraint: named(row[language]) })),
    el("b", {}, `+${decimal(row.gain, 2)}`))))));

function total(posts) {
  const units = new Map(posts.map((one) => [one.unit_id, one.expected_incidents ?? 0]));
  return { people: posts.reduce((n, one) => n + one.mediators, 0), units: units.size,
    expected: [...units.values()].reduce((n, one) => n + one, 0) };
}

// Posts by region; `numberOf` gives the cell with a post's mediators.
export function posts(rows, numberOf, withBases) {
  const regions = Map.groupBy(rows, (one) => one.region_id);
  const heads = [t("Commune"), withBases ? t("From") : null, t("Mediators"), t("Expected incidents"), t("Rank"), t("Band"), t("Why there")];
  const numeric = new Set([t("Mediators"), t("Expected incidents"), t("Rank")]);
  return el("table", { class: "posts" },
    el("thead", {}, el("tr", {}, ...heads.filter(Boolean).map((says) =>
      el("th", { scope: "col", class: numeric.has(says) ? "number" : null }, says)))),
    ...[...regions.values()].map((region) => {
      const sum = total(region);
      return el("tbody", {},
        el("tr", { class: "region" },
          el("th", { scope: "rowgroup" }, region[0].region_name,
            el("small", {}, plural(sum.units, "{n} commune", "{n} communes"))),
          withBases ? el("td", { class: "base" }) : null,
          el("td", { class: "number people" }, count(sum.people)),
          el("td", { class: "number expected" }, amount(sum.expected)),
          el("td", { colspan: 3, class: "rest" })),
        ...region.map((one) => el("tr", { "data-unit": one.unit_id },
          el("th", { scope: "row" }, one.name, el("small", {}, `${one.parent_name} · ${one.unit_id}`)),
          withBases ? el("td", { class: "base" }, one.base) : null,
          el("td", { class: "number people" }, numberOf(one)),
          el("td", { class: "number expected" }, amount(one.expected_incidents)),
          el("td", { class: "number rank" }, one.rank === null ? "–" : count(one.rank)),
          el("td", { class: "band-cell" }, BAND_SAYS[one.band]),
          el("td", { class: "why" }, one.why))));
    }));
}

// Communes whose field reports of the round before earn them no team, and why.
export function leftOut(told, there) {
  if (!told || told.left_out.length === 0) return null;
  return el("section", { class: "card pad" },
    el("h2", {}, t("Grave field reports without a team of their own")),
    el("p", {}, t("The gravest were taken first. These communes are not promised a team; some get one because of their score.")),
    el("details", { open: told.left_out.length <= 8 },
      el("summary", {}, plural(told.left_out.length, "{n} commune", "{n} communes")),
      el("ul", { class: "silent" }, ...told.left_out.map((one) => el("li", {},
        `${one.name || one.unit_id}, ${t("severity {n}", { n: one.severity })} – ${one.says[language]}`,
        there.has(one.unit_id) ? el("b", {}, plural(there.get(one.unit_id), "{n} mediator", "{n} mediators")) : null)))));
}

export function abstained(rows, there) {
  const silent = rows.filter((one) => one.expected_incidents === null);
  if (silent.length === 0) return null;
  const regions = Map.groupBy(silent, (one) => one.region_name);
  return el("section", { class: "card pad" },
    el("h2", {}, t("Communes without a score")),
    el("p", {}, t("The bulletin abstains here: nothing is counted for these communes, and that silence is not calm. Send people by what you know yourself.")),
    ...[...regions].map(([name, units]) => el("details", { open: silent.length <= 8 },
      el("summary", {}, `${name} (${count(units.length)})`),
      el("ul", { class: "silent" }, ...units.map((one) => el("li", {}, `${one.name}, ${one.parent_name}`,
        there.has(one.unit_id) ? el("b", {}, plural(there.get(one.unit_id), "{n} mediator", "{n} mediators")) : null))))));
}

export function moves(rows, title) {
  const stay = rows.filter((one) => one.from_unit === one.to_unit);
  const move = rows.filter((one) => one.from_unit && one.to_unit && one.from_unit !== one.to_unit);
  const [home, come] = [rows.filter((one) => !one.to_unit), rows.filter((one) => !one.from_unit)];
  const people = (some) => count(some.reduce((n, one) => n + one.mediators, 0));
  const place = (one, end) => (one[`${end}_unit`] ? one[`${end}_name`] : t("home"));
  return el("section", { class: "card pad" },
    el("h2", {}, title),
    el("p", {}, t("{stay} stay, {move} move, {home} go home, {come} come from home.", {
      stay: people(stay), move: people(move), home: people(home), come: people(come),
    })),
    el("details", { open: move.length + home.length + come.length <= 20 },
      el("summary", {}, t("Each move")),
      el("ul", { class: "moves" }, ...[...move, ...home, ...come].map((one) => el("li", {},
        el("b", {}, count(one.mediators)), el("span", {}, `${place(one, "from")} → ${place(one, "to")}`),
        el("small", {}, one.km === null ? "" : `${count(one.km)} km`))))));
}
