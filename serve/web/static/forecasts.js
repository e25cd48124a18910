// Asking for a forecast, and watching those that were asked for.

import * as api from "./api.js";
import { byId, el, show } from "./dom.js";
import { t } from "./language.js";
import * as session from "./session.js";
import { day, electionSays } from "./words.js";

const LOOK_MS = 1500;
const STEP_SAYS = {
  ingest: t("Reading the sources"),
  features: t("Working out the features"),
  train: t("Finding a model"),
  forecast: t("Scoring"),
};
const UNFINISHED = ["waiting", "running"];
let rounds = [];
let targets = [];
let seen = new Map(); // job id -> state, to notice the moment of ending
let timer = null;
let onDone = () => {};
let onProblem = () => {};

export function start({ done, problem }) {
  onDone = done;
  onProblem = problem;
  byId("ask-open").addEventListener("click", open);
  byId("ask-close").addEventListener("click", () => byId("ask").close());
  byId("ask-election").addEventListener("change", fillTargets);
  byId("ask-form").addEventListener("submit", submit);
}

export async function fill(elections) {
  rounds = elections;
  targets = await api.targets();
  show(byId("ask-open"), true);
  await look();
}

export function stop() {
  clearTimeout(timer);
  timer = null;
  seen = new Map();
  byId("jobs").replaceChildren();
  show(byId("jobs"), false);
  show(byId("ask-open"), false);
  if (byId("ask").open) byId("ask").close();
}

function open() {
  const today = new Date().toISOString().slice(0, 10);
  byId("ask-election").replaceChildren(...rounds.map((one) =>
    el("option", { value: one.election_id }, `${one.iso3} ${electionSays(one)}`)));
  const coming = rounds.filter((one) => one.window_end > today);
  if (coming.length) byId("ask-election").value = coming[coming.length - 1].election_id;
  byId("ask-day").max = today;
  byId("ask-day").value = "";
  say("");
  show(byId("ask-none"), rounds.length === 0);
  byId("ask-submit").disabled = rounds.length === 0;
  fillTargets();
  byId("ask").showModal();
}

function fillTargets() {
  const iso3 = rounds.find((one) => one.election_id === byId("ask-election").value)?.iso3;
  const offered = targets.filter((one) => one.iso3 === iso3);
  const pairs = offered.length ? offered : [{ target: "any", says: "" }];
  byId("ask-target").replaceChildren(...pairs.map((one) =>
    el("option", { value: one.target }, one.says ? `${one.target}: ${one.says}` : one.target)));
}

function say(words) {
  byId("ask-error").textContent = words;
  show(byId("ask-error"), words !== "");
}

async function submit(event) {
  event.preventDefault();
  byId("ask-submit").disabled = true;
  try {
    await session.ask("POST", "/v1/forecasts", {
      election_id: byId("ask-election").value,
      as_of: byId("ask-day").value || null,
      target: byId("ask-target").value,
    });
    byId("ask").close();
    await look();
  } catch (problem) {
    if (problem.status === 401) onProblem(problem);
    else if (problem instanceof api.Problem) say(problem.message);
    else throw problem;
  } finally {
    byId("ask-submit").disabled = false;
  }
}

async function look() {
  clearTimeout(timer);
  let found;
  try {
    found = await api.forecasts();
  } catch (problem) {
    if (problem.status === 401) onProblem(problem);
    else timer = setTimeout(look, 4 * LOOK_MS);
    return;
  }
  const first = seen.size === 0;
  for (const job of found) {
    if (job.state === "done" && !first && UNFINISHED.includes(seen.get(job.job_id))) onDone(job);
  }
  const shown = found.filter((job) => UNFINISHED.includes(job.state) || seen.has(job.job_id));
  seen = new Map(shown.map((job) => [job.job_id, job.state]));
  byId("jobs").replaceChildren(...shown.map(line));
  show(byId("jobs"), shown.length > 0);
  if (shown.some((job) => UNFINISHED.includes(job.state))) timer = setTimeout(look, LOOK_MS);
}

function roundSays(job) {
  const round = rounds.find((one) => one.election_id === job.election_id);
  const what = round ? `${round.iso3} ${electionSays(round)}` : job.election_id;
  return `${what} · ${job.target}${job.as_of ? ` · ${t("as of {day}", { day: day(job.as_of) })}` : ""}`;
}

function line(job) {
  const ended = !UNFINISHED.includes(job.state);
  const button = (says, act) => {
    const node = el("button", { type: "button", class: "quiet" }, says);
    node.addEventListener("click", act);
    return node;
  };
  return el("li", { class: `job ${job.state}`, "data-job": job.job_id },
    el("div", { class: "job-head" },
      el("strong", {}, roundSays(job)),
      ended ? button(t("Dismiss"), () => dismiss(job)) : button(t("Cancel"), () => cancel(job))),
    ended ? null : bar(job),
    el("p", { class: job.problem ? "error-text" : "job-says" }, says(job)),
    job.bulletin_id === null ? null
      : el("a", { href: `#bulletin=${encodeURIComponent(job.bulletin_id)}` }, t("Open the bulletin")));
}

function bar(job) {
  const done = job.steps_done.length;
  const now = job.steps[done];
  return el("ol", { class: "steps", "aria-label": t("{done} of {all} steps done", { done, all: job.steps.length }) },
    ...job.steps.map((step, i) => el("li", {
      class: i < done ? "over" : step === now && job.state === "running" ? "now" : "",
    }, STEP_SAYS[step] ?? step)));
}

function says(job) {
  if (job.problem) return job.problem.detail;
  if (job.state === "done") return t("The bulletin is issued.");
  if (job.state === "cancelled") return t("Cancelled.");
  const words = t(job.says); // in French where fr.js has them
  return `${words[0].toUpperCase()}${words.slice(1)}${job.state === "running" ? "…" : "."}`;
}

function dismiss(job) {
  seen.delete(job.job_id);
  look();
}

async function cancel(job) {
  try {
    await session.ask("POST", `/v1/forecasts/${encodeURIComponent(job.job_id)}/cancel`);
  } catch (problem) {
    if (problem.status === 401) onProblem(problem);
    else if (problem.status !== 409) throw problem; // 409: it ended meanwhile, as look() shows
  }
  await look();
}
