// One line of the text log, opened: when it was on every timeline, its whole text, what was logged with it.
import { useSignal } from "@preact/signals";
import { IconButton } from "./buttons";
import { levelRank } from "./logview";
import { chooseTimeline, moveTo } from "./moving";
import { shownPath } from "./paths";
import { shownBatch } from "./selection";
import { lineKey, openedLine, selection, timelines, type LogLine } from "./state";
import { formatWhole } from "./times";

export function OpenedLine({ line }: { line: LogLine }) {
  const copied = useSignal("");
  const key = lineKey(line);
  const others = line.others().sort(([a], [b]) => (a < b ? -1 : 1));
  const go = (name: string, time: bigint) => {
    chooseTimeline(name);
    moveTo(time);
  };
  return (
    <div class="log-detail" aria-label="Opened line" role="region">
      <div class="bar">
        <strong class={`level-${levelRank(line.level)}`}>{line.level || "no level"}</strong>
        <button class="link path" title={line.entity} onClick={() => (selection.value = line.entity)}>
          {shownPath(line.entity)}
        </button>
        <span class="spring" />
        <button onClick={() => void navigator.clipboard?.writeText(line.text).then(() => (copied.value = key))}>{copied.value === key ? "Copied" : "Copy"}</button>
        <IconButton label="Close (Esc)" onClick={() => (openedLine.value = null)}>
          ×
        </IconButton>
      </div>
      <table class="facts">
        <tbody>
          {!line.times.size && (
            <tr>
              <th>time</th>
              <td>static: it holds at any</td>
            </tr>
          )}
          {[...line.times].map(([name, time]) => (
            <tr key={name}>
              <th>{name}</th>
              <td>
                <button class="link" title="Move the time here" onClick={() => go(name, time)}>
                  {formatWhole(timelines.value.get(name)?.kind ?? "sequence", time)}
                </button>
              </td>
            </tr>
          ))}
          {others.map(([id, cell]) => (
            <tr key={id}>
              <th title={cell.type ?? ""}>{id}</th>
              <td>
                <pre>{shownBatch(cell.batch, cell.type)}</pre>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <pre class="log-whole">{whole(line.text)}</pre>
      <p class="muted small">
        row {String(line.row)} of writer <span title={line.writer}>{line.writer.slice(0, 8)}…</span>
      </p>
    </div>
  );
}

const MOST_LETTERS = 200_000;
const FRAME = /^[\s|]+File "(.+)", line \d+(?:, in .+)?$/;
const LIBRARY = /[/\\](?:site-packages|dist-packages|lib[/\\]python3[^/\\]*)[/\\]|^<frozen /;

/** The text; of a traceback, the frames in libraries stand back, and what it ends in stands out. */
function whole(text: string) {
  const cut = text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS)}\n… ${(text.length - MOST_LETTERS).toLocaleString("en")} more letters: asyncrr cat shows them` : text;
  if (!cut.includes("Traceback (most recent call last)")) return cut;
  return kindsOf(cut.split("\n")).map(([line, kind]) => (kind ? <span class={kind}>{`${line}\n`}</span> : `${line}\n`));
}

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
