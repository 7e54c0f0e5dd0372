// Tracebacks: their lines by kind, what they end in, and a text in one line.

const FRAME = /^[\s|]+File "(.+)", line \d+(?:, in .+)?$/;
const LIBRARY = /[/\\](?:site-packages|dist-packages|lib[/\\]python3[^/\\]*)[/\\]|^<frozen /;

/** Lines of a traceback, each with its kind: of one's own code, of a library, or the error itself. */
export function kindsOf(lines: string[]): [string, "" | "frame" | "library" | "raised"][] {
  let isInside = false;
  let frame: "" | "frame" | "library" = "";
  return lines.map((line) => {
    const found = FRAME.exec(line);
    if (/Traceback \(most recent call last\):$/.test(line)) {
      [isInside, frame] = [true, ""];
      return [line, ""];
    }
    if (found) {
      frame = LIBRARY.test(found[1]!) ? "library" : "frame";
      return [line, frame];
    }
    if (isInside && /^(?:\s*\| )?[^\s|+]/.test(line)) {
      [isInside, frame] = [false, ""];
      return [line, "raised"];
    }
    return [line, isInside && frame === "library" ? "library" : ""];
  });
}

/** What a traceback ends in, where a text begins with one: the reader is told before they scroll. */
export function raisedIn(text: string): string | null {
  if (!text.startsWith("Traceback (most recent call last)")) return null;
  const found = kindsOf(text.split("\n")).findLast(([, kind]) => kind === "raised");
  return found ? found[0].slice(0, 2000) : null;
}

const SUMMARY_LETTERS = 1000;

/** One line of a text: its first, or what a traceback ends in; and how many more there are. */
export function summaryOf(text: string): [string, number] {
  const lines = text.trimEnd().split("\n");
  const first = text.startsWith("Traceback (most recent call last)") ? lines.findLast((line) => /^\S/.test(line)) : lines[0];
  return [(first ?? "").slice(0, SUMMARY_LETTERS), lines.length - 1];
}
