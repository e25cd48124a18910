// Numbers, days and the words of the vocabulary, as people read them.

import { french, locale, several, t } from "./language.js";

export const BANDS = ["very_high", "high", "elevated", "low", "abstained"];
export const BAND_SAYS = {
  very_high: t("Very high"),
  high: t("High"),
  elevated: t("Elevated"),
  low: t("Low"),
  abstained: t("No score"),
};
export const COVERAGE_SAYS = {
  good: t("Good"), thin: t("Thin"), coarse: t("Coarse"), none: t("None"),
};
const EVENT_SAYS = {
  battle: t("Battle"),
  explosion: t("Explosion"),
  violence_against_civilians: t("Violence against civilians"),
  riot: t("Riot"),
  protest: t("Protest"),
  strategic_development: t("Strategic development"),
};
const ELECTION_SAYS = {
  presidential: t("Presidential"),
  legislative: t("Legislative"),
  municipal: t("Municipal"),
  referendum: t("Referendum"),
  other: t("Other"),
};
const ROUNDS = [null, t("round 1"), t("round 2")];
export const NONE = "–";
export const NO_MODEL = "none"; // as in features/vocabulary.py

const DAY = new Intl.DateTimeFormat(locale, {
  day: "numeric", month: "short", year: "numeric", timeZone: "UTC",
});
const COUNT = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const NARROW = "\u202f";

export const day = (text) => DAY.format(new Date(`${text.slice(0, 10)}T00:00:00Z`));
const MOMENT = new Intl.DateTimeFormat(locale, {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
  timeZone: "UTC",
});

export const moment = (text) => t("{moment} UTC", { moment: MOMENT.format(new Date(text)) });
export const count = (number) => COUNT.format(number);
export const eventType = (type) => EVENT_SAYS[type] ?? type;

// So many digits after the point, or after the comma in French.
export const decimal = (number, digits) =>
  number.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });

const signed = (text) => `${text}${french ? NARROW : ""}%`;

// A probability in per cent; `plain` drops a zero after the point, for scales.
export function percent(p, plain = false) {
  if (p === null) return NONE;
  if (plain) return signed((p * 100).toLocaleString(locale, { maximumFractionDigits: 1 }));
  if (p > 0 && p < 0.001) return signed(`<${french ? NARROW : " "}${decimal(0.1, 1)}`);
  if (p > 0.999 && p < 1) return signed(`>${french ? NARROW : " "}${decimal(99.9, 1)}`);
  return signed(decimal(p * 100, p < 0.0995 || p > 0.9905 ? 1 : 0));
}

export function amount(number) {
  if (number === null) return NONE;
  return decimal(number, number < 1 ? 2 : 1);
}

export function ordinal(number) {
  if (french) return number === 1 ? "1er" : `${count(number)}e`;
  const last = number % 100;
  const ending = last > 10 && last < 14 ? "th" : ["th", "st", "nd", "rd"][number % 10] ?? "th";
  return `${number}${ending}`;
}

export function electionSays(election) {
  return t("{type}, {round}, {day}", {
    type: ELECTION_SAYS[election.election_type] ?? election.election_type,
    round: ROUNDS[election.round] ?? t("round {n}", { n: election.round }),
    day: day(election.polling_date),
  });
}

// Both are words of the page with {n} in them.
export const plural = (n, one, many, values = {}) =>
  t(several(n) ? many : one, { ...values, n: count(n) });
