// What a planner asks: a round's newest bulletin, how many mediators, under which constraints.

import * as api from "./api.js";
import { byId, el, show } from "./dom.js";
import { t } from "./language.js";
import { amount, count, day, electionSays, plural } from "./words.js";

let bulletins = [];
let rounds = new Map();
const kept = new Map(); // scores by bulletin

export function fill(allBulletins, elections, wanted) {
  bulletins = allBulletins;
  rounds = new Map(elections.map((one) => [one.election_id, one]));
  const ids = [...new Set(bulletins.map((one) => one.election_id))];
  put("round", ids.map((id) => [id, roundSays(id)]), wanted?.election_id);
  fillTargets(wanted?.target);
}

export const roundSays = (id) =>
  (rounds.has(id) ? `${rounds.get(id).iso3} · ${electionSays(rounds.get(id))}` : id);

function put(id, pairs, value) {
  byId(id).replaceChildren(...pairs.map(([key, says]) => el("option", { value: key }, says)));
  if (value) byId(id).value = value;
}

export function fillTargets(wanted) {
  const of = bulletins.filter((one) => one.election_id === byId("round").value);
  const targets = new Map(of.map((one) => [one.target, one.target_says]));
  put("target", [...targets], wanted ?? byId("target").value);
  if (!byId("target").value) byId("target").selectedIndex = 0;
  show(byId("target-label"), targets.size > 1);
}

// Bulletins come the newest first.
export const chosen = () => bulletins.find((one) =>
  one.election_id === byId("round").value && one.target === byId("target").value);

export const bulletin = (id) => bulletins.find((one) => one.bulletin_id === id);

export async function scores(id) {
  if (!kept.has(id)) kept.set(id, await api.scores(id));
  return kept.get(id);
}

export function sayBulletin(one) {
  byId("bulletin-says").textContent = t(
    "From the newest bulletin, as known on {day}: {scored} of {all} communes have a score.", {
      day: day(one.as_of), scored: count(one.units - one.abstained), all: count(one.units),
    });
}

export function fillFollows(plans, electionId) {
  const says = (one) => t("{round}: {n} mediators, version {version}", {
    round: roundSays(one.election_id), n: count(one.newest.mediators), version: one.newest.version,
  });
  const before = plans.filter((one) => one.election_id !== electionId);
  const same = plans.filter((one) => one.election_id === electionId);
  put("follows", [["", t("No: everybody comes from home")],
    ...[...before, ...same].map((one) => [one.deployment_id, says(one)])]);
  put("reports-from", [["", t("No")], ...[1, 2, 3, 4, 5].map((n) =>
    [n, n === 5 ? t("of severity 5") : t("of severity {n} or more", { n })])]);
  showReports();
}

export function showReports() {
  const follows = byId("follows").value !== "";
  show(byId("reports-label"), follows);
  show(byId("most-label"), follows && byId("reports-from").value !== "");
}

export function fillRegions(rows) {
  const regions = new Map();
  for (const row of rows) {
    const one = regions.get(row.region_id) ?? { name: row.region_name, units: 0, expected: 0 };
    one.units += 1;
    one.expected += row.expected_incidents ?? 0;
    regions.set(row.region_id, one);
  }
  const ordered = [...regions].sort((a, b) => b[1].expected - a[1].expected);
  byId("regions").replaceChildren(...ordered.map(([id, one]) => {
    const number = (end, says) => el("input", {
      type: "number", min: 0, "data-end": end, "aria-label": says,
    });
    const goes = el("input", { type: "checkbox", checked: true });
    const least = number("minimum", t("At least, {region}", { region: one.name }));
    const most = number("maximum", t("At most, {region}", { region: one.name }));
    goes.addEventListener("change", () => {
      for (const input of [least, most]) input.disabled = !goes.checked;
    });
    return el("tr", { "data-region": id },
      el("th", { scope: "row" }, el("label", { class: "check" }, goes, el("span", {}, one.name,
        el("small", {}, t("{units}, {n} incidents expected", {
          units: plural(one.units, "{n} commune", "{n} communes"), n: amount(one.expected),
        }))))),
      el("td", {}, least), el("td", {}, most));
  }));
}

// The body of POST /v1/deployments.
export function asked() {
  const number = (id) => Number(byId(id).value);
  const request = {
    mediators: number("mediators"), team_size: number("team"), cap: number("cap"),
    effectiveness: number("effect") / 100, regions_out: [], areas: {},
  };
  for (const row of byId("regions").rows) {
    const id = row.dataset.region;
    if (!row.querySelector("[type=checkbox]").checked) {
      request.regions_out.push(id);
      continue;
    }
    const limits = [...row.querySelectorAll("[data-end]")].filter((input) => input.value !== "")
      .map((input) => [input.dataset.end, Number(input.value)]);
    if (limits.length > 0) request.areas[id] = Object.fromEntries(limits);
  }
  const follows = byId("follows").value || null;
  const least = byId("reports-from").value;
  if (follows && least) {
    request.cover_reports_from = Number(least);
    if (byId("reports-most").value !== "") request.cover_reports_most = number("reports-most");
  }
  return { bulletin_id: chosen().bulletin_id, request, follows, reason: byId("why").value.trim() };
}
