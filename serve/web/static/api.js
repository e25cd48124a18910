// Asks the API, with the token of this tab. Errors are problems (RFC 9457).

import { token } from "./session.js";

export class Problem extends Error {
  constructor(status, title, detail) {
    super(detail);
    this.status = status;
    this.title = title;
  }
}

async function ask(path, accept, body) {
  let response;
  try {
    response = await fetch(path, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        Accept: accept,
        Authorization: `Bearer ${token()}`,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Problem(0, "No answer", "The server cannot be reached. Check the connection.");
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new Problem(
    response.status,
    problem.title ?? `Error ${response.status}`,
    problem.detail ?? "The server gave no reason.",
  );
}

const json = async (path, body) => (await ask(path, "application/json", body)).json();

export const elections = async () => (await json("/v1/elections")).elections;

export async function bulletins() {
  const found = [];
  for (;;) {
    const page = await json(`/v1/bulletins?limit=200&offset=${found.length}`);
    found.push(...page.bulletins);
    if (found.length >= page.total || page.bulletins.length === 0) return found;
  }
}

const scoresPath = (id, format) =>
  `/v1/bulletins/${encodeURIComponent(id)}/scores?format=${format}`;

export const scoresOnMap = async (id) =>
  (await ask(scoresPath(id, "geojson"), "application/geo+json")).json();

export const unit = (unitId, bulletinId) =>
  json(`/v1/units/${encodeURIComponent(unitId)}?bulletin_id=${encodeURIComponent(bulletinId)}`);

export const targets = async () => (await json("/v1/targets")).targets;
export const forecasts = async () => (await json("/v1/forecasts?limit=20")).forecasts;
export const askForecast = (asked) => json("/v1/forecasts", asked);
export const cancelForecast = (jobId) =>
  json(`/v1/forecasts/${encodeURIComponent(jobId)}/cancel`, {});

export async function download(bulletinId, format) {
  const blob = await (await ask(scoresPath(bulletinId, format), "*/*")).blob();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${bulletinId}.${format}`;
  link.click();
  URL.revokeObjectURL(link.href);
}

// Open to all, and a 503 still says why.
export async function health() {
  try {
    const response = await fetch("/health");
    return await response.json();
  } catch {
    return { status: "unusable", reasons: ["the server cannot be reached"] };
  }
}
