import { t } from "./language.js";

// A sequential palette: lightness falls with risk, so that it reads without colour vision.

export const BAND_COLOURS = {
  very_high: "#7a1c10",
  high: "#d9601a",
  elevated: "#f6b763",
  low: "#faefd6",
  abstained: "url(#hatch)",
};

// Fixed classes, so that two bulletins can be compared by eye.
export const CLASSES = [
  { from: 0.5, says: t("{p}% or more", { p: 50 }), colour: "#5e140f" },
  { from: 0.25, says: t("{from}–{to}%", { from: 25, to: 50 }), colour: "#9c2f12" },
  { from: 0.1, says: t("{from}–{to}%", { from: 10, to: 25 }), colour: "#d9601a" },
  { from: 0.05, says: t("{from}–{to}%", { from: 5, to: 10 }), colour: "#f09a45" },
  { from: 0.01, says: t("{from}–{to}%", { from: 1, to: 5 }), colour: "#f9d08e" },
  { from: 0, says: t("under {p}%", { p: 1 }), colour: "#fbf2de" },
];

export const classOf = (p) => CLASSES.find((one) => p >= one.from);

export function colour(score, mode) {
  if (score.probability === null) return BAND_COLOURS.abstained;
  return mode === "band" ? BAND_COLOURS[score.band] : classOf(score.probability).colour;
}
