// Who is signed in. The cookie is out of the page's reach; what proves that this page asks is not.

import { change, session as asked } from "./api.js";

let current = { signed_in: false, organisation: false, may_forecast: false };

export const signedIn = () => current.signed_in;
export const mayForecast = () => current.may_forecast;
export const role = () => current.role;
export const organisation = () => current.organisation;

// A change that this session asks for.
export const ask = (method, path, body = null) => change(method, path, body, current.csrf);

export async function look() {
  current = await asked();
}

export async function signIn(token) {
  current = await change("POST", "/v1/session", { token });
}

export async function signOut() {
  if (current.signed_in) await ask("DELETE", "/v1/session");
  forget();
}

export function forget() {
  current = { ...current, signed_in: false, may_forecast: false, csrf: null };
}
