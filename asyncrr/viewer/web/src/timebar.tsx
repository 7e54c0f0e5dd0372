// The time: timeline, play, follow, the cursor, and how many rows there are when.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { IconButton } from "./buttons";
import { chooseTimeline, follow, moveTo, step, togglePlay } from "./moving";
import { source } from "./requests";
import type { GapSpan } from "./source";
import { at, dark, gaps, isFollowing, isPlaying, news, selection, span, speed, timeline, timelines } from "./state";
import { counted, digitsFor, formatTime, formatWhole } from "./times";

const BUCKETS = 300;

export function TimeBar() {
  const range = span.value;
  const strip = useRef<HTMLDivElement>(null);
  const time = at.value;
  const width = range ? Number(range.max - range.min) : 0;
  const place = range && time !== null ? (width ? (Number(time - range.min) / width) * 100 : 100) : 100;
  const finest = range ? digitsFor(width / 1000) : 0;
  const edges = range ? [range.min, range.max].map((each) => formatTime(range.kind, each, digitsFor(Math.max(width / 10, 1)))) : [];
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
        <IconButton label="To the beginning (Home)" disabled={!range} onClick={() => range && moveTo(range.min)}>
          |◂
        </IconButton>
        <IconButton label="To the previous row (←)" disabled={!range} onClick={() => step(-1)}>
          ◂
        </IconButton>
        <IconButton label={isPlaying.value ? "Stop (Space)" : "Play (Space)"} class="play" disabled={!range} onClick={togglePlay}>
          {isPlaying.value ? "❚❚" : "▶"}
        </IconButton>
        <IconButton label="To the next row (→)" disabled={!range} onClick={() => step(1)}>
          ▸
        </IconButton>
        <button class={isFollowing.value ? "follow on" : "follow"} title="Follow what is logged now (End)" aria-pressed={isFollowing.value} disabled={!range} onClick={follow}>
          Follow
        </button>
        <select aria-label="Timeline" id="timeline" disabled={!range} value={timeline.value} onChange={(event) => chooseTimeline(event.currentTarget.value)}>
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
        <output id="time" title={range && time !== null ? formatWhole(range.kind, time) : ""}>
          {range && time !== null ? formatTime(range.kind, time, Math.max(isFollowing.value ? 3 : 6, finest)) : "–"}
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
        {range && <span class="edge left">{edges[0]}</span>}
        {range && edges[1] !== edges[0] && <span class="edge right">{edges[1]}</span>}
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
          title={`${counted(each.rows, "row")} ${each.rows === 1 ? "is" : "are"} missing here: ${each.reason}`}
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
