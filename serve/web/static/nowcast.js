// The switch between a bulletin and its newest nowcast, and what the panel says of the latter.

import * as api from "./api.js";
import { driverBars } from "./charts.js";
import { byId, el, show } from "./dom.js";
import { locale, t } from "./language.js";
import * as session from "./session.js";
import { bandPill } from "./table.js";
import { count, percent } from "./words.js";

const FEW_REASONS = 8;
const MOMENT = new Intl.DateTimeFormat(locale, {
  day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZone: "UTC",
});
const PART = { so_far: t("What has happened"), next: t("The next days") };
let bulletin = null;
let newest = null;
let scores = new Map();
let onSwitch = () => {};
let onProblem = () => {};

export const wanted = () => newest !== null && byId("version-nowcast").checked;
export const of = (unitId) => (wanted() ? scores.get(unitId) : undefined);
export const file = () => (wanted() ? newest : null);
const moment = () => t("{moment} UTC", { moment: MOMENT.format(new Date(newest.moment)) });

export function start({ switched, problem }) {
  [onSwitch, onProblem] = [switched, problem];
  for (const id of ["version-bulletin", "version-nowcast"]) {
    byId(id).addEventListener("change", () => {
      say();
      onSwitch();
    });
  }
  byId("nowcast-make").addEventListener("click", make);
}

// Looks for the newest nowcast of a bulletin; the bulletin is shown first.
export async function look(of_) {
  [bulletin, newest, scores] = [of_, null, new Map()];
  byId("version-bulletin").checked = true;
  newest = await api.nowcast(bulletin.bulletin_id);
  if (newest !== null) await read();
  say();
}

async function read() {
  const collection = await api.nowcastOnMap(newest.nowcast_id);
  scores = new Map(collection.features.map((f) => [f.id, f.properties]));
}

// The bulletin's communes with the numbers of the nowcast, where that is wanted.
export function over(collection) {
  if (!wanted()) return collection;
  const features = collection.features.map((feature) => {
    const now = scores.get(feature.id);
    return now === undefined ? feature
      : { ...feature, properties: { ...feature.properties, ...now } };
  });
  features.sort((a, b) => (a.properties.rank ?? Infinity) - (b.properties.rank ?? Infinity));
  return { ...collection, features };
}

function say() {
  show(byId("versions"), newest !== null || session.mayForecast());
  show(byId("version-switch"), newest !== null);
  show(byId("nowcast-make"), session.mayForecast());
  byId("nowcast-says").textContent = newest === null
    ? t("No field reports have been counted in yet.")
    : t("Nowcast of {moment}: {reports} field reports, {moved} communes moved, posts not " +
        "heard of: {silent}.", {
        moment: moment(), reports: count(newest.reports), moved: count(newest.moved),
        silent: count(newest.silent),
      });
}

async function make() {
  byId("nowcast-make").disabled = true;
  try {
    newest = await session.ask("POST", "/v1/nowcasts", { bulletin_id: bulletin.bulletin_id });
    await read();
    byId("version-nowcast").checked = true;
    say();
    onSwitch();
  } catch (problem) {
    onProblem(problem);
  } finally {
    byId("nowcast-make").disabled = false;
  }
}

// What the panel says of a commune: from which to which, why, and who watches there.
export function section(now) {
  if (now === undefined) return [];
  const title = el("h3", {}, t("Now, with field reports of {moment}", { moment: moment() }));
  const says = el("p", { class: "nowcast-says" }, now.says.charAt(0).toUpperCase() + now.says.slice(1) + ".");
  if (now.probability === null) return [title, says];
  const reasons = now.updates.map((one) => ({
    family: PART[one.part], says: one.says, contribution: one.contribution, feature: one.what,
  }));
  const rest = reasons.slice(FEW_REASONS);
  return [
    title,
    el("p", { class: "figure-line" },
      el("span", { class: "figure" }, percent(now.probability)), bandPill(now.band)),
    says,
    el("p", { class: "faint" },
      t("{low} to {high}. In the next 7 days: {next}. From now to the end: {ahead}.", {
        low: percent(now.lower), high: percent(now.upper), next: percent(now.next_days),
        ahead: percent(now.ahead),
      })),
    reasons.length === 0 ? null : driverBars(reasons.slice(0, FEW_REASONS)),
    rest.length === 0 ? null : el("details", {},
      el("summary", {}, t("Smaller reasons")), driverBars(rest)),
    el("h3", {}, t("The bulletin")),
  ].filter(Boolean);
}
