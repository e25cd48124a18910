// Which bulletin is shown: election, target, as-of day. Each issue can still be reached.

import { byId, el } from "./dom.js";
import { t } from "./language.js";
import { day, electionSays } from "./words.js";

let all = [];
let rounds = new Map();
let onChoose = () => {};

export function start(choose) {
  onChoose = choose;
  byId("choose-election").addEventListener("change", () => refill("target"));
  byId("choose-target").addEventListener("change", () => refill("bulletin"));
  byId("choose-bulletin").addEventListener("change", () => onChoose(chosen()));
}

export function fill(bulletins, elections, wantedId) {
  all = bulletins;
  rounds = new Map(elections.map((election) => [election.election_id, election]));
  const wanted = all.find((one) => one.bulletin_id === wantedId) ?? all[0];
  put("choose-election", unique("election_id", all).map((id) => [id, roundSays(id)]), wanted.election_id);
  refill("target", wanted);
}

export const chosen = () =>
  all.find((one) => one.bulletin_id === byId("choose-bulletin").value);
export const round = (id) => rounds.get(id);

const unique = (key, rows) => [...new Set(rows.map((row) => row[key]))];
const roundSays = (id) => (rounds.has(id) ? `${rounds.get(id).iso3} ${electionSays(rounds.get(id))}` : id);

function put(id, pairs, value) {
  byId(id).replaceChildren(...pairs.map(([key, says]) => el("option", { value: key }, says)));
  if (value) byId(id).value = value;
}

function refill(from, wanted) {
  const ofElection = all.filter((one) => one.election_id === byId("choose-election").value);
  if (from === "target") {
    const targets = new Map(ofElection.map((one) => [one.target, one.target_says]));
    const before = wanted?.target ?? byId("choose-target").value;
    put("choose-target", [...targets], targets.has(before) ? before : null);
  }
  const issues = ofElection.filter((one) => one.target === byId("choose-target").value);
  const twice = (one) => issues.filter((other) => other.as_of === one.as_of).length > 1;
  put("choose-bulletin", issues.map((one) => [one.bulletin_id, twice(one)
    ? t("{day} · {digest}, issued {issued}", {
        day: day(one.as_of), digest: one.digest.slice(0, 8), issued: day(one.created_at),
      })
    : day(one.as_of)]), wanted?.bulletin_id);
  onChoose(chosen());
}
