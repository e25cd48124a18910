// French or English: chosen by the reader and remembered, else the browser's own.
// English words are the keys; fr.js has the French ones. A test holds the two together.

import { FR } from "./fr.js";

const KEY = "vigie.language";
const OFFERED = ["fr", "en"];
const SAID = ["aria-label", "placeholder", "title"];

const browsers = () => navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase());
const kept = localStorage.getItem(KEY);
export const language = OFFERED.includes(kept) ? kept
  : browsers().find((tag) => OFFERED.includes(tag)) ?? "en";
export const french = language === "fr";
export const locale = french ? "fr-FR" : "en-GB";

// The words of the page in its language; {name} is filled in.
export function t(english, values = {}) {
  const said = french ? FR[english] ?? english : english;
  return said.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// French counts anything under two as one.
export const several = (n) => (french ? Math.abs(n) >= 2 : n !== 1);

const squeezed = (text) => text.trim().replace(/\s+/g, " ");

// The words that stand in index.html.
function translate() {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const said = FR[squeezed(walker.currentNode.data)];
    if (said) walker.currentNode.data = walker.currentNode.data.replace(/\S(.*\S)?/s, () => said);
  }
  for (const name of SAID) {
    for (const node of document.querySelectorAll(`[${name}]`)) {
      node.setAttribute(name, t(node.getAttribute(name)));
    }
  }
}

function choose(wanted) {
  if (wanted === language) return;
  localStorage.setItem(KEY, wanted);
  location.reload(); // the address says which bulletin and commune are open
}

export function start() {
  document.documentElement.lang = language;
  if (french) translate();
  for (const button of document.querySelectorAll("#languages button")) {
    button.setAttribute("aria-pressed", String(button.lang === language));
    button.addEventListener("click", () => choose(button.lang));
  }
}
