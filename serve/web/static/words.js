// Numbers, days and the words of the vocabulary, as people read them.

export const BANDS = ["very_high", "high", "elevated", "low", "abstained"];
export const BAND_SAYS = {
  very_high: "Very high",
  high: "High",
  elevated: "Elevated",
  low: "Low",
  abstained: "No score",
};
export const COVERAGE_SAYS = { good: "Good", thin: "Thin", coarse: "Coarse", none: "None" };
const EVENT_SAYS = {
  battle: "Battle",
  explosion: "Explosion",
  violence_against_civilians: "Violence against civilians",
  riot: "Riot",
  protest: "Protest",
  strategic_development: "Strategic development",
};
export const NONE = "–";
export const NO_MODEL = "none"; // as in features/vocabulary.py

const DAY = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", year: "numeric", timeZone: "UTC",
});
const COUNT = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });

export const day = (text) => DAY.format(new Date(`${text.slice(0, 10)}T00:00:00Z`));
export const count = (number) => COUNT.format(number);
export const eventType = (type) => EVENT_SAYS[type] ?? type;

export function percent(p) {
  if (p === null) return NONE;
  if (p > 0 && p < 0.001) return "< 0.1%";
  if (p > 0.999 && p < 1) return "> 99.9%";
  return `${(p * 100).toFixed(p < 0.0995 || p > 0.9905 ? 1 : 0)}%`;
}

export function amount(number) {
  if (number === null) return NONE;
  return number.toFixed(number < 1 ? 2 : 1);
}

export function ordinal(number) {
  const last = number % 100;
  const ending = last > 10 && last < 14 ? "th" : ["th", "st", "nd", "rd"][number % 10] ?? "th";
  return `${number}${ending}`;
}

export function electionSays(election) {
  const type = election.election_type[0].toUpperCase() + election.election_type.slice(1);
  return `${type}, round ${election.round}, ${day(election.polling_date)}`;
}

export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;
