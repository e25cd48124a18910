// The page of deployments: make a plan, look at it, edit it with a reason, approve it.

import * as api from "./api.js";
import { byId, el, show } from "./dom.js";
import * as language from "./language.js";
import * as form from "./planform.js";
import * as view from "./planview.js";
import * as session from "./session.js";
import { count, moment, plural } from "./words.js";

const { t } = language;
const ROLE_SAYS = {
  field: t("field"), planner: t("planner"), coordinator: t("coordinator"), admin: t("admin"),
};
const PLANNERS = ["planner", "coordinator", "admin"];
const APPROVERS = ["coordinator", "admin"];
let plans = [];
let current = null;
let versions = [];
let rows = []; // the bulletin's scores of the plan shown
let added = []; // posts that a person adds
let changes = new Map();
let turn = 0; // an answer that comes after a later question is dropped

// A deployment speaks of every unit, as forecasts do.
const may = (roles) => session.mayForecast() && roles.includes(session.role());
const wanted = () => new URLSearchParams(location.hash.slice(1));
const key = (post) => JSON.stringify([post.unit_id, post.base]);

function message(title, text, { link = false, retry = null } = {}) {
  show(byId("whole"), false);
  show(byId("message"));
  byId("message-title").textContent = title;
  byId("message-text").textContent = text;
  show(byId("message-link"), link);
  show(byId("message-retry"), retry !== null);
  byId("message-retry").onclick = retry;
}

function tell(problem, retry) {
  if (!(problem instanceof api.Problem)) {
    message(t("This page failed"),
      t("Reload it. If it fails again, tell the person who runs Vigie."));
    throw problem;
  }
  if (problem.status === 401) askToSignIn();
  else message(problem.title, problem.message, { retry });
}

function askToSignIn() {
  session.forget();
  show(byId("sign-out"), false);
  message(t("Sign in first"), t("Deployments are private. Sign in on the page of forecasts, then " +
    "come back to this address."), { link: true });
}

function fault(node, problem) {
  if (problem !== null && !(problem instanceof api.Problem)) throw problem;
  if (problem?.status === 401) askToSignIn();
  node.textContent = problem ? view.named(problem.message) : "";
  show(node, problem !== null);
}

async function open() {
  // The first answer after a start takes seconds: the service then loads what plans are made with.
  message(t("Reading…"), "");
  try {
    const [bulletins, elections, found] = await Promise.all(
      [api.bulletins(), api.elections(), api.plans()]);
    plans = found;
    if (bulletins.length === 0) {
      message(t("No bulletin yet"), t("Once one is issued, it appears here."), { retry: open });
      return;
    }
    const named = plans.find((one) => one.deployment_id === wanted().get("plan"));
    form.fill(bulletins, elections, bulletins.find((one) => one.bulletin_id === named?.bulletin_id));
    show(byId("message"), false);
    show(byId("whole"));
    show(byId("sign-out"));
    show(byId("make"), may(PLANNERS));
    await choose(wanted().get("plan"), wanted().get("version"));
  } catch (problem) {
    tell(problem, open);
  }
}

const ofRound = () => plans.filter((one) => one.election_id === byId("round").value);

// The round chosen: its newest bulletin, its plans, and one of them.
async function choose(id = null, version = null) {
  const mine = (turn += 1);
  const bulletin = form.chosen();
  form.sayBulletin(bulletin);
  form.fillFollows(plans, bulletin.election_id);
  show(byId("synthetic"), bulletin.synthetic);
  listPlans(null);
  try {
    const found = await form.scores(bulletin.bulletin_id);
    if (mine !== turn) return;
    form.fillRegions(found);
    view.know(found);
    const first = id ?? ofRound()[0]?.deployment_id;
    byId("make").open = !first || matchMedia("(min-width: 1001px)").matches;
    if (first) await look(first, version);
    else empty();
  } catch (problem) {
    if (mine === turn) tell(problem, () => choose(id, version));
  }
}

function empty() {
  current = null;
  byId("plan").replaceChildren(el("section", { class: "card pad" },
    el("h1", {}, t("Nobody is sent anywhere yet")),
    el("p", {}, may(PLANNERS)
      ? t("Say how many mediators there are, and plan: the best plan under your constraints appears here.")
      : t("Once a planner makes a plan, it appears here."))));
}

function listPlans(id) {
  const items = ofRound().map((one) => {
    const button = el("button", { type: "button", "aria-current": one.deployment_id === id ? "true" : null },
      el("b", {}, plural(one.newest.mediators, "{n} mediator", "{n} mediators")),
      el("span", { class: one.approved_version ? "approved" : null }, one.approved_version
        ? t("version {n} approved", { n: one.approved_version }) : t("draft")),
      el("small", {}, moment(one.created_at)));
    button.addEventListener("click", () => look(one.deployment_id).catch((problem) =>
      tell(problem, () => choose(one.deployment_id))));
    return el("li", {}, button);
  });
  byId("plans").replaceChildren(...(items.length ? items
    : [el("li", { class: "faint" }, t("None yet."))]));
}

async function look(id, version = null) {
  const mine = (turn += 1);
  const [found, every] = await Promise.all([api.plan(id, version), api.planVersions(id)]);
  const scores = await form.scores(found.bulletin_id);
  if (mine !== turn) return;
  [current, versions, rows] = [found, every, scores];
  draw();
  await drawMoves(mine);
}

const hasMoves = () => current.follows !== null || current.shown.version > 1;

// The moves take the server longer than the plan, which is shown meanwhile.
async function drawMoves(mine) {
  if (!hasMoves()) return;
  const moved = await api.planMoves(current.deployment_id, current.shown.version);
  if (mine !== turn) return;
  byId("moves").replaceChildren(view.moves(moved, current.follows ? t("Moves from the plan before")
    : t("Moves from the first version")));
}

function draw() {
  [changes, added] = [new Map(), []];
  const { deployment_id: id, shown } = current;
  window.history.replaceState(null, "", `#${new URLSearchParams({ plan: id, version: shown.version })}`);
  document.title = `${t("Deployment")} · Vigie`;
  show(byId("synthetic"), current.synthetic);
  listPlans(id);
  view.know(rows);
  const there = new Map();
  for (const post of current.posts) there.set(post.unit_id, (there.get(post.unit_id) ?? 0) + post.mediators);
  const parts = [heading(), view.summary(current), postsCard(),
    ...(current.figures ? [view.rivals(current), view.curve(current)] : []),
    hasMoves() ? el("div", { id: "moves" }, el("p", { class: "faint" }, t("Reading…"))) : null,
    view.leftOut(current.figures?.reports, there), view.abstained(rows, there)];
  byId("plan").replaceChildren(...parts.filter(Boolean));
}

const saysVersion = (one) => t("version {n}, {moment}", { n: one.version, moment: moment(one.created_at) });

function heading() {
  const { shown } = current;
  const pick = el("select", {}, ...versions.map((one) =>
    el("option", { value: one.version, selected: one.version === shown.version }, saysVersion(one))));
  pick.addEventListener("change", () => look(current.deployment_id, pick.value)
    .catch((problem) => tell(problem, open)));
  const how = shown.how === "edited" ? t("Changed by a person ({role})", { role: ROLE_SAYS[shown.role] ?? shown.role })
    : t("Planned ({role})", { role: ROLE_SAYS[shown.role] ?? shown.role });
  return el("section", { class: "plan-head" },
    el("h1", {}, t("{round}: {people}", {
      round: form.roundSays(current.election_id),
      people: plural(shown.mediators, "{n} mediator", "{n} mediators"),
    })),
    el("div", { class: "tags" },
      el("span", { class: shown.approval ? "state approved" : "state" }, shown.approval
        ? t("approved by: {role}, {moment}", {
          role: ROLE_SAYS[shown.approval.role] ?? shown.approval.role, moment: moment(shown.approval.approved_at),
        }) : t("draft, not approved")),
      el("span", {}, how)),
    shown.reason ? el("p", { class: "notes" }, shown.reason) : null,
    shown.approval?.reason ? el("p", { class: "notes" }, shown.approval.reason) : null,
    el("div", { class: "plan-tools" },
      versions.length > 1 ? el("label", {}, t("Version"), pick) : null,
      ...files()),
    shown.version < current.newest.version
      ? el("p", { class: "faint" }, t("An older version: only the newest can be changed or approved.")) : approve());
}

const files = () => [["csv", "CSV"], ["xlsx", "XLSX"], ["html", t("Sheets to print")]].map(
  ([format, says]) => el("a", {
    class: "button", download: true, href: api.planFile(current.deployment_id, current.shown.version, format),
  }, says));

function approve() {
  if (current.shown.approval) return null;
  if (!may(APPROVERS)) return el("p", { class: "faint" }, t("A coordinator can approve it."));
  const words = el("input", { type: "text", maxlength: 2000, autocomplete: "off" });
  const said = el("p", { class: "error-text", role: "alert", hidden: true });
  const go = el("button", { type: "submit" }, t("Approve version {n}", { n: current.shown.version }));
  const node = el("form", { class: "approve" },
    el("label", {}, t("Words to go with the approval"), words), go, said);
  node.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    try {
      await change(`/v1/deployments/${encodeURIComponent(current.deployment_id)}/approval`,
        { version: current.shown.version, reason: words.value.trim() });
    } catch (problem) {
      fault(said, problem);
      go.disabled = false;
    }
  });
  return node;
}

// A change of a plan, and the plan as it is then.
async function change(path, body) {
  const made = await session.ask("POST", path, body);
  plans = await api.plans();
  await look(made.deployment_id);
  byId("plan").focus({ preventScroll: true });
  byId("plan").scrollIntoView({ block: "start" });
  return made;
}

// Posts, and changes to them

const editable = () => may(PLANNERS) && current.shown.version === current.newest.version;

function postsCard() {
  const bases = (current.request.bases ?? []).map((one) => one.name);
  const table = el("div", {});
  const bar = saveBar();
  const redraw = () => table.replaceChildren(view.posts([...added, ...current.posts], cell, bases.length > 0));
  const cell = (post) => {
    if (!editable()) return count(post.mediators);
    const input = el("input", {
      type: "number", min: 0, max: 1000000, value: changes.get(key(post)) ?? post.mediators,
      "aria-label": t("Mediators in {unit}", { unit: post.name }),
    });
    input.addEventListener("input", () => {
      const same = input.value === "" || Number(input.value) === post.mediators;
      if (same) changes.delete(key(post));
      else changes.set(key(post), Number(input.value));
      input.classList.toggle("changed", !same);
      bar.say();
    });
    input.classList.toggle("changed", changes.has(key(post)));
    return input;
  };
  redraw();
  return el("section", { class: "card posts-card" },
    el("h2", {}, t("Who goes where")),
    editable() ? adder(bases, () => { redraw(); bar.say(); }) : null,
    current.posts.length ? null : el("p", { class: "faint pad" }, t("Nobody is sent anywhere.")),
    table, editable() ? bar.node : null);
}

function adder(bases, then) {
  const unit = el("input", { list: "units", autocomplete: "off", "aria-label": t("Add a commune"), placeholder: t("Add a commune: name or code") });
  const base = bases.length > 1 ? el("select", { "aria-label": t("From") }, ...bases.map((one) => el("option", {}, one))) : null;
  const list = el("datalist", { id: "units" }, ...rows.map((one) =>
    el("option", { value: one.unit_id }, `${one.name}, ${one.parent_name}`)));
  const said = el("span", { class: "error-text", role: "alert" });
  const node = el("form", { class: "adder" }, unit, list, base, el("button", { type: "submit", class: "quiet" }, t("Add")), said);
  node.addEventListener("submit", (event) => {
    event.preventDefault();
    const asked = unit.value.trim().toLowerCase();
    const found = rows.filter((one) => [one.unit_id, one.name].some((name) => name.toLowerCase() === asked));
    const from = base?.value ?? bases[0] ?? "";
    const known = [...added, ...current.posts].some((one) => one.unit_id === found[0]?.unit_id && one.base === from);
    said.textContent = found.length === 0 ? t("No commune of that name or code.")
      : found.length > 1 ? t("Several communes have that name: type its code.")
        : known ? t("It is in the table already.") : "";
    if (said.textContent) return;
    const post = { ...found[0], base: from, mediators: 0, why: t("added by hand") };
    added.unshift(post);
    changes.set(key(post), current.request.team_size ?? 2);
    unit.value = "";
    then();
  });
  return node;
}

function saveBar() {
  const says = el("strong", {});
  const reason = el("input", { type: "text", required: true, maxlength: 2000, autocomplete: "off" });
  const said = el("p", { class: "error-text", role: "alert", hidden: true });
  const go = el("button", { type: "submit" }, t("Save as version {n}", { n: current.shown.version + 1 }));
  const undo = el("button", { type: "button", class: "quiet" }, t("Undo"));
  const node = el("form", { class: "save-bar", hidden: true }, says,
    el("label", {}, t("Reason for the change"), reason), go, undo, said);
  undo.addEventListener("click", () => look(current.deployment_id).catch((problem) => tell(problem, open)));
  node.addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = { version: current.shown.version, reason: reason.value.trim(), changes: [...changes].map(([post, mediators]) => {
      const [unit_id, base] = JSON.parse(post);
      return { unit_id, mediators, base: base || null };
    }) };
    go.disabled = true;
    try {
      await change(`/v1/deployments/${encodeURIComponent(current.deployment_id)}/versions`, body);
    } catch (problem) {
      fault(said, problem);
      go.disabled = false;
    }
  });
  const say = () => {
    const before = new Map(current.posts.map((one) => [key(one), one.mediators]));
    const sum = [...changes].reduce((n, [post, now]) => n + now - (before.get(post) ?? 0), current.shown.mediators);
    says.textContent = t("{changes}: {people} in all", {
      changes: plural(changes.size, "{n} change", "{n} changes"),
      people: plural(sum, "{n} mediator", "{n} mediators"),
    });
    show(node, changes.size > 0);
  };
  return { node, say };
}

async function make(event) {
  event.preventDefault();
  const go = byId("ask-go");
  go.disabled = true;
  go.textContent = t("Planning…");
  fault(byId("ask-error"), null);
  try {
    await change("/v1/deployments", form.asked());
  } catch (problem) {
    fault(byId("ask-error"), problem);
  } finally {
    go.disabled = false;
    go.textContent = t("Plan");
  }
}

async function signOut() {
  try {
    await session.signOut();
    location.replace("/");
  } catch (problem) {
    tell(problem, signOut);
  }
}

async function enter() {
  try {
    await session.look();
    if (session.signedIn()) await open();
    else askToSignIn();
  } catch (problem) {
    tell(problem, enter);
  }
}

language.start();
document.title = `${t("Deployment")} · Vigie`;
byId("round").addEventListener("change", () => { form.fillTargets(); choose(); });
byId("target").addEventListener("change", () => choose());
for (const id of ["follows", "reports-from"]) {
  byId(id).addEventListener("change", form.showReports);
}
byId("ask").addEventListener("submit", make);
byId("sign-out").addEventListener("click", signOut);
enter();
