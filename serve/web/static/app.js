// The page: signs in, shows a bulletin, and keeps map, table and panel on the same commune.

import * as api from "./api.js";
import * as chooser from "./chooser.js";
import * as detail from "./detail.js";
import { byId, show } from "./dom.js";
import * as forecasts from "./forecasts.js";
import * as head from "./head.js";
import * as language from "./language.js";
import * as map from "./map.js";
import * as nowcast from "./nowcast.js";
import * as session from "./session.js";
import * as table from "./table.js";

const { t } = language;
const VIEWS = ["sign-in", "message", "bulletin"];
let current = null;
let base = null; // the bulletin's scores
let features = [];
let names = new Map();
let turn = 0; // an answer that comes after a later question is dropped

const view = (name) => VIEWS.forEach((one) => show(byId(one), one === name));
const address = () => new URLSearchParams(location.hash.slice(1));

function remember(unitId) {
  const said = new URLSearchParams({ bulletin: current.bulletin_id });
  if (unitId) said.set("unit", unitId);
  history.replaceState(null, "", `#${said}`);
}

function message(title, text, retry = null) {
  view("message");
  byId("message-title").textContent = title;
  byId("message-text").textContent = text;
  show(byId("message-retry"), retry !== null);
  byId("message-retry").onclick = retry;
}

function askForToken(reason = "") {
  turn += 1;
  session.forget();
  forecasts.stop();
  show(byId("organisation"), session.organisation());
  for (const id of ["chooser", "sign-out", "synthetic"]) show(byId(id), false);
  view("sign-in");
  byId("sign-in-error").textContent = reason;
  show(byId("sign-in-error"), reason !== "");
  byId("token").value = "";
  byId("token").focus();
}

function tell(problem, retry) {
  if (!(problem instanceof api.Problem)) {
    message(t("This page failed"),
      t("Reload it. If it fails again, tell the person who runs Vigie."));
    throw problem;
  }
  if (problem.status === 401) askForToken(problem.message);
  else message(problem.title, problem.message, retry);
}

async function sayHealth() {
  const health = await api.health();
  byId("health").textContent = t("Service {status}: {reasons}", {
    status: t(health.status), reasons: health.reasons.join("; "),
  });
  show(byId("health"), health.status !== "ok" && session.signedIn());
}

async function open() {
  message(t("Reading the bulletins…"), "");
  show(byId("sign-out"), true);
  sayHealth();
  try {
    const [bulletins, elections] = await Promise.all([api.bulletins(), api.elections()]);
    if (session.mayForecast()) await forecasts.fill(elections);
    if (bulletins.length === 0) {
      message(t("No bulletin yet"), session.mayForecast()
        ? t("Ask for a forecast above; once it is issued, it appears here.")
        : t("Once one is issued, it appears here."), open);
      return;
    }
    show(byId("chooser"), true);
    chooser.fill(bulletins, elections, address().get("bulletin"));
  } catch (problem) {
    tell(problem, open);
  }
}

async function showBulletin(bulletin) {
  const mine = (turn += 1);
  const unitId = address().get("unit");
  message(t("Reading the scores…"), "");
  head.fill(bulletin, chooser.round(bulletin.election_id));
  try {
    const [collection, lessons] = await Promise.all([
      api.scoresOnMap(bulletin.bulletin_id),
      // Lessons speak of every unit, as forecasts do.
      session.mayForecast() ? api.lessons(bulletin.election_id) : [],
      nowcast.look(bulletin),
    ]);
    if (mine !== turn) return;
    current = bulletin;
    base = collection;
    names = new Map(collection.features.map((f) => [f.id, f.properties.name]));
    head.fillLessons(lessons);
    view("bulletin");
    showScores();
    if (names.has(unitId)) await choose(unitId);
    else remember(null);
  } catch (problem) {
    if (mine === turn) tell(problem, () => showBulletin(bulletin));
  }
}

function showScores() {
  const shown = nowcast.over(base);
  features = shown.features;
  detail.empty(features, choose);
  map.draw(shown);
  table.fill(shown);
}

// The same commune stays open where one is.
function switched() {
  const unitId = address().get("unit");
  showScores();
  if (names.has(unitId)) choose(unitId);
}

async function choose(unitId) {
  const mine = (turn += 1);
  map.choose(unitId);
  table.choose(unitId);
  remember(unitId);
  detail.loading(names.get(unitId));
  const panel = byId("detail");
  panel.focus({ preventScroll: true });
  // On a phone the panel is a sheet that lies over the page; elsewhere it may be out of sight.
  if (getComputedStyle(panel).position !== "fixed") panel.scrollIntoView({ block: "nearest" });
  try {
    const answer = await api.unit(unitId, current.bulletin_id);
    if (mine === turn) detail.fill(answer, nowcast.section(nowcast.of(unitId)));
  } catch (problem) {
    if (mine !== turn) return;
    if (problem.status === 401) tell(problem);
    else detail.failed(problem);
  }
}

function close() {
  turn += 1;
  const unitId = address().get("unit");
  detail.empty(features, choose);
  map.choose(null);
  table.choose(null);
  remember(null);
  table.focus(unitId);
}

async function save(button, format) {
  button.disabled = true;
  try {
    await api.download(current.bulletin_id, format, nowcast.file()?.nowcast_id);
  } catch (problem) {
    tell(problem, () => showBulletin(current));
  } finally {
    button.disabled = false;
  }
}

// A new bulletin is opened where there was none; otherwise the line offers it.
function issued(job) {
  if (current === null) location.hash = `bulletin=${encodeURIComponent(job.bulletin_id)}`;
}

async function signIn() {
  try {
    await session.signIn(byId("token").value.trim());
    byId("token").value = "";
    await open();
  } catch (problem) {
    askForToken(problem.message);
  }
}

async function signOut() {
  try {
    await session.signOut();
    location.replace(location.pathname); // nothing that was read stays in the page
  } catch (problem) {
    tell(problem, signOut);
  }
}

async function enter() {
  try {
    await session.look();
    if (session.signedIn()) open();
    else askForToken();
  } catch (problem) {
    tell(problem, enter);
  }
}

function start() {
  language.start();
  map.start(choose);
  table.start({ onSelect: choose, onFilter: map.dim });
  detail.start(close);
  nowcast.start({ switched, problem: (problem) => tell(problem, () => showBulletin(current)) });
  chooser.start(showBulletin);
  forecasts.start({ done: issued, problem: tell });
  window.addEventListener("hashchange", () => {
    if (address().get("bulletin") !== current?.bulletin_id) open();
  });
  byId("chooser").addEventListener("submit", (event) => event.preventDefault());
  byId("sign-in-form").addEventListener("submit", (event) => {
    event.preventDefault();
    signIn();
  });
  byId("sign-out").addEventListener("click", signOut);
  byId("download-csv").addEventListener("click", (e) => save(e.currentTarget, "csv"));
  byId("download-geojson").addEventListener("click", (e) => save(e.currentTarget, "geojson"));
  enter();
}

start();
