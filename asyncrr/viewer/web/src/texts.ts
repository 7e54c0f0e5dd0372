// Text logs: all of them up to a bound, by cursor.
import { cellsOf, source } from "./requests";
import { epoch, logs, recordingId, type LogLine } from "./state";
import type { Batch, Chunk } from "./wire";

const KEPT_LINES = 100_000;

let textCursor: number | null = null;
let textsBusy = false;
let textsAgain = false;

/** Begin anew. */
export function forgetTexts(): void {
  textCursor = null;
  logs.value = { lines: [], version: logs.value.version + 1, skipped: 0 };
}

export async function fetchTexts(): Promise<void> {
  if (textsBusy) {
    textsAgain = true;
    return;
  }
  textsBusy = true;
  const id = recordingId.value;
  const of = epoch.value;
  try {
    for (let more = true; more; ) {
      const { chunks, next, skipped } = await source().texts(textCursor, KEPT_LINES);
      if (id !== recordingId.value || of !== epoch.value) break;
      const lines = chunks.flatMap(linesOf);
      const before = logs.value;
      if (skipped && textCursor !== null && lines.length) lines.unshift(markOf(skipped, lines[0]!));
      if (lines.length || skipped) {
        const all = before.lines.concat(lines);
        const over = Math.max(0, all.length - KEPT_LINES);
        logs.value = { lines: over ? all.slice(over) : all, version: before.version, skipped: before.skipped + skipped + over };
      }
      more = chunks.length > 0 && textCursor !== next;
      textCursor = next;
    }
  } catch {
    // the websocket tells of the connection; what is missing is asked for with the next news
  }
  textsBusy = false;
  if (textsAgain) {
    textsAgain = false;
    void fetchTexts();
  }
}

/** What stands where this page was too slow: as long as what follows. */
function markOf(count: number, next: LogLine): LogLine {
  const text = `${count.toLocaleString("en")} lines came faster than this page reads them, and were left out`;
  return { ...next, entity: "", level: "", text, color: null, isMark: true, others: () => [] };
}

const OWN = new Set(["TextLog:text", "TextLog:level", "TextLog:color"]);
const none = () => [];

function linesOf(chunk: Chunk): LogLine[] {
  const lines: LogLine[] = [];
  const hasOthers = [...chunk.columns.keys()].some((id) => !OWN.has(id));
  for (let row = 0; row < chunk.rows; row++) {
    const texts = strings(chunk.columns.get("TextLog:text")?.batch(row));
    const levels = strings(chunk.columns.get("TextLog:level")?.batch(row));
    const colors = chunk.columns.get("TextLog:color")?.batch(row);
    const times = new Map([...chunk.timelines].map(([name, each]) => [name, each.times[row]!]));
    const others = hasOthers ? () => [...cellsOf(chunk, row)].filter(([id]) => !OWN.has(id)) : none;
    for (const [index, text] of texts.entries()) {
      lines.push({
        entity: chunk.entity,
        writer: chunk.writer,
        row: chunk.numbers[row]!,
        times,
        level: levels[0] ?? "",
        text,
        index,
        others,
        isMark: false,
        color: colors?.kind === "numbers" && colors.count ? Number(colors.values[0]) : null,
      });
    }
  }
  return lines;
}

function strings(found: Batch | undefined): string[] {
  return found?.kind === "strings" ? found.items : [];
}
