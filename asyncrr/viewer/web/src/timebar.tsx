// The time: timeline, play, follow, the cursor, and how many rows there are when.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { chooseTimeline, follow, moveTo, step, togglePlay } from "./moving";
import { source } from "./requests";
import type { GapSpan } from "./source";
import { at, dark, gaps, isFollowing, isPlaying, news, selection, span, speed, timeline, timelines } from "./state";
import { formatDate, formatTime } from "./times";

const BUCKETS = 300;

export function TimeBar() {
  const range = span.value;
  const strip = useRef<HTMLDivElement>(null);
  const time = at.value;
  const width = range ? Number(range.max - range.min) : 0;
  const place = range && time !== null ? (width ? (Number(time - range.min) / width) * 100 : 100) : 100;
  const scrub = (event: PointerEvent) => {
    if (!range || !strip.current) return;
    const box = strip.current.getBoundingClientRect();
    const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    isPlaying.value = false;
    moveTo(range.min + BigInt(Math.round(width * share)));
  };
  return (
    <footer>
      <div class="controls">
        <button class="icon" title="To the beginning (Home)" disabled={!range} onClick={() => range && moveTo(range.min)}>
          |◂
        </button>
        <button class="icon" title="One step back (←)" disabled={!range} onClick={() => step(-1)}>
          ◂
        </button>
        <button class="play" title="Play or stop (Space)" disabled={!range} onClick={togglePlay}>
          {isPlaying.value ? "❚❚" : "▶"}
        </button>
        <button class="icon" title="One step forth (→)" disabled={!range} onClick={() => step(1)}>
          ▸
        </button>
        <button class={isFollowing.value ? "follow on" : "follow"} title="Follow what is logged now (End)" onClick={follow}>
          Follow
        </button>
        <select aria-label="Timeline" id="timeline" value={timeline.value} onChange={(event) => chooseTimeline(event.currentTarget.value)}>
          {[...timelines.value.keys()].map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
        <select aria-label="Speed" value={speed.value} onChange={(event) => (speed.value = Number(event.currentTarget.value))}>
          {[0.25, 0.5, 1, 2, 4, 10, 30].map((each) => (
            <option key={each} value={each}>
              {each}×
            </option>
          ))}
        </select>
        <output id="time" title={range?.kind === "timestamp" && time !== null ? formatDate(time) : ""}>
          {range && time !== null ? formatTime(range.kind, time) : "–"}
        </output>
      </div>
      <div
        class="strip"
        ref={strip}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          scrub(event);
        }}
        onPointerMove={(event) => event.buttons & 1 && scrub(event)}
      >
        <Density />
        <Gaps />
        {range && <div class="needle" style={{ left: `${place}%` }} />}
        {range && <span class="edge left">{formatTime(range.kind, range.min, 0)}</span>}
        {range && <span class="edge right">{formatTime(range.kind, range.max, 0)}</span>}
      </div>
    </footer>
  );
}

/** Where rows are missing, by the range of the timeline. */
function Gaps() {
  const spans = useSignal<GapSpan[]>([]);
  const range = span.value;
  const count = gaps.value.length;
  useEffect(() => {
    let isStale = false;
    if (!count) spans.value = [];
    else source().gaps(timeline.value).then((found) => !isStale && (spans.value = found), () => undefined);
    return () => {
      isStale = true;
    };
  }, [count, timeline.value, range === null]);
  if (!range) return null;
  const width = Number(range.max - range.min) || 1;
  const share = (time: bigint) => Math.min(Math.max((Number(time - range.min) / width) * 100, 0), 100);
  return (
    <>
      {spans.value.map((each, index) => (
        <div
          key={index}
          class="gap"
          title={`${each.rows.toLocaleString("en")} rows are missing here: ${each.reason}`}
          style={{ left: `${share(each.from)}%`, width: `${share(each.to) - share(each.from)}%` }}
        />
      ))}
    </>
  );
}

function Density() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const rows = useSignal<{ all: number[]; selected: number[] | null }>({ all: [], selected: null });
  const asked = useRef(0);
  const range = span.value;
  useEffect(() => {
    if (!range) return;
    const now = Date.now();
    const timer = setTimeout(
      () => {
        asked.current = Date.now();
        source().density(timeline.value, range.min, range.max, BUCKETS).then(
          (found) => {
            const all = new Array<number>(BUCKETS).fill(0);
            let selected: number[] | null = null;
            for (const [path, counts] of Object.entries(found)) {
              counts.forEach((count, index) => (all[index]! += count));
              if (selection.value !== null && (path === selection.value || path.startsWith(`${selection.value}/`))) {
                selected ??= new Array<number>(BUCKETS).fill(0);
                counts.forEach((count, index) => (selected![index]! += count));
              }
            }
            rows.value = { all, selected };
          },
          () => undefined,
        );
      },
      Math.max(0, asked.current + 1000 - now),
    );
    return () => clearTimeout(timer);
  }, [timeline.value, Math.floor(news.value / 10), selection.value, range === null]);

  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context) return;
    const ratio = devicePixelRatio || 1;
    element.width = element.clientWidth * ratio;
    element.height = element.clientHeight * ratio;
    const { all, selected } = rows.value;
    const most = Math.max(1e-9, ...all);
    const style = getComputedStyle(element);
    const draw = (counts: number[], color: string) => {
      context.fillStyle = color;
      const width = element.width / BUCKETS;
      counts.forEach((count, index) => {
        if (count <= 0) return;
        const height = (0.12 + 0.88 * Math.sqrt(count / most)) * element.height;
        context.fillRect(index * width, element.height - height, Math.max(width - 0.5, 1), height);
      });
    };
    draw(all, style.getPropertyValue("--density"));
    if (selected) draw(selected, style.getPropertyValue("--accent"));
  }, [rows.value, dark.value]);
  return <canvas ref={canvas} />;
}
