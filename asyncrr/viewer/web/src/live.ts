// One recording as it grows: its tree and its news, over a websocket that comes back by itself.
import { batch } from "@preact/signals";
import { encoded, get, Refused } from "./requests";
import {
  access, changedAt, compare, connection, cursor, damage, dropped, entities, epoch, gaps, held, isFollowing, isListed, isPlaying, lostFile, news,
  openedLine, recordingId, recordings, selection, takesRows, timeline, timelines, type GapFacts, type RecordingFacts,
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
/** Whether a recording that is the only one opens by itself. */
let opensAlone = true;

export async function pollRecordings(): Promise<void> {
  try {
    const answer = (await (await get("api/recordings")).json()) as { recordings: RecordingFacts[]; is_read_only?: boolean };
    batch(() => {
      recordings.value = answer.recordings;
      takesRows.value = answer.is_read_only !== true;
      access.value = "ok";
      openAlone(answer.recordings);
    });
  } catch (error) {
    if (error instanceof Refused && error.status === 404) {
      access.value = "page"; // served without a collector: there is nothing to ask for
      return;
    }
    if (access.value !== "token") access.value = "away";
  }
  setTimeout(pollRecordings, 2000);
}

function openAlone(found: RecordingFacts[]): void {
  if (recordingId.value !== null || isListed.value || found.length > 1) opensAlone = false;
  if (opensAlone && found.length === 1) openRecording(found[0]!.recording_id);
}

/** All recordings, though there may be one only. */
export function listRecordings(): void {
  isListed.value = true;
  openRecording(null);
}

/** A file that was dropped again: what it holds now is shown at the same place. */
export function reopenRecording(): void {
  batch(() => {
    lostFile.value = null;
    forget();
  });
  connect();
}

/**
 * @param id the recording's; `null` for the list
 * @param file from which it was dropped onto the page, if a link says so
 */
export function openRecording(id: string | null, file: string | null = null): void {
  if (id === recordingId.value) return;
  batch(() => {
    recordingId.value = id;
    lostFile.value = id === null || dropped.value.has(id) ? null : file;
    entities.value = new Map();
    timelines.value = new Map();
    timeline.value = "";
    cursor.value = null;
    isFollowing.value = true;
    isPlaying.value = false;
    selection.value = null;
    openedLine.value = null;
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
  if (lostFile.value !== null) {
    connection.value = "undropped"; // the server never had it
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
