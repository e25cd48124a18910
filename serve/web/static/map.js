// The choropleth. SVG paths carry data-unit-id; there are no tiles, so nothing leaves the server.

import * as L from "/static/leaflet/leaflet-src.esm.js";
import { regionBorders, regionLabels } from "./borders.js";
import { BAND_COLOURS, CLASSES, classOf, colour } from "./colours.js";
import { byId, el } from "./dom.js";
import { t } from "./language.js";
import { BANDS, BAND_SAYS, count, percent } from "./words.js";

let map = null;
let layers = new Map();
let drawn = [];
let registry = null;
let chosen = null;
let mode = "band";
let scores = [];
let labels = [];
let onSelect = () => {};

const OUTLINE = { color: "#6f665a", weight: 0.5, opacity: 0.55 };
const CHOSEN = { color: "#0b3d4f", weight: 3, opacity: 1 };

export function start(select) {
  onSelect = select;
  map = L.map(byId("map"), {
    attributionControl: false, scrollWheelZoom: false, zoomSnap: 0.25, minZoom: 3, maxZoom: 12,
    zoomControl: false,
  });
  L.control.zoom({ zoomInTitle: t("Zoom in"), zoomOutTitle: t("Zoom out") }).addTo(map);
  map.on("focus", () => map.scrollWheelZoom.enable());
  map.on("blur", () => map.scrollWheelZoom.disable());
  map.on("zoomend", spreadLabels);
  map.createPane("borders").style.pointerEvents = "none";
  new ResizeObserver(() => map.invalidateSize({ animate: false })).observe(byId("map"));
  for (const input of document.getElementsByName("colour")) {
    input.addEventListener("change", () => {
      mode = input.value;
      recolour();
    });
  }
}

function frame(bounds) {
  map.invalidateSize({ animate: false });
  map.fitBounds(bounds, { padding: [8, 8], animate: false });
  map.setMaxBounds(bounds.pad(0.5));
}

function tooltip({ properties: p }) {
  const p100 = p.probability === null ? t("no score") : percent(p.probability);
  return el("div", {}, el("strong", {}, p.name), el("br"), `${p.parent_name} · ${p100}`);
}

export function draw(collection) {
  drawn.forEach((layer) => layer.remove());
  layers = new Map();
  chosen = null;
  legend(collection.features); // before the map is framed: it takes some of its height
  const outlines = collection.features.filter((feature) => feature.geometry);
  const communes = L.geoJSON({ type: "FeatureCollection", features: outlines }, {
    style: (feature) => ({ ...OUTLINE, fillOpacity: 1, fillColor: colour(feature.properties, mode) }),
    onEachFeature: (feature, layer) => {
      layers.set(feature.id, layer);
      layer.bindTooltip(() => tooltip(feature), { sticky: true, direction: "top", opacity: 1 });
      layer.on("click", () => onSelect(feature.id));
    },
  });
  if (layers.size > 0 && registry !== collection.bulletin.registry_id) {
    registry = collection.bulletin.registry_id;
    frame(communes.getBounds()); // Leaflet draws nothing before it has a view
  }
  communes.addTo(map);
  for (const [id, layer] of layers) layer.getElement().dataset.unitId = id;
  const borders = L.geoJSON(regionBorders(outlines), {
    pane: "borders", interactive: false, style: { color: "#4b443b", weight: 1.4, opacity: 0.8 },
  }).addTo(map);
  drawn = [communes, borders];
  label(outlines);
}

function label(outlines) {
  const centred = outlines.map(({ id, properties }) => ({
    properties, centre: layers.get(id).getBounds().getCenter(),
  }));
  labels = regionLabels(centred).map(({ name, at }) => {
    const text = el("span", {}, name);
    const icon = L.divIcon({ className: "region-name", html: text, iconSize: [0, 0] });
    drawn.push(L.marker(at, { icon, interactive: false, keyboard: false }).addTo(map));
    return text;
  });
  spreadLabels();
}

// Of names that would overlap, the one of the region with more communes stays.
function spreadLabels() {
  const taken = [];
  for (const text of labels) {
    text.classList.remove("gone");
    const a = text.getBoundingClientRect();
    const clash = taken.some((b) =>
      a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom);
    if (clash) text.classList.add("gone");
    else taken.push(a);
  }
}

function legend(features) {
  scores = features.map((feature) => feature.properties);
  const scored = scores.filter((s) => s.probability !== null);
  const entries = mode === "band"
    ? BANDS.filter((band) => band !== "abstained").map((band) => {
        const of = scored.filter((s) => s.band === band);
        const range = of.map((s) => s.probability).sort((a, b) => a - b);
        const from = range.length ? t(" {low} to {high}", {
          low: percent(range[0]), high: percent(range.at(-1)),
        }) : "";
        return [BAND_COLOURS[band], BAND_SAYS[band], from, of.length];
      })
    : CLASSES.map((one) => [
        one.colour, one.says, "", scored.filter((s) => classOf(s.probability) === one).length,
      ]);
  const why = t(scored.length ? " too little reporting" : " every commune abstains");
  entries.push([null, t("No score"), why, scores.length - scored.length]);
  byId("legend").replaceChildren(...entries.map(([fill, says, more, n]) => {
    const swatch = el("span", { class: fill ? "swatch" : "swatch hatched", "aria-hidden": "true" });
    if (fill) swatch.style.backgroundColor = fill;
    return el("li", {}, swatch, el("span", {}, says), el("span", { class: "faint" }, more),
      el("span", { class: "number" }, count(n)));
  }));
}

function recolour() {
  for (const layer of layers.values()) {
    layer.setStyle({ fillColor: colour(layer.feature.properties, mode) });
  }
  legend(scores.map((properties) => ({ properties })));
}

export function choose(unitId) {
  layers.get(chosen)?.setStyle(OUTLINE);
  chosen = unitId;
  const layer = layers.get(unitId);
  if (!layer) return;
  layer.setStyle(CHOSEN).bringToFront();
  if (!map.getBounds().intersects(layer.getBounds())) map.panTo(layer.getBounds().getCenter());
}

export function dim(kept) {
  for (const [id, layer] of layers) {
    layer.getElement().classList.toggle("dimmed", !kept.has(id));
  }
}
