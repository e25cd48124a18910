// Borders of regions, from the outlines of communes: edges that two regions share, or none.
// Neighbours were simplified together, so that a shared edge has the same ends in both.

function* rings(geometry) {
  const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
  for (const polygon of polygons) yield* polygon;
}

export function regionBorders(features) {
  const edges = new Map();
  for (const { geometry, properties } of features) {
    if (!geometry) continue;
    for (const ring of rings(geometry)) {
      for (let i = 1; i < ring.length; i += 1) {
        const ends = [ring[i - 1], ring[i]];
        const key = ends.map((end) => end.join(",")).sort().join(" ");
        const seen = edges.get(key);
        if (!seen) edges.set(key, { ends, region: properties.region_id });
        else if (seen.region === properties.region_id) seen.inside = true;
      }
    }
  }
  const coordinates = [...edges.values()].filter((e) => !e.inside).map((e) => e.ends);
  return { type: "Feature", properties: {}, geometry: { type: "MultiLineString", coordinates } };
}

// Where to write each region's name: the middle of its communes. The largest region is first.
export function regionLabels(layers) {
  const regions = new Map();
  for (const { centre, properties } of layers) {
    const sums = regions.get(properties.region_id) ??
      { name: properties.region_name, lat: 0, lng: 0, n: 0 };
    sums.lat += centre.lat;
    sums.lng += centre.lng;
    sums.n += 1;
    regions.set(properties.region_id, sums);
  }
  const largest = [...regions.values()].sort((a, b) => b.n - a.n);
  return largest.map((r) => ({ name: r.name, at: [r.lat / r.n, r.lng / r.n] }));
}
