// Moving in time: the cursor, stepping, playing.
import { batch } from "@preact/signals";
import { source } from "./requests";
import type { Direction } from "./source";
import { at, current, cursor, endings, isFollowing, isPlaying, recordingId, span, speed, timeline, timelines } from "./state";
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

/** So many steps wait for their turn while a key is held. */
const MOST_STEPS = 8;
let steps = 0;
let stepping = Promise.resolve();

/** To the next or the previous time at which something was logged. */
export function step(direction: Direction): void {
  if (at.value === null || steps >= MOST_STEPS) return;
  isPlaying.value = false;
  moveTo(at.value);
  steps++;
  stepping = stepping.then(() => stepNow(direction)).catch(() => undefined).finally(() => steps--);
}

async function stepNow(direction: Direction): Promise<void> {
  const [id, name, time] = [recordingId.value, timeline.value, at.value];
  if (time === null) return;
  const found = await source().neighbor(name, time, direction);
  if (found !== null && id === recordingId.value && name === timeline.value && time === at.value) moveTo(found);
}

/** Where the time is, to be there again. */
export function placeNow(): () => void {
  const [place, follows] = [cursor.value, isFollowing.value];
  return () => batch(() => ((cursor.value = place), (isFollowing.value = follows)));
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
