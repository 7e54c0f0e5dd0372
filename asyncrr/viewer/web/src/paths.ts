// Entity paths.

/** The parts of a path as it is written; an escaped slash does not end a part. */
export function partsOf(path: string): string[] {
  return path === "/" ? [] : (path.match(/(?:[^/\\]|\\[\s\S])+/g) ?? [path]);
}

/** The entity above; the one at the top is `/`. */
export function parentOf(path: string): string {
  return partsOf(path).slice(0, -1).join("/") || "/";
}
