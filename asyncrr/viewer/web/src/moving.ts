// Moving in time: the cursor, stepping, playing.
import { batch } from "@preact/signals";
import { at, current, cursor, endings, isFollowing, isPlaying, span, speed, timeline, timelines } from "./state";
import { clamp } from "./times";

export function moveTo(time: bigint): void {
  const range = span.value;
  if (!range) return;
  batch(() => {
    isFollowing.value = false;
    cursor.value = clamp(time, range.min, range.max);
  });
}

export function follow(): void {
  batch(() => {
    isFollowing.value = true;
    isPlaying.value = false;
    cursor.value = null;
    endings.value++;
  });
}

export function chooseTimeline(name: string): void {
  batch(() => {
    timeline.value = name;
    const range = timelines.value.get(name);
    if (!isFollowing.value && range) cursor.value = range.max;
    isPlaying.value = false;
  });
}

export function togglePlay(): void {
  const range = span.value;
  if (!range) return;
  batch(() => {
    if (isPlaying.value) {
      isPlaying.value = false;
      return;
    }
    if (isFollowing.value) {
      if (current.value?.is_live) {
        moveTo(range.max); // Space stops a page that follows, as it stops one that plays
        return;
      }
      cursor.value = range.min;
      isFollowing.value = false;
    } else if (cursor.value === range.max) cursor.value = range.min;
    isPlaying.value = true;
  });
}

/** One step, or a hundredth of the range in nanoseconds. */
export function step(direction: 1 | -1): void {
  const range = span.value;
  const time = at.value;
  if (!range || time === null) return;
  const hundredth = (range.max - range.min) / 100n;
  const width = range.kind === "sequence" ? 1n : hundredth > 0n ? hundredth : 1n;
  isPlaying.value = false;
  moveTo(time + BigInt(direction) * width);
}

let lastTick = 0;
function tick(now: number): void {
  const range = span.value;
  if (isPlaying.value && range && cursor.value !== null) {
    const seconds = Math.min((now - lastTick) / 1000, 0.2) * speed.value;
    const rate = range.kind === "sequence" ? 30 : 1e9;
    carried += seconds * rate;
    const whole = Math.floor(carried);
    carried -= whole;
    const next = cursor.value + BigInt(whole);
    if (next >= range.max) {
      cursor.value = range.max;
      isPlaying.value = false;
      if (current.value?.is_live) follow();
    } else cursor.value = next;
  }
  lastTick = now;
  requestAnimationFrame(tick);
}
let carried = 0;
requestAnimationFrame(tick);
