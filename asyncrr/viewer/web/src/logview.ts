// Which lines of the text log are shown, in which order, and which of them is open.
import { computed, signal } from "@preact/signals";
import { hasLetters } from "./paths";
import { entities, lineKey, logs, openedLine, selection, timeline, type LogLine } from "./state";

const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "CRITICAL"];

export const ERROR = 4;
export const WARNING = 3;

export function levelRank(level: string): number {
  const name = level.toUpperCase();
  if (name.startsWith("WARN")) return WARNING;
  const place = LEVELS.indexOf(name === "FATAL" ? "CRITICAL" : name);
  return place < 0 ? 2 : place;
}

export const least = signal(0);
export const words = signal("");
export const onlySelected = signal(false);

export const hasTexts = computed(() => [...entities.value.values()].some((each) => "TextLog:text" in each.components));

/** When a line was logged on the timeline that is shown; `null` where it is static. */
export const timeOf = (line: LogLine, name: string): bigint | null => line.times.get(name) ?? null;

/** Those on the timeline, and the static ones before them. */
const ordered = computed(() => {
  const name = timeline.value;
  const lines = logs.value.lines.filter((each) => each.times.has(name) || !each.times.size);
  const isBefore = (a: LogLine, b: LogLine) => {
    const [x, y] = [timeOf(a, name), timeOf(b, name)];
    return x === null ? y !== null : y !== null && x < y;
  };
  if (lines.some((each, index) => index > 0 && isBefore(each, lines[index - 1]!))) {
    lines.sort((a, b) => (isBefore(a, b) ? -1 : isBefore(b, a) ? 1 : a.row < b.row ? -1 : 1));
  }
  return lines;
});

export const elsewhere = computed(() => logs.value.lines.length - ordered.value.length);

export const shown = computed(() => {
  const letters = words.value.toLowerCase();
  const path = onlySelected.value ? selection.value : null;
  if (!letters && least.value === 0 && path === null) return ordered.value;
  return ordered.value.filter(
    (each) =>
      each.isMark ||
      (levelRank(each.level) >= least.value &&
        (path === null || each.entity === path || each.entity.startsWith(`${path}/`)) &&
        (!letters || each.text.toLowerCase().includes(letters) || hasLetters(each.entity, letters))),
  );
});

export const counts = computed(() => {
  const found = { warnings: 0, errors: 0 };
  for (const each of ordered.value) {
    const rank = levelRank(each.level);
    if (rank === WARNING) found.warnings++;
    else if (rank >= ERROR) found.errors++;
  }
  return found;
});

export const opened = computed(() => {
  const key = openedLine.value;
  const row = /^[^.]*\.(\d+)/.exec(key ?? "")?.[1];
  if (row === undefined) return null;
  const number = BigInt(row);
  return logs.value.lines.find((each) => each.row === number && !each.isMark && lineKey(each) === key) ?? null;
});

export function toggleLeast(level: number): void {
  least.value = least.value === level ? 0 : level;
}
