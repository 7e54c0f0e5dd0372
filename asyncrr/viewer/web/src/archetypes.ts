// What is shown how: tiles by the archetypes of entities.
import { partsOf, shownPath } from "./paths";
import type { EntityFacts, EntityState } from "./state";
import type { Numbers, Plain, Tensor } from "./wire";

export function archetypesOf(facts: EntityFacts): string[] {
  const found = new Set<string>();
  for (const id of Object.keys(facts.components)) {
    const split = id.indexOf(":");
    found.add(split < 0 ? "AnyValues" : id.slice(0, split));
  }
  return [...found].sort((a, b) => rank(a) - rank(b));
}

const ORDER = ["Scalars", "Image", "EncodedImage", "DepthImage", "SegmentationImage", "TextLog", "Points3D", "Mesh3D"];
const STYLES = new Set(["SeriesLines", "SeriesPoints", "Transform3D", "Pinhole", "AnnotationContext", "Clear", "ViewCoordinates"]);

function rank(archetype: string): number {
  const place = ORDER.indexOf(archetype);
  return place >= 0 ? place : STYLES.has(archetype) ? 99 : 50;
}

export const PICTURES = ["Image", "EncodedImage", "DepthImage", "SegmentationImage"];
export const FLAT = ["Points2D", "Boxes2D", "LineStrips2D", "Arrows2D"];
export const SPATIAL = [
  "Points3D", "Boxes3D", "Ellipsoids3D", "Cylinders3D", "Capsules3D", "LineStrips3D", "Arrows3D", "Mesh3D", "Asset3D", "Pinhole",
];
export const GEO = ["GeoPoints", "GeoLineStrings"];
export const HANDLED = new Set([
  ...PICTURES, ...FLAT, ...SPATIAL, ...GEO, ...STYLES, "Scalars", "TextLog", "TextDocument", "BarChart", "Tensor",
  "VideoStream", "AssetVideo", "VideoFrameReference",
]);

export type TileKind = "series" | "picture" | "spatial" | "document" | "video" | "bars" | "tensor" | "geo" | "table";

export interface Tile {
  key: string;
  kind: TileKind;
  title: string;
  entities: string[];
}

/** A tile's title as people read it. */
export const shownTitle = (title: string) => (title === "/*" ? title : shownPath(title));

const head = (path: string) => partsOf(path).slice(0, -1).join("/");
const last = (path: string) => partsOf(path).at(-1) ?? path;

/** The tiles of a recording: numbers of one name or one parent together, pictures one by one, what is in space at once. */
export function tilesOf(entities: Map<string, EntityFacts>): Tile[] {
  const kinds = new Map([...entities].map(([path, facts]) => [path, new Set(archetypesOf(facts))]));
  const having = (names: string[]) => [...kinds].filter(([, set]) => names.some((name) => set.has(name))).map(([path]) => path);
  const tiles: Tile[] = [];
  const add = (kind: TileKind, title: string, paths: string[]) =>
    tiles.push({ key: `${kind}:${title}`, kind, title, entities: paths });

  const scalars = having(["Scalars"]);
  const alike = Map.groupBy(scalars, (path) => `${head(head(path))}\n${last(path)}`);
  const rest: string[] = [];
  for (const paths of alike.values()) {
    const first = paths[0]!;
    if (paths.length > 1) add("series", `${[head(head(first)), "*", last(first)].filter(Boolean).join("/")}`, paths);
    else rest.push(first);
  }
  for (const [parent, paths] of Map.groupBy(rest, head)) {
    add("series", paths.length > 1 ? `${parent || ""}/*` : paths[0]!, paths);
  }
  const pictures = having(PICTURES);
  const flat = having(FLAT);
  const isBelow = (path: string, picture: string) => path === picture || path.startsWith(`${picture}/`);
  for (const picture of pictures) add("picture", picture, [picture, ...flat.filter((path) => path !== picture && isBelow(path, picture))]);
  for (const [parent, paths] of Map.groupBy(flat.filter((path) => !pictures.some((each) => isBelow(path, each))), head)) {
    add("picture", paths.length > 1 ? `${parent}/*` : paths[0]!, paths);
  }
  const spatial = having(SPATIAL);
  for (const [root, paths] of Map.groupBy(spatial, (path) => partsOf(path)[0] ?? path)) {
    const frames = having(["Transform3D"]).filter((path) => (partsOf(path)[0] ?? path) === root);
    add("spatial", root, [...new Set([...paths, ...frames])]);
  }
  const references = having(["VideoFrameReference"]);
  for (const path of having(["AssetVideo", "VideoStream"])) add("video", path, [...new Set([path, ...references])]);
  for (const path of having(["TextDocument"])) add("document", path, [path]);
  for (const path of having(["BarChart"])) add("bars", path, [path]);
  for (const path of having(["Tensor"])) add("tensor", path, [path]);
  const geo = having(GEO);
  if (geo.length) add("geo", geo.length > 1 ? "map" : geo[0]!, geo);
  // values that go along with lines of a log are told where a line is opened
  for (const [path, set] of kinds) if (!set.has("TextLog") && [...set].some((each) => !HANDLED.has(each))) add("table", path, [path]);
  const order: TileKind[] = ["series", "picture", "spatial", "video", "bars", "tensor", "geo", "document", "table"];
  return interleaved(tiles, order);
}

/** Plots and pictures in turn and what is in space among the first, so that all are in sight; the rest after them. */
function interleaved(tiles: Tile[], order: TileKind[]): Tile[] {
  const of = (kind: TileKind) => tiles.filter((tile) => tile.kind === kind);
  const [plots, pictures] = [of("series"), of("picture")];
  const mixed: Tile[] = [];
  for (let i = 0; i < Math.max(plots.length, pictures.length); i += 2) {
    mixed.push(...plots.slice(i, i + 2), ...pictures.slice(i, i + 2));
  }
  mixed.splice(Math.min(2, plots.length), 0, ...of("spatial"));
  return [...mixed, ...order.slice(3).flatMap(of)];
}

// ---- values of components

export function numbersOf(state: EntityState | undefined, id: string): Numbers | null {
  const found = state?.get(id)?.batch;
  return found?.kind === "numbers" && found.count ? found.values : null;
}

export function firstArray(state: EntityState | undefined, id: string): Numbers | null {
  const found = state?.get(id)?.batch;
  return found?.kind === "arrays" && found.count ? found.items[0]! : null;
}

export function arraysOf(state: EntityState | undefined, id: string): Numbers[] {
  const found = state?.get(id)?.batch;
  return found?.kind === "arrays" ? found.items : [];
}

export function stringsOf(state: EntityState | undefined, id: string): string[] {
  const found = state?.get(id)?.batch;
  return found?.kind === "strings" ? found.items : [];
}

export function tensorOf(state: EntityState | undefined, id: string): Tensor | null {
  const found = state?.get(id)?.batch;
  return found?.kind === "tensors" && found.count ? found.items[0]! : null;
}

export function structsOf(state: EntityState | undefined, id: string): Plain[] {
  const found = state?.get(id)?.batch;
  return found?.kind === "structs" ? found.items : [];
}

/** The colour of an instance: its own, the last given one, or what its class or place has. */
export function colorOf(colors: Numbers | null, index: number, fallback: [number, number, number]): [number, number, number, number] {
  if (!colors?.length) return [...fallback, 255];
  const packed = Number(colors[Math.min(index, colors.length - 1)]);
  return [(packed >>> 24) & 255, (packed >>> 16) & 255, (packed >>> 8) & 255, packed & 255];
}

export const PALETTE: [number, number, number][] = [
  [91, 156, 255], [255, 159, 67], [46, 204, 143], [255, 99, 132], [171, 124, 255], [64, 201, 224], [236, 200, 64],
  [238, 130, 205], [142, 180, 90], [200, 140, 110],
];

export const css = ([r, g, b, a = 255]: readonly number[]) => `rgba(${r},${g},${b},${a / 255})`;
