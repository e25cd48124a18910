// Who is signed in. The cookie is out of the page's reach; what proves that this page asks is not.

import { change, session as asked } from "./api.js";

let current = { signed_in: false, organisation: false };

export const signedIn = () => current.signed_in;
export const organisation = () => current.organisation;

export async function look() {
  current = await asked();
}

export async function signIn(token) {
  current = await change("POST", "/v1/session", { token });
}

export async function signOut() {
  if (current.signed_in) await change("DELETE", "/v1/session", null, current.csrf);
  current = { ...current, signed_in: false, csrf: null };
}

export const forget = () => {
  current = { ...current, signed_in: false, csrf: null };
};
