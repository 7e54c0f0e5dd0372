// The text log: all lines, virtual, with levels, search, and the whole text of one.
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useReducer, useRef } from "preact/hooks";
import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from "@tanstack/virtual-core";
import { css } from "./archetypes";
import { moveTo } from "./moving";
import { at, entities, isFollowing, logs, selection, timeline, timelines, type LogLine } from "./state";
import { formatTime } from "./times";

const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "CRITICAL"];
const ROW = 22;

export function levelRank(level: string): number {
  const name = level.toUpperCase();
  if (name.startsWith("WARN")) return 3;
  const place = LEVELS.indexOf(name === "FATAL" ? "CRITICAL" : name);
  return place < 0 ? 2 : place;
}

function useVirtual(count: number, element: () => HTMLElement | null) {
  const [, redraw] = useReducer((n: number, _: void) => n + 1, 0);
  const kept = useRef<Virtualizer<HTMLElement, Element> | null>(null);
  const options = {
    count,
    getScrollElement: element,
    estimateSize: () => ROW,
    overscan: 12,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    onChange: () => redraw(),
  };
  kept.current ??= new Virtualizer<HTMLElement, Element>(options);
  kept.current.setOptions(options);
  useLayoutEffect(() => kept.current!._didMount(), []);
  useLayoutEffect(() => kept.current!._willUpdate());
  return kept.current;
}

export function LogPanel() {
  const least = useSignal(0);
  const search = useSignal("");
  const onlySelected = useSignal(false);
  const opened = useSignal<LogLine | null>(null);
  const height = useSignal(Number(localStorage.getItem("asyncrr.logs")) || 230);
  const scroller = useRef<HTMLDivElement>(null);

  const ordered = useComputed(() => {
    const name = timeline.value;
    const lines = logs.value.lines.filter((each) => each.times.has(name));
    let isSorted = true;
    for (let i = 1; i < lines.length && isSorted; i++) isSorted = lines[i - 1]!.times.get(name)! <= lines[i]!.times.get(name)!;
    if (!isSorted) {
      lines.sort((a, b) => {
        const [x, y] = [a.times.get(name)!, b.times.get(name)!];
        return x < y ? -1 : x > y ? 1 : a.row < b.row ? -1 : 1;
      });
    }
    return lines;
  });
  const shown = useComputed(() => {
    const words = search.value.toLowerCase();
    const path = onlySelected.value ? selection.value : null;
    if (!words && least.value === 0 && path === null) return ordered.value;
    return ordered.value.filter(
      (each) =>
        (each.isMark || levelRank(each.level) >= least.value) &&
        (each.isMark || path === null || each.entity === path || each.entity.startsWith(`${path}/`)) &&
        (each.isMark || !words || each.text.toLowerCase().includes(words) || each.entity.toLowerCase().includes(words)),
    );
  });
  const counts = useComputed(() => {
    const found = { warnings: 0, errors: 0 };
    for (const each of ordered.value) {
      const rank = levelRank(each.level);
      if (rank === 3) found.warnings++;
      else if (rank > 3) found.errors++;
    }
    return found;
  });

  const lines = shown.value;
  const virtual = useVirtual(lines.length, () => scroller.current);
  const time = at.value;
  const name = timeline.value;
  const kind = timelines.value.get(name)?.kind ?? "sequence";
  let reached = lines.length;
  if (time !== null && !isFollowing.value) {
    let low = 0;
    while (low < reached) {
      const middle = (low + reached) >> 1;
      if (lines[middle]!.times.get(name)! <= time) low = middle + 1;
      else reached = middle;
    }
  }
  // who has scrolled up to read, or opened a line, is not pulled away from it
  const isAtEnd = useRef(true);
  useEffect(() => {
    if (reached === 0) return;
    if (!isFollowing.value) virtual.scrollToIndex(reached - 1, { align: "auto" });
    else if (isAtEnd.current && opened.peek() === null) virtual.scrollToIndex(reached - 1, { align: "end" });
  }, [reached, height.value, opened.value === null]);

  const hasTexts = [...entities.value.values()].some((each) => "TextLog:text" in each.components);
  if (!hasTexts) return null;
  return (
    <section class="logs" style={{ height: `${height.value}px` }}>
      <div class="splitter" onPointerDown={(event) => drag(event, height)} />
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
          placeholder="Search the log"
          value={search.value}
          onInput={(event) => (search.value = event.currentTarget.value)}
        />
        {selection.value !== null && (
          <label>
            <input type="checkbox" checked={onlySelected.value} onChange={() => (onlySelected.value = !onlySelected.value)} /> only selected
          </label>
        )}
        <button
          class={least.value === 4 ? "badge error on" : "badge error"}
          disabled={!counts.value.errors}
          onClick={() => (least.value = least.value === 4 ? 0 : 4)}
          title="Only errors"
        >
          {counts.value.errors} errors
        </button>
        <button
          class={least.value === 3 ? "badge warning on" : "badge warning"}
          disabled={!counts.value.warnings}
          onClick={() => (least.value = least.value === 3 ? 0 : 3)}
          title="Warnings and errors"
        >
          {counts.value.warnings} warnings
        </button>
        <span class="muted">
          {lines.length.toLocaleString("en")} lines
          {logs.value.skipped > 0 && ` · ${logs.value.skipped.toLocaleString("en")} older ones left out`}
        </span>
      </div>
      <div class="log-body">
        <div
          class="log-scroll"
          ref={scroller}
          tabIndex={0}
          onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
            isAtEnd.current = scrollTop + clientHeight > scrollHeight - 3 * ROW;
          }}
        >
          <div style={{ height: `${virtual.getTotalSize()}px`, position: "relative" }}>
            {virtual.getVirtualItems().map((item) => {
              const line = lines[item.index];
              if (!line) return null;
              const level = levelRank(line.level);
              const own = line.color === null ? undefined : { color: css([(line.color >>> 24) & 255, (line.color >>> 16) & 255, (line.color >>> 8) & 255]) };
              const [summary, more] = summaryOf(line.text);
              return (
                <div
                  key={item.key}
                  class={`log-row ${line.isMark ? "mark" : `level-${level}`}${item.index >= reached ? " future" : ""}${line === opened.value ? " open" : ""}`}
                  style={{ transform: `translateY(${item.start}px)`, height: `${ROW}px` }}
                  onClick={() => {
                    opened.value = line === opened.value ? null : line;
                  }}
                >
                  <span
                    class="log-time"
                    title="Move the time here"
                    onClick={(event) => (event.stopPropagation(), moveTo(line.times.get(name)!))}
                  >
                    {formatTime(kind, line.times.get(name)!)}
                  </span>
                  <span class="log-level">{line.level || "–"}</span>
                  <span class="log-entity" onClick={(event) => (event.stopPropagation(), (selection.value = line.entity))}>
                    {line.entity}
                  </span>
                  <span class="log-text" style={own}>
                    {summary}
                    {more > 0 && <span class="more"> ⋯ {more} more lines</span>}
                  </span>
                </div>
              );
            })}
          </div>
        </div>
        {opened.value && (
          <div class="log-detail">
            <div class="bar">
              <strong class={`level-${levelRank(opened.value.level)}`}>{opened.value.level}</strong>
              <span>{opened.value.entity}</span>
              <span class="spring" />
              <button class="icon" title="Close" onClick={() => (opened.value = null)}>
                ×
              </button>
            </div>
            <pre>{opened.value.text}</pre>
          </div>
        )}
      </div>
    </section>
  );
}

/** One line of a text: its first, or what a traceback ends in; and how many more there are. */
export function summaryOf(text: string): [string, number] {
  const lines = text.trimEnd().split("\n");
  const first = text.startsWith("Traceback (most recent call last)") ? lines.findLast((line) => /^\S/.test(line)) : lines[0];
  return [first ?? "", lines.length - 1];
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
