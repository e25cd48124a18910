// Asks the API, with the token of this tab. Errors are problems (RFC 9457).

import { language, t } from "./language.js";
import { token } from "./session.js";

export class Problem extends Error {
  constructor(status, title, detail) {
    super(detail);
    this.status = status;
    this.title = title;
  }
}

async function ask(path, accept) {
  let response;
  try {
    const address = new URL(path, location.href);
    address.searchParams.set("lang", language);
    response = await fetch(address, {
      headers: { Accept: accept, Authorization: `Bearer ${token()}` },
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

const json = async (path) => (await ask(path, "application/json")).json();

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
    return { status: "unusable", reasons: [t("the server cannot be reached")] };
  }
}
