// Field reports: the list with what a person decides about each, and what waits to be read.

import * as api from "./api.js";
import { byId, el, show } from "./dom.js";
import * as language from "./language.js";
import * as session from "./session.js";

const { locale, t } = language;
const STATES = {
  unverified: t("unverified"), corroborated: t("corroborated"),
  confirmed: t("confirmed"), refuted: t("refuted"),
};
const KINDS = {
  warning_sign: t("warning sign"), incident: t("incident"),
  tension_defused: t("tension defused"), nothing_seen: t("nothing seen"),
};
const SIGNS = {
  hate_speech: t("hate speech"), armed_presence: t("armed presence"), threats: t("threats"),
  rival_rallies: t("rival rallies close together"), fraud_rumour: t("rumours of fraud"),
  destroyed_material: t("voting material destroyed"), blocked_road: t("blocked road"),
  absent_officials: t("officials absent or centre closed"), clash: t("clash or brawl"),
  other: t("other sign"),
};
const WAYS = {
  api: t("a program"), openrosa: t("a phone's form"), kobo: "KoboToolbox", odk: "ODK Central",
  sms: t("SMS"), csv: t("paper"),
};
const CHANGES = {
  landed: t("landed"), edited: t("edited"), verified: t("verified"),
  withdrawn: t("taken back"), joined: t("joined with another"),
};
// What the fields of every intake are called; what a program names otherwise is shown as it came.
const FIELDS = {
  __proto__: null,
  unit: t("Commune"), kind: t("What"), sign: t("Sign"), severity: t("Severity"),
  place_kind: t("Kind of place"), voting_center: t("Voting center"), people: t("People"),
  seen_at: t("Seen"), sent_at: t("Sent off"), end: t("Form finished"), edited_at: t("Edited"),
  withdraw: t("To be taken back"), client_id: t("Sender's id"), photo: t("Photo"),
  text: t("Message"), message: t("Message"), line: t("Line"), "not used": t("Not understood"), body: t("as it came"),
};
const last = (path) => path.split("/").at(-1);
const fieldSays = (path) => FIELDS[path] ?? FIELDS[last(path)];
const MOMENT = new Intl.DateTimeFormat(locale, {
  day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZone: "UTC",
});
const moment = (text) => `${MOMENT.format(new Date(text))} UTC`;
const VERIFIERS = ["planner", "coordinator", "admin"];
let tab = "reports";
let following = null;
let turn = 0; // an answer that comes after a later question is dropped

const mayVerify = () => VERIFIERS.includes(session.role());

function message(title, text, { link = false, retry = null } = {}) {
  show(byId("whole"), false);
  show(byId("message"));
  byId("message-title").textContent = title;
  byId("message-text").textContent = text;
  show(byId("message-link"), link);
  show(byId("message-retry"), retry !== null);
  byId("message-retry").onclick = retry;
}

function tell(problem, retry = open) {
  if (!(problem instanceof api.Problem)) throw problem;
  if (problem.status === 401) askToSignIn();
  else message(problem.title, problem.message, { retry });
}

function askToSignIn() {
  session.forget();
  show(byId("sign-out"), false);
  message(t("Sign in first"), t("Field reports are private."), { link: true });
}

const options = (words, first) => [
  ...(first ? [el("option", { value: "" }, first)] : []),
  ...Object.entries(words).map(([value, said]) => el("option", { value }, said)),
];

const change = (path, body) => session.ask("POST", path, body);

// Reports

function subtitle(report) {
  return [
    report.place_says, report.voting_center, report.people_says,
    report.severity ? t("severity {n}", { n: report.severity }) : null,
    t("seen {moment}", { moment: moment(report.seen_at) }),
    t("by {way}", { way: WAYS[report.intake] }),
  ].filter(Boolean).join(" · ");
}

function card(report) {
  const node = el("li", { class: "card report", "data-severity": report.severity });
  fill(node, report);
  return node;
}

function fill(node, report) {
  const place = [report.unit_name ?? report.unit_id, report.parent_name].filter(Boolean).join(", ");
  const kind = report.says === KINDS[report.kind] ? report.says : `${report.says} (${KINDS[report.kind]})`;
  node.replaceChildren(
    el("div", { class: "report-head" },
      el("h2", {}, kind),
      el("span", { class: `state ${report.verification}` }, report.verification_says)),
    el("p", { class: "place" }, place),
    el("p", { class: "faint" }, subtitle(report)),
  );
  if (report.borne_out_by.length && report.verification === "unverified") {
    node.append(el("p", { class: "hint-borne" }, report.borne_out_by.length > 1
      ? t("{n} independent reports bear this out", { n: report.borne_out_by.length })
      : t("An independent report bears this out")));
  }
  if (report.photos.length) {
    node.append(el("div", { class: "photos" }, ...report.photos.map((sha256) => el("img", {
      src: `/v1/reports/${report.report_id}/photos/${sha256}`, alt: t("Photo"), loading: "lazy",
    }))));
  }
  if (mayVerify()) node.append(decisions(node, report));
  node.append(past(report));
}

function decisions(node, report) {
  const reason = el("input", {
    "aria-label": t("Reason"), placeholder: t("Reason; needed to refute"), maxlength: 500,
  });
  const said = el("p", { class: "error-text", role: "alert", hidden: true });
  const decide = async (verification) => {
    try {
      const body = { verification, version: report.version, reason: reason.value };
      const answer = await change(`/v1/reports/${report.report_id}/verification`, body);
      fill(node, answer.report);
    } catch (problem) {
      if (!(problem instanceof api.Problem)) throw problem;
      said.textContent = problem.status === 409
        ? t("The report has changed since: reload the page and decide anew.") : problem.message;
      show(said);
    }
  };
  const buttons = Object.keys(STATES)
    .filter((state) => state !== "unverified" && state !== report.verification)
    .map((state) => {
      const button = el("button", { type: "button", "data-state": state }, STATES[state]);
      button.addEventListener("click", () => decide(state));
      return button;
    });
  return el("div", {}, el("div", { class: "decide" }, ...buttons, reason), said);
}

function past(report) {
  const list = el("ol", { class: "history" });
  const details = el("details", {}, el("summary", {}, t("History")), list);
  details.addEventListener("toggle", async () => {
    if (!details.open || list.childElementCount) return;
    const found = await api.json(`/v1/reports/${report.report_id}`).catch(tell);
    list.replaceChildren(...(found?.versions ?? []).map((version) => el("li", {}, [
      `${version.version}.`, moment(version.known_at), CHANGES[version.change] ?? version.change,
      STATES[version.verification], version.reason,
    ].filter(Boolean).join(" · "))));
  });
  return details;
}

// What waits

const plain = (value) => (typeof value === "object" ? JSON.stringify(value) : String(value));

function flat(sent) {
  if (sent === null || typeof sent !== "object") return [["", plain(sent)]];
  return Object.entries(sent).flatMap(([name, value]) =>
    (name === "sent" && value && typeof value === "object" ? flat(value) : [[name, plain(value)]]));
}

const WORDS = { __proto__: null, kind: KINDS, sign: SIGNS };
const ISO_MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;

function valueSays(path, value) {
  if (ISO_MOMENT.test(value) && !Number.isNaN(Date.parse(value))) return moment(value);
  const words = WORDS[last(path)];
  return words && Object.hasOwn(words, value) ? words[value] : value;
}

// Bytes that are no text come twice: as what can be printed of them, and all in base64.
// What a mediator said comes before what a program knows the form by.
const rows = (item) => flat(item.sent)
  .filter(([name, value]) => value !== "" && value !== "[]" && name !== "base64")
  .sort(([one], [other]) => (fieldSays(one) ? 0 : 1) - (fieldSays(other) ? 0 : 1))
  .flatMap(([name, value]) =>
    [el("dt", {}, fieldSays(name) ?? name), el("dd", {}, valueSays(name, value))]);

function everything(item, list) {
  const button = el("button", { type: "button", class: "quiet" }, t("Show all of it"));
  button.addEventListener("click", async () => {
    const whole = await api.json(`/v1/reports/queue/${item.inbox_id}`).catch(tell);
    if (!whole) return;
    list.replaceChildren(...rows(whole));
    button.remove();
  });
  return button;
}

function waiting(item) {
  const list = el("dl", { class: "sent" }, ...rows(item));
  const node = el("li", { class: "card report" },
    el("p", { class: "faint" }, `${moment(item.received_at)} · ${WAYS[item.intake]}`),
    el("ul", { class: "reasons" }, ...item.reasons.map((reason) => el("li", {}, reason.says))),
    list, ...(item.shortened ? [everything(item, list)] : []));
  const known = item.read;
  const input = (name, label, attributes) => el("label", {}, label,
    el("input", { name, value: known[name] ?? "", ...attributes }));
  const pick = (name, label, words, first) => {
    const select = el("select", { name }, ...options(words, first));
    if (known[name] in words) select.value = known[name];
    return el("label", {}, label, select);
  };
  const said = el("p", { class: "error-text", role: "alert", hidden: true });
  const form = el("form", { class: "read" },
    input("unit", t("Commune or code"), { required: true }),
    pick("kind", t("What"), KINDS),
    pick("sign", t("Sign"), SIGNS, t("none")),
    input("severity", t("Severity, 1 to 5"), { inputmode: "numeric", maxlength: 1 }),
    input("seen_at", t("Seen, for example 29/07/2018 14h30"),
      { required: true, value: (known.seen_at ?? item.received_at).slice(0, 16).replace("T", " ") }),
    el("button", { type: "submit" }, t("Make a report")));
  const reason = el("input", { "aria-label": t("Reason"), placeholder: t("Reason to put it aside") });
  const gone = el("button", { type: "button", class: "quiet" }, t("Put aside"));
  const act = async (path, body) => {
    try {
      await change(`/v1/reports/queue/${item.inbox_id}/${path}`, body);
      node.remove();
      byId("said").textContent = t("Done.");
    } catch (problem) {
      if (!(problem instanceof api.Problem)) throw problem;
      said.textContent = problem.message;
      show(said);
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const fields = { ...known, ...Object.fromEntries(new FormData(form)) };
    act("resolve", { fields });
  });
  gone.addEventListener("click", () => act("dismiss", { reason: reason.value }));
  node.append(form, said, el("div", { class: "decide" }, reason, gone));
  return node;
}

// Pages

function address() {
  if (tab === "queue") return "/v1/reports/queue?limit=50";
  const asked = new URLSearchParams({ limit: 50 });
  if (byId("state").value) asked.set("verification", byId("state").value);
  if (byId("kind").value) asked.set("kind", byId("kind").value);
  return `/v1/reports?${asked}`;
}

async function fetchPage(path, append) {
  const mine = ++turn;
  const page = await api.json(path);
  if (mine !== turn) return;
  const rows = tab === "queue" ? page.items.map(waiting) : page.reports.map(card);
  if (append) byId("list").append(...rows);
  else byId("list").replaceChildren(...rows);
  following = page.next;
  show(byId("more"), following !== null);
  if (page.synthetic !== undefined) show(byId("synthetic"), page.synthetic === true);
  byId("said").textContent = byId("list").childElementCount ? ""
    : tab === "queue" ? t("Nothing waits to be read.") : t("No report yet.");
}

async function open() {
  try {
    await session.look();
    if (!session.signedIn()) {
      askToSignIn();
      return;
    }
    show(byId("sign-out"));
    show(byId("message"), false);
    show(byId("whole"));
    show(byId("queue-tab"), mayVerify());
    show(byId("state-filter"), tab === "reports");
    show(byId("kind-filter"), tab === "reports");
    await fetchPage(address(), false);
  } catch (problem) {
    tell(problem);
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

language.start();
document.title = `${t("Field reports")} · Vigie`;
byId("state").replaceChildren(...options(STATES, t("All")));
byId("kind").replaceChildren(...options(KINDS, t("All")));
for (const id of ["state", "kind"]) byId(id).addEventListener("change", open);
byId("tabs").addEventListener("change", (event) => {
  tab = event.target.value;
  open();
});
byId("sign-out").addEventListener("click", signOut);
byId("more").addEventListener("click", () => fetchPage(following, true).catch(tell));
open();
