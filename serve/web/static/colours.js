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
  { from: 0.5, says: "50% or more", colour: "#5e140f" },
  { from: 0.25, says: "25–50%", colour: "#9c2f12" },
  { from: 0.1, says: "10–25%", colour: "#d9601a" },
  { from: 0.05, says: "5–10%", colour: "#f09a45" },
  { from: 0.01, says: "1–5%", colour: "#f9d08e" },
  { from: 0, says: "under 1%", colour: "#fbf2de" },
];

export const classOf = (p) => CLASSES.find((one) => p >= one.from);

export function colour(score, mode) {
  if (score.probability === null) return BAND_COLOURS.abstained;
  return mode === "band" ? BAND_COLOURS[score.band] : classOf(score.probability).colour;
}
