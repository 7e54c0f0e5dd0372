// One recording as it grows: its tree and its news, over a websocket that comes back by itself.
import { batch } from "@preact/signals";
import { encoded, get, Refused } from "./requests";
import {
  access, changedAt, compare, connection, cursor, damage, dropped, entities, epoch, gaps, held, isFollowing, isPlaying, news, recordingId,
  recordings, selection, timeline, timelines, type GapFacts, type RecordingFacts,
} from "./state";
import type { TreeMessage } from "./source";
import { fetchTexts, forgetTexts } from "./texts";

interface NewsMessage {
  timelines: Record<string, { kind: string; min: string; max: string }>;
  changed: Record<string, number>;
  gaps?: GapFacts[];
}

let socket: WebSocket | null = null;
let retry = 0;

export async function pollRecordings(): Promise<void> {
  try {
    const answer = (await (await get("api/recordings")).json()) as { recordings: RecordingFacts[] };
    recordings.value = answer.recordings;
    access.value = "ok";
  } catch (error) {
    if (error instanceof Refused && error.status === 404) {
      access.value = "page"; // served without a collector: there is nothing to ask for
      return;
    }
    if (access.value !== "token") access.value = "away";
  }
  setTimeout(pollRecordings, 2000);
}

export function openRecording(id: string | null): void {
  if (id === recordingId.value) return;
  batch(() => {
    recordingId.value = id;
    entities.value = new Map();
    timelines.value = new Map();
    timeline.value = "";
    cursor.value = null;
    isFollowing.value = true;
    isPlaying.value = false;
    selection.value = null;
    gaps.value = [];
    damage.value = [];
    forget();
  });
  connect();
}

function forget(): void {
  epoch.value = "";
  forgetTexts();
  changedAt.clear();
  held.value = new Map();
}

function connect(): void {
  socket?.close();
  socket = null;
  clearTimeout(retry);
  const id = recordingId.value;
  if (id === null) return;
  const whole = dropped.value.get(id);
  if (whole) {
    connection.value = "live";
    takeTree(whole.tree);
    return;
  }
  const mine = new WebSocket(new URL(`api/live/${encoded()}`, document.baseURI.replace(/^http/, "ws")));
  socket = mine;
  connection.value = "connecting";
  mine.onmessage = (event) => {
    if (socket !== mine) return;
    connection.value = "live";
    const message = JSON.parse(String(event.data)) as { tree: TreeMessage } | NewsMessage;
    if ("tree" in message) takeTree(message.tree);
    else takeNews(message);
  };
  mine.onclose = (event) => {
    if (socket !== mine) return;
    connection.value = event.code === 4404 ? "missing" : "away";
    retry = window.setTimeout(connect, 1000);
  };
}

const PREFERRED = ["log_time"];

function takeTree(tree: TreeMessage): void {
  batch(() => {
    if (epoch.value && epoch.value !== tree.epoch) forget();
    epoch.value = tree.epoch;
    entities.value = new Map(Object.entries(tree.entities).sort(([a], [b]) => compare(a, b)));
    takeTimelines(tree.timelines);
    gaps.value = tree.gaps;
    damage.value = tree.damage;
    const known = timelines.value;
    if (!known.has(timeline.value) && known.size && !pendingTimeline()) {
      timeline.value = PREFERRED.find((each) => known.has(each)) ?? [...known.keys()][0]!;
    }
    const count = news.value + 1;
    for (const path of entities.value.keys()) changedAt.set(path, count);
    news.value = count;
  });
  void fetchTexts();
}

/** A deep link may name a timeline that is not there yet. */
function pendingTimeline(): boolean {
  return timeline.value !== "" && entities.value.size === 0;
}

function takeTimelines(told: Record<string, { kind: string; min: string; max: string }>): void {
  timelines.value = new Map(
    Object.entries(told)
      .sort(([a], [b]) => compare(a, b))
      .map(([name, { kind, min, max }]) => [name, { kind, min: BigInt(min), max: BigInt(max) }]),
  );
}

function takeNews(message: NewsMessage): void {
  let hasTexts = false;
  batch(() => {
    takeTimelines(message.timelines);
    if (message.gaps) gaps.value = message.gaps;
    const count = news.value + 1;
    const next = new Map(entities.value);
    for (const [path, rows] of Object.entries(message.changed)) {
      changedAt.set(path, count);
      const facts = next.get(path);
      if (!facts) continue;
      next.set(path, { ...facts, rows });
      hasTexts ||= "TextLog:text" in facts.components;
    }
    entities.value = next;
    news.value = count;
  });
  if (hasTexts) void fetchTexts();
}
