// Asks the API, with the cookie of the session. Errors are problems (RFC 9457).

import { language, t } from "./language.js";

export class Problem extends Error {
  constructor(status, title, detail) {
    super(detail);
    this.status = status;
    this.title = title;
  }
}

async function ask(path, accept, options = {}) {
  let response;
  try {
    const address = new URL(path, location.href);
    address.searchParams.set("lang", language);
    response = await fetch(address, {
      ...options, headers: { Accept: accept, ...options.headers },
    });
  } catch {
    throw new Problem(0, t("No answer"), t("The server cannot be reached. Check the connection."));
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new Problem(
    response.status,
    problem.title ?? t("Error {status}", { status: response.status }),
    problem.detail ?? t("The server gave no reason."),
  );
}

export const json = async (path) => (await ask(path, "application/json")).json();

export const read = json;
export const session = () => json("/v1/session");

// Asks for a change; `proof` says that this page asks, and no other one.
export async function change(method, path, body, proof = null) {
  const headers = proof ? { "X-CSRF-Token": proof } : {};
  if (body !== null) headers["Content-Type"] = "application/json";
  const options = { method, headers, body: body === null ? undefined : JSON.stringify(body) };
  const response = await ask(path, "application/json", options);
  const text = await response.text(); // to its end: leaving the page would cut it short
  return text === "" ? null : JSON.parse(text);
}

// Follows `next` until the last page; the answer is the first page with the rows of all.
async function whole(path, key) {
  const first = await json(path);
  for (let page = first; page.next; first[key].push(...page[key])) page = await json(page.next);
  return first;
}

export const elections = async () => (await whole("/v1/elections", "elections")).elections;
export const bulletins = async () => (await whole("/v1/bulletins?limit=200", "bulletins")).bulletins;

const scoresPath = (id, format) =>
  `/v1/bulletins/${encodeURIComponent(id)}/scores?format=${format}&limit=5000`;

export const scores = async (id) => (await whole(scoresPath(id, "json"), "scores")).scores;

export const scoresOnMap = (id) => whole(scoresPath(id, "geojson"), "features");

// The newest nowcast of a bulletin; null while there is none.
export async function nowcast(bulletinId) {
  const path = `/v1/nowcasts?limit=1&bulletin_id=${encodeURIComponent(bulletinId)}`;
  return (await json(path)).nowcasts[0] ?? null;
}

const nowcastPath = (id, format) =>
  `/v1/nowcasts/${encodeURIComponent(id)}/scores?format=${format}&limit=5000`;

export const nowcastOnMap = (id) => whole(nowcastPath(id, "geojson"), "features");

export const unit = (unitId, bulletinId) =>
  json(`/v1/units/${encodeURIComponent(unitId)}?bulletin_id=${encodeURIComponent(bulletinId)}`);

export const targets = async () => (await json("/v1/targets")).targets;
export const lessons = async (electionId) =>
  (await json(`/v1/elections/${encodeURIComponent(electionId)}/lessons`)).lessons;

const planPath = (id) => `/v1/deployments/${encodeURIComponent(id)}`;
const numbered = (version) => (version ? `?version=${version}` : "");
export const plans = async () => (await json("/v1/deployments?limit=200")).deployments;
export const plan = (id, version) => json(`${planPath(id)}${numbered(version)}`);
export const planVersions = async (id) => (await json(`${planPath(id)}/versions`)).versions;
export const planMoves = async (id, version) =>
  (await json(`${planPath(id)}/moves${numbered(version)}`)).moves;
export const planFile = (id, version, format) =>
  `${planPath(id)}/file?format=${format}&version=${version}&lang=${language}`;

export const forecasts = async () => (await json("/v1/forecasts?limit=20")).forecasts;

// A file of all pages: what is next stands in the header Link.
export async function download(bulletinId, format, nowcastId = null) {
  const parts = [];
  const id = nowcastId ?? bulletinId;
  const [onMap, pathOf] = nowcastId ? [nowcastOnMap, nowcastPath] : [scoresOnMap, scoresPath];
  if (format === "geojson") parts.push(JSON.stringify(await onMap(id)));
  for (let path = format === "geojson" ? null : pathOf(id, format); path;) {
    const response = await ask(path, "*/*");
    const text = await response.text();
    parts.push(parts.length === 0 ? `\ufeff${text}` : text.split("\r\n").slice(2).join("\r\n"));
    path = response.headers.get("Link")?.match(/^<([^>]+)>; rel="next"$/)?.[1] ?? null;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts));
  link.download = `${id}.${format}`;
  link.click();
  URL.revokeObjectURL(link.href);
}

// Open to all, and a 503 still says why.
export async function health() {
  try {
    const response = await fetch("/health");
    return await response.json();
  } catch {
    return { status: "unusable", reasons: [t("the server cannot be reached")] };
  }
}
