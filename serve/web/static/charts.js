// Small charts: the interval, the drivers, the months.

import { el, svg } from "./dom.js";
import { t } from "./language.js";
import { count, decimal, percent } from "./words.js";

export function intervalChart(score) {
  const W = 320;
  const H = 44;
  const ceiling = [0.1, 0.25, 0.5, 1].find((top) => score.upper <= top) ?? 1;
  const x = (p) => 4 + (Math.min(p, ceiling) / ceiling) * (W - 8);
  const label = t("Probability {p}, interval {low} to {high}", {
    p: percent(score.probability), low: percent(score.lower), high: percent(score.upper),
  });
  const base = score.baseline_probability;
  const baseline = base === null || base > ceiling ? null
    : svg("path", { class: "baseline-tick", d: `M${x(base)} 6V26` });
  return svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": label, class: "interval-chart" },
    svg("rect", { class: "track", x: 4, y: 14, width: W - 8, height: 4, rx: 2 }),
    svg("rect", { class: "range", x: x(score.lower), y: 10, width: Math.max(x(score.upper) - x(score.lower), 2), height: 12, rx: 3 }),
    baseline,
    svg("circle", { class: "point", cx: x(score.probability), cy: 16, r: 6 }),
    ...[0, ceiling / 2, ceiling].map((p, i) =>
      svg("text", { x: x(p), y: 40, "text-anchor": ["start", "middle", "end"][i] },
        percent(p, true))));
}

const odds = (contribution) => {
  const factor = Math.exp(Math.abs(contribution));
  const text = factor > 100 ? t("over 100")
    : decimal(factor, factor < 2 ? 2 : factor < 10 ? 1 : 0);
  return t(contribution >= 0 ? "odds × {factor}" : "odds ÷ {factor}", { factor: text });
};

export function driverBars(drivers) {
  const most = Math.max(...drivers.map((d) => Math.abs(d.contribution)), 1e-9);
  return el("ul", { class: "drivers" }, ...drivers.map((driver) => {
    const up = driver.contribution >= 0;
    const bar = el("span", { class: up ? "up" : "down" });
    bar.style.width = `${Math.max((Math.abs(driver.contribution) / most) * 50, 0.6)}%`;
    const sign = up ? "+" : "−";
    return el("li", { title: driver.feature },
      el("span", { class: "says" }, el("b", {}, t("{family}: ", { family: driver.family })), driver.says),
      el("span", { class: "diverging", "aria-hidden": "true" }, bar),
      el("span", { class: "contribution" },
        `${sign}${decimal(Math.abs(driver.contribution), 2)}`,
        el("small", {}, ` ${odds(driver.contribution)}`)));
  }));
}

const nice = (top) => [2, 4, 6, 10, 20, 40, 60, 100, 200, 400, 1000].find((n) => n >= top) ?? top;

export function monthChart(months) {
  const [W, H, left, bottom, top] = [360, 120, 26, 18, 8];
  const total = (m) => m.political_violence_count + m.other_count;
  const ceiling = nice(Math.max(...months.map(total)));
  const step = (W - left) / months.length;
  const y = (n) => top + (1 - n / ceiling) * (H - top - bottom);
  const bars = months.flatMap((m, i) => {
    const box = (kind, from, to) => (to === from ? null : svg("rect", {
      class: kind, x: (left + i * step + 0.8).toFixed(2), width: (step - 1.6).toFixed(2),
      y: y(to).toFixed(2), height: (y(from) - y(to)).toFixed(2),
    }, svg("title", {}, t("{month}: {violent} violent, {other} other", {
      month: m.month, violent: m.political_violence_count, other: m.other_count,
    }))));
    return [box("violent", 0, m.political_violence_count), box("other", m.political_violence_count, total(m))];
  });
  const years = months.flatMap((m, i) => (m.month.endsWith("-01")
    ? [svg("path", { class: "tick", d: `M${left + i * step} ${H - bottom}v5` }),
       svg("text", { x: left + i * step + 3, y: H - 4 }, m.month.slice(0, 4))] : []));
  const grid = [0, ceiling / 2, ceiling].flatMap((n) => [
    svg("path", { class: "grid", d: `M${left} ${y(n)}H${W}` }),
    svg("text", { x: left - 5, y: y(n) + 3.5, "text-anchor": "end" }, count(n))]);
  const sum = months.reduce((all, m) => all + total(m), 0);
  const label = t("Incidents per month, {first} to {last}: {sum} in all", {
    first: months[0].month, last: months.at(-1).month, sum,
  });
  return svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": label, class: "month-chart" },
    ...grid, ...years, ...bars);
}
