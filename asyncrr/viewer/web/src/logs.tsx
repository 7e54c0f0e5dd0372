// The text log: all lines, virtual, with levels and search.
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { css } from "./archetypes";
import { OpenedLine } from "./line";
import { counts, elsewhere, ERROR, hasTexts, least, levelRank, onlySelected, opened, shown, timeOf, toggleLeast, WARNING, words } from "./logview";
import { moveTo } from "./moving";
import { shownPath } from "./paths";
import { useRows } from "./rows";
import { at, endings, isFollowing, isNarrow, lineKey, logs, openedLine, selection, timeline, timelines, type LogLine } from "./state";
import { summaryOf } from "./tracebacks";
import { counted, digitsFor, formatTime } from "./times";

export function LogPanel({ isAlone }: { isAlone: boolean }) {
  const height = useSignal(Number(localStorage.getItem("asyncrr.logs")) || 230);
  return (
    <section class={isAlone ? "logs alone" : "logs"} style={isAlone ? {} : { height: `${height.value}px` }} aria-label="Log">
      {!isAlone && <div class="splitter" onPointerDown={(event) => drag(event, height)} />}
      <Filters />
      <div class="log-body">
        <Lines height={height.value} />
        {opened.value && <OpenedLine line={opened.value} />}
      </div>
    </section>
  );
}

function Filters() {
  const { errors, warnings } = counts.value;
  const missing = [
    logs.value.skipped > 0 && `${logs.value.skipped.toLocaleString("en")} older ones left out`,
    elsewhere.value > 0 && `${elsewhere.value.toLocaleString("en")} not on ${timeline.value}`,
    openedLine.value !== null && opened.value === null && logs.value.lines.length > 0 && "the line of the link is not among them",
  ].filter(Boolean);
  return (
    <div class="bar">
      <strong>Log</strong>
      <select aria-label="Least level" value={least.value} onChange={(event) => (least.value = Number(event.currentTarget.value))}>
        {["All levels", "DEBUG and up", "INFO and up", "WARN and up", "ERROR and up"].map((label, index) => (
          <option key={label} value={index}>
            {label}
          </option>
        ))}
      </select>
      <input
        type="search"
        aria-label="Search the log"
        placeholder="Search the log"
        value={words.value}
        onInput={(event) => (words.value = event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape" || !words.value) return;
          event.stopPropagation();
          words.value = "";
        }}
      />
      {selection.value !== null && (
        <label>
          <input type="checkbox" checked={onlySelected.value} onChange={() => (onlySelected.value = !onlySelected.value)} /> only selected
        </label>
      )}
      <button class={`badge error${least.value === ERROR ? " on" : ""}`} disabled={!errors} aria-pressed={least.value === ERROR} onClick={() => toggleLeast(ERROR)} title="Only errors">
        {counted(errors, "error")}
      </button>
      <button
        class={`badge warning${least.value === WARNING ? " on" : ""}`}
        disabled={!warnings}
        aria-pressed={least.value === WARNING}
        onClick={() => toggleLeast(WARNING)}
        title="Warnings and errors"
      >
        {counted(warnings, "warning")}
      </button>
      <span class="muted">{[counted(shown.value.length, "line"), ...missing].join(" · ")}</span>
    </div>
  );
}

function Lines({ height }: { height: number }) {
  const scroller = useRef<HTMLDivElement>(null);
  const rowHeight = isNarrow.value ? 42 : 22;
  const lines = shown.value;
  const rows = useRows(scroller, lines.length, rowHeight);
  const time = at.value;
  const name = timeline.value;
  const range = timelines.value.get(name);
  const digits = Math.max(3, range ? digitsFor(Number(range.max - range.min) / 1000) : 3);
  let reached = lines.length;
  if (time !== null && !isFollowing.value) {
    let low = 0;
    while (low < reached) {
      const middle = (low + reached) >> 1;
      if ((timeOf(lines[middle]!, name) ?? time) <= time) low = middle + 1;
      else reached = middle;
    }
  }
  // who has scrolled up to read, or opened a line, is not pulled away from it, unless they ask for the end
  const isAtEnd = useRef(true);
  const top = useRef(0);
  const ended = useRef(endings.value);
  useEffect(() => {
    if (reached === 0) return;
    const isAsked = ended.current !== endings.value;
    ended.current = endings.value;
    if (isAsked) isAtEnd.current = true;
    if (!isFollowing.value) rows.show(reached - 1);
    else if (isAsked || (isAtEnd.current && openedLine.peek() === null)) rows.show(reached - 1, true);
  }, [reached, height, rowHeight, openedLine.value === null, endings.value]);

  const place = useComputed(() => (opened.value === null ? -1 : shown.value.indexOf(opened.value)));
  useEffect(() => {
    if (place.value >= 0) rows.show(place.value);
  }, [openedLine.value, place.value >= 0]);
  const go = (to: number, by: 1 | -1) => {
    while (lines[to]?.isMark) to += by;
    const target = lines[to];
    if (target) openedLine.value = lineKey(target);
  };
  const keys = (event: KeyboardEvent) => {
    const current = place.value;
    if (event.key === "Enter") go(current < 0 ? reached - 1 : current, -1);
    else if (event.key === "ArrowUp" && current >= 0) go(current - 1, -1);
    else if (event.key === "ArrowDown" && current >= 0) go(current + 1, 1);
    else if (event.key === "Escape" && current >= 0) openedLine.value = null;
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      class="log-scroll"
      ref={scroller}
      tabIndex={0}
      role="listbox"
      aria-label="Log lines: Enter opens one"
      onKeyDown={keys}
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        // lines that came since the page itself went to the end are not what somebody scrolled up by
        if (scrollTop + clientHeight > scrollHeight - 3 * rowHeight) isAtEnd.current = true;
        else if (scrollTop < top.current - 1) isAtEnd.current = false;
        top.current = scrollTop;
        rows.scrolled(scrollTop);
      }}
    >
      <div style={{ height: `${lines.length * rowHeight}px`, position: "relative" }}>
        {lines.slice(rows.first, rows.last).map((line, offset) => {
          const index = rows.first + offset;
          return <Row key={index} line={line} start={index * rowHeight} height={rowHeight} isFuture={index >= reached} isOpen={index === place.value} digits={digits} />;
        })}
      </div>
      {!lines.length && (
        <p class="muted pad">{logs.value.lines.length ? "No line is like that." : hasTexts.value ? "Reading the log…" : "No lines."}</p>
      )}
    </div>
  );
}

interface RowProps {
  line: LogLine;
  start: number;
  height: number;
  isFuture: boolean;
  isOpen: boolean;
  digits: number;
}

function Row({ line, start, height, isFuture, isOpen, digits }: RowProps) {
  const own = line.color === null ? undefined : { color: css([(line.color >>> 24) & 255, (line.color >>> 16) & 255, (line.color >>> 8) & 255]) };
  const [summary, more] = summaryOf(line.text);
  const time = timeOf(line, timeline.value);
  const kind = timelines.value.get(timeline.value)?.kind ?? "sequence";
  return (
    <div
      class={`log-row ${line.isMark ? "mark" : `level-${levelRank(line.level)}`}${isFuture ? " future" : ""}${isOpen ? " open" : ""}`}
      role="option"
      aria-selected={isOpen}
      style={{ transform: `translateY(${start}px)`, height: `${height}px` }}
      onClick={() => {
        if (!line.isMark) openedLine.value = isOpen ? null : lineKey(line);
      }}
    >
      <span class="log-time" title="Move the time here" onClick={(event) => (event.stopPropagation(), time !== null && moveTo(time))}>
        {time === null ? "static" : formatTime(kind, time, digits)}
      </span>
      <span class="log-level">{line.level || "–"}</span>
      <span class="log-entity" title={line.entity} onClick={(event) => (event.stopPropagation(), (selection.value = line.entity))}>
        {line.entity && shownPath(line.entity)}
      </span>
      <span class="log-text" style={own}>
        {summary}
        {more > 0 && <span class="more"> ⋯ {counted(more, "more line")}</span>}
      </span>
    </div>
  );
}

function drag(event: PointerEvent, height: { value: number }) {
  const start = event.clientY + height.value;
  const move = (next: PointerEvent) => {
    height.value = Math.min(Math.max(start - next.clientY, 80), innerHeight * 0.8);
  };
  const end = () => {
    localStorage.setItem("asyncrr.logs", String(Math.round(height.value)));
    removeEventListener("pointermove", move);
    removeEventListener("pointerup", end);
  };
  addEventListener("pointermove", move);
  addEventListener("pointerup", end);
  event.preventDefault();
}
