// Entity paths.

/** The parts of a path as it is written; an escaped slash does not end a part. */
export function partsOf(path: string): string[] {
  return path === "/" ? [] : (path.match(/(?:[^/\\]|\\[\s\S])+/g) ?? [path]);
}

/** The entity above; the one at the top is `/`. */
export function parentOf(path: string): string {
  return partsOf(path).slice(0, -1).join("/") || "/";
}

/** A part as people read it: only what cannot be seen stays escaped. */
export function shownPart(part: string): string {
  return part.replace(/\\(?:u\{([0-9A-Fa-f]{1,6})\}|([\s\S]))/g, (whole, code?: string, character?: string) => {
    if (character !== undefined) return /[nrt]/.test(character) ? whole : character;
    const found = parseInt(code!, 16);
    const meant = found <= 0x10ffff ? String.fromCodePoint(found) : "";
    return /^[^\p{C}\p{Z}]$/u.test(meant) ? meant : whole;
  });
}

/** A path as people read it. Two paths may look alike: links, tooltips and code have it as it is written. */
export function shownPath(path: string): string {
  return partsOf(path).map(shownPart).join("/") || "/";
}

/** Whether a path has these letters, as it is written or as it is read. */
export function hasLetters(path: string, letters: string): boolean {
  return path.toLowerCase().includes(letters) || shownPath(path).toLowerCase().includes(letters);
}
