// One line of the text log, opened: when it was on every timeline, its whole text, what was logged with it.
import { useSignal } from "@preact/signals";
import { IconButton } from "./buttons";
import { levelRank } from "./logview";
import { chooseTimeline, moveTo } from "./moving";
import { shownPath } from "./paths";
import { shownBatch } from "./selection";
import { kindsOf, raisedIn } from "./tracebacks";
import { lineKey, openedLine, selection, timelines, type LogLine } from "./state";
import { formatWhole } from "./times";

export function OpenedLine({ line }: { line: LogLine }) {
  const copied = useSignal("");
  const key = lineKey(line);
  const others = line.others().sort(([a], [b]) => (a < b ? -1 : 1));
  const unfolded = useSignal("");
  const isCut = line.text.length > FIRST_LETTERS && unfolded.value !== key;
  const raised = raisedIn(line.text);
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
      {raised && <p class="raised">{raised}</p>}
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
      <pre class="log-whole">{marked(isCut ? line.text.slice(0, FIRST_LETTERS) : line.text)}</pre>
      {isCut && <button onClick={() => (unfolded.value = key)}>Show all {line.text.length.toLocaleString("en")} letters</button>}
      <p class="muted small">
        row {String(line.row)} of writer <span title={line.writer}>{line.writer.slice(0, 8)}…</span>
      </p>
    </div>
  );
}

const FIRST_LETTERS = 20_000;

/** The text; of a traceback, the frames in libraries stand back, and what it ends in stands out. */
function marked(text: string) {
  if (!text.includes("Traceback (most recent call last)")) return text;
  return kindsOf(text.split("\n")).map(([line, kind]) => (kind ? <span class={kind}>{`${line}\n`}</span> : `${line}\n`));
}
