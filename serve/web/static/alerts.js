// The page of alerts: drafts to sign, those that went out, who was told, and what was done.

import * as api from "./api.js";
import { byId, el, show } from "./dom.js";
import * as language from "./language.js";
import * as session from "./session.js";
import { moment, plural } from "./words.js";

const { t } = language;
const VIEWS = {
  sign: ["draft"],
  held: ["held"],
  open: ["approved", "sent", "acknowledged", "acted"],
  over: ["closed", "rejected", "cancelled", "expired"],
};
const NOTHING = {
  sign: t("No draft waits for a signature."),
  held: t("No draft is held back."),
  open: t("No alert is under way."),
  over: t("No alert is over yet."),
};
const STATE_SAYS = {
  draft: t("draft"), held: t("held back"), approved: t("signed, going out"), sent: t("sent"),
  acknowledged: t("acknowledged"), acted: t("acted on"), closed: t("closed"),
  rejected: t("rejected"), cancelled: t("cancelled"), expired: t("expired unsigned"),
};
const STEP_SAYS = {
  draft: t("Drafted"), hold: t("Held back: more drafts than the ceiling allows"),
  release: t("Brought forward"), sign: t("Signed"), send: t("Sent"), acknowledge: t("Acknowledged"),
  act: t("Action taken"), close: t("Closed"), reject: t("Rejected"), cancel: t("Cancelled"),
  expire: t("Expired"),
};
const LEVEL_SAYS = {
  local: t("local"), national: t("national"), regional: t("regional (ECOWAS)"),
};
const CHANNEL_SAYS = { email: t("e-mail"), webhook: t("webhook"), sms: t("text message") };
const TOLD_SAYS = {
  waiting: t("waits to be sent"), begun: t("being sent"), failed: t("failed, tried again soon"),
  sent: t("sent"), received: t("received"), undelivered: t("could not be delivered"),
  dead: t("given up: ask the person who runs Vigie"), again: t("due again"),
};
const ROLE_SAYS = {
  rule: t("by rule"), field: t("field"), planner: t("planner"), coordinator: t("coordinator"),
  admin: t("admin"), "command line": t("command line"),
};
const FEW_PLACES = 12;
const UNSIGNED = ["draft", "held"];
const SIGNERS = ["coordinator", "admin"];
const DRAFTERS = ["planner", "coordinator", "admin"];

let alerts = [];
let following = null;

const wanted = () => new URLSearchParams(location.hash.slice(1)).get("alert");
const chosen = () => document.querySelector("#views input:checked").value;

function message(title, text, { link = false, retry = null } = {}) {
  show(byId("alerts"), false);
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
  message(t("Sign in first"), t("Alerts are private. Sign in on the page of forecasts, then come " +
    "back to this address."), { link: true });
}

async function open(path = "/v1/alerts?limit=100") {
  try {
    const page = await api.read(path);
    if (!path.includes("cursor=")) alerts = [];
    add(page.alerts);
    following = page.next;
    // What waits for a signature is shown whole, however many alerts came after it.
    if (following !== null && !path.includes("cursor=")) await addAll(UNSIGNED);
    show(byId("synthetic"), page.synthetic === true);
    const id = wanted();
    if (id && !alerts.some((one) => one.alert_id === id)) {
      alerts.push(await api.read(`/v1/alerts/${encodeURIComponent(id)}`));
    }
  } catch (problem) {
    tell(problem, () => open(path));
    return;
  }
  show(byId("message"), false);
  show(byId("alerts"));
  show(byId("sign-out"));
  goTo(wanted());
  draw();
}

function add(more) {
  const known = new Set(alerts.map((one) => one.alert_id));
  alerts = [...alerts, ...more.filter((one) => !known.has(one.alert_id))];
}

async function addAll(states) {
  for (const state of states) {
    let path = `/v1/alerts?limit=200&state=${state}`;
    while (path !== null) {
      const page = await api.read(path);
      add(page.alerts);
      path = page.next;
    }
  }
}

// The view in which an alert that the address names is to be seen.
function goTo(id) {
  const named = alerts.find((one) => one.alert_id === id);
  const inView = named && Object.keys(VIEWS).find((view) => VIEWS[view].includes(named.state));
  if (inView) document.querySelector(`#views [value="${inView}"]`).checked = true;
}

function draw() {
  const of = (view) => alerts.filter((one) => VIEWS[view].includes(one.state));
  for (const view of Object.keys(VIEWS)) byId(`n-${view}`).textContent = of(view).length || "";
  const shown = of(chosen());
  // What waits for a person is read from the gravest on; a sort keeps the order of equals.
  if (["sign", "held"].includes(chosen())) shown.sort((a, b) => gravity(a) - gravity(b));
  byId("list").replaceChildren(...shown.map(card));
  byId("none").textContent = NOTHING[chosen()];
  show(byId("none"), shown.length === 0);
  show(byId("held-says"), chosen() === "held" && shown.length > 0);
  show(byId("more"), following !== null);
  document.getElementById(wanted())?.scrollIntoView({ block: "start" });
}

const SEVERITIES = ["Extreme", "Severe", "Moderate", "Minor", "Unknown"];
const gravity = (alert) => SEVERITIES.indexOf(alert.severity);

const time = (at) => el("time", { datetime: at }, moment(at));

function card(alert) {
  const node = el("li", { class: `card alert ${alert.severity}`, id: alert.alert_id });
  node.append(
    el("div", { class: "tags" },
      alert.synthetic ? el("span", { class: "exercise" }, t("EXERCISE")) : null,
      el("span", { class: "state" }, STATE_SAYS[alert.state]),
      el("span", {}, LEVEL_SAYS[alert.level]),
      ...alert.channels.map((channel) => el("span", {}, CHANNEL_SAYS[channel]))),
    el("h2", {}, alert.words.headline),
    el("p", {}, alert.words.reason),
    el("p", {}, el("strong", {}, t("What to do: ")), alert.words.instruction),
    el("p", { class: "faint" }, ...places(alert)),
    el("p", { class: "faint" }, ...clock(alert)),
    goesOut(alert),
    ...(alert.cap.length > 0 ? [told(alert)] : []),
    events(alert),
    steps(alert));
  return node;
}

function places(alert) {
  const named = alert.places.slice(0, FEW_PLACES).map((p) => `${p.name} (${p.unit_id})`);
  const rest = alert.places.length - FEW_PLACES;
  return [named.join(", "), rest > 0
    ? ` ${plural(rest, "and {n} more commune", "and {n} more communes")}` : ""];
}

const clock = (alert) => [t("Drafted "), time(alert.drafted_at), " · ",
  UNSIGNED.includes(alert.state) ? t("expires unsigned ") : t("valid until "), time(alert.expires_at),
  ` · ${alert.rule === "hand" ? t("drafted by a person") : t("rule {rule}", { rule: alert.rule })}`];

function goesOut(alert) {
  const version = (lang, name) => el("section", { lang },
    el("h3", {}, name),
    el("p", {}, el("strong", {}, alert.translations[lang].headline)),
    el("p", {}, alert.translations[lang].reason),
    el("p", {}, alert.translations[lang].instruction));
  const caps = alert.cap.map((one) => el("a", {
    href: `/v1/alerts/${encodeURIComponent(alert.alert_id)}/cap${
      one.message_type === "Cancel" ? "" : "?first=true"}`,
  }, `CAP ${one.message_type} (${one.status})`));
  return el("details", { open: UNSIGNED.includes(alert.state) },
    el("summary", {}, UNSIGNED.includes(alert.state) ? t("The text that goes out") : t("The text that went out")),
    el("div", { class: "versions" }, version("fr", "Français"), version("en", "English")),
    el("p", { class: "tags" }, ...caps));
}

function told(alert) {
  const list = el("ul", { class: "told-list" });
  const node = el("details", {}, el("summary", {}, t("Who was told")), list);
  node.addEventListener("toggle", async () => {
    if (!node.open) return;
    list.replaceChildren(el("li", { class: "faint" }, t("Reading…")));
    try {
      const answer = await api.read(
        `/v1/alerts/told?limit=500&alert_id=${encodeURIComponent(alert.alert_id)}`);
      list.replaceChildren(...(answer.told.length === 0
        ? [el("li", {}, t("Nobody by message: no recipient fits its level, channels and areas. " +
            "It is on the feed."))]
        : answer.told.map(toldItem)));
    } catch (problem) {
      list.replaceChildren(el("li", { class: "fault" }, problem.message));
    }
  });
  return node;
}

function toldItem(one) {
  const faulty = ["failed", "dead", "undelivered"].includes(one.state);
  const when = [[t("sent "), one.sent_at], [t("received "), one.received_at]]
    .filter(([, at]) => at !== null)
    .flatMap(([says, at]) => [" · ", says, time(at)]);
  return el("li", {},
    el("div", {}, el("strong", {}, one.recipient), ` ${one.address}`),
    el("div", { class: faulty ? "fault" : "faint" },
      `${CHANNEL_SAYS[one.channel]} · ${one.message_type} · ${TOLD_SAYS[one.state]}`, ...when,
      one.detail ? ` · ${one.detail}` : ""),
    el("details", {}, el("summary", {}, one.subject), el("p", { class: "notes" }, one.text)));
}

const events = (alert) => el("details", {},
  el("summary", {}, t("What was done, by whom")),
  el("ol", { class: "timeline" }, ...alert.events.map((event) => el("li", {}, time(event.at),
    el("span", {}, el("strong", {}, STEP_SAYS[event.step]), ` · ${event.name} (${ROLE_SAYS[event.role] ?? event.role})`,
      event.note ? el("p", {}, event.note) : "")))));

// What this person may do with the alert now; the server decides again.
function possible(alert) {
  const role = session.role();
  const signer = SIGNERS.includes(role);
  const told_ = ["sent", "acknowledged", "acted"].includes(alert.state);
  return [
    alert.state === "draft" && signer && ["sign", t("Sign and send"), "main"],
    alert.state === "held" && signer && ["release", t("Bring forward"), "main"],
    UNSIGNED.includes(alert.state) && signer && ["reject", t("Reject"), "quiet"],
    told_ && ["acknowledge", t("Acknowledge"), alert.state === "sent" ? "main" : "quiet"],
    told_ && ["act", t("Action taken"), alert.state === "acknowledged" ? "main" : "quiet"],
    told_ && DRAFTERS.includes(role) && ["close", t("Close the alert"), alert.state === "acted" ? "main" : "quiet"],
    (told_ || alert.state === "approved") && signer && ["cancel", t("Cancel the alert"), "quiet danger"],
  ].filter(Boolean);
}

function steps(alert) {
  const offered = possible(alert);
  if (offered.length === 0) {
    return !UNSIGNED.includes(alert.state) ? "" :
      el("p", { class: "faint" }, t("A coordinator can sign or reject it."));
  }
  const note = el("input", { type: "text", maxlength: "2000", autocomplete: "off" });
  const form = el("form", { class: "step-form" },
    el("label", {}, t("Note: what was done or why; no names, no numbers"), note),
    el("div", { class: "step-buttons" }, ...offered.map(([step, says, look]) => {
      const button = el("button", { type: "button", class: look }, says);
      button.addEventListener("click", () => take(alert, step, note, form));
      return button;
    })));
  form.addEventListener("submit", (event) => event.preventDefault());
  return form;
}

async function take(alert, step, note, form) {
  if (step === "cancel" && note.value.trim() === "") {
    fault(t("Say in the note why it is cancelled: those who were told read it."));
    note.focus();
    return;
  }
  for (const button of form.querySelectorAll("button")) button.disabled = true;
  const path = `/v1/alerts/${encodeURIComponent(alert.alert_id)}/${step}?lang=${language.language}`;
  try {
    const now = await session.ask("POST", path, { note: note.value.trim() });
    alerts = alerts.map((one) => (one.alert_id === now.alert_id ? now : one));
    fault("");
    showStep(now);
  } catch (problem) {
    if (problem.status === 401) askToSignIn();
    else fault(problem.message);
    for (const button of form.querySelectorAll("button")) button.disabled = false;
  }
}

function showStep(now) {
  location.hash = `alert=${encodeURIComponent(now.alert_id)}`;
  goTo(now.alert_id);
  draw();
  byId("alerts").focus({ preventScroll: true });
}

function fault(says) {
  byId("step-error").textContent = says;
  show(byId("step-error"), says !== "");
  if (says) byId("step-error").scrollIntoView({ block: "center" });
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
document.title = `${t("Alerts")} · Vigie`;
for (const input of document.querySelectorAll("#views input")) {
  input.addEventListener("change", () => {
    window.history.replaceState(null, "", location.pathname);
    draw();
  });
}
byId("more").addEventListener("click", () => open(following));
byId("sign-out").addEventListener("click", signOut);
enter();
