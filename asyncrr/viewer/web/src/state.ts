// What the page knows: signals. Others keep them up to date.
import { computed, signal } from "@preact/signals";
import type { DroppedRecording } from "./source";
import type { Batch } from "./wire";

export interface RecordingFacts {
  recording_id: string;
  application_id: string;
  created_ns: number;
  bytes: number;
  rows: number;
  dropped_rows: number;
  is_complete: boolean;
  is_live: boolean;
}

export interface ComponentFacts {
  dtype: string;
  type: string | null;
  static: boolean;
}

export interface EntityFacts {
  rows: number;
  components: Record<string, ComponentFacts>;
  timelines: string[];
}

export interface TimelineFacts {
  kind: string;
  min: bigint;
  max: bigint;
}

export interface GapFacts {
  writer: string;
  rows: number;
  reason: string;
  entities: string[];
}

/** One component that holds, and the row that it comes from. */
export interface Cell {
  batch: Batch;
  type: string | null;
  writer: string;
  row: bigint;
  isStatic: boolean;
  times: Map<string, { kind: string; value: bigint }>;
}

export type EntityState = Map<string, Cell>;

export interface LogLine {
  entity: string;
  writer: string;
  row: bigint;
  times: Map<string, bigint>;
  level: string;
  text: string;
  color: number | null;
  /** Which of the row's texts it is. */
  index: number;
  /** The other components of its row, read when they are looked at. */
  others: () => [string, Cell][];
  /** No line, but a mark where lines were left out. */
  isMark: boolean;
}

export function lineKey({ writer, row, index }: LogLine): string {
  return `${writer}.${row}${index ? `.${index}` : ""}`;
}

export interface Line {
  x: Float64Array;
  y: Float64Array;
}

export const recordings = signal<RecordingFacts[] | null>(null);
export const access = signal<"ok" | "token" | "away" | "page">("ok");
export const recordingId = signal<string | null>(null);
/** Whether programs can connect to this server; `null` before it answered. */
export const takesRows = signal<boolean | null>(null);
/** Whether the list was asked for, though there is only one recording. */
export const isListed = signal(false);
export const connection = signal<"connecting" | "live" | "away" | "missing" | "undropped">("connecting");
/** The file that was dropped onto this page before it was loaded anew; browsers do not keep it. */
export const lostFile = signal<string | null>(null);
export const entities = signal<Map<string, EntityFacts>>(new Map());
export const timelines = signal<Map<string, TimelineFacts>>(new Map());
export const gaps = signal<GapFacts[]>([]);
export const damage = signal<{ length: number; reason: string }[]>([]);
export const timeline = signal("");
export const cursor = signal<bigint | null>(null);
export const isFollowing = signal(true);
export const isPlaying = signal(false);
export const speed = signal(1);
export const selection = signal<string | null>(null);
/** The log line that is open, as {@link lineKey} names it. */
export const openedLine = signal<string | null>(null);
/** How often it was asked for the end. */
export const endings = signal(0);
/** Names the server's list of chunks; another one means that it was started anew. */
export const epoch = signal("");
export const logs = signal<{ lines: LogLine[]; version: number; skipped: number }>({ lines: [], version: 0, skipped: 0 });
export const held = signal<Map<string, EntityState>>(new Map());
/** Counts news, so that plots know when to ask again; by entity, the count of its last. */
export const news = signal(0);
export const changedAt = new Map<string, number>();
export const dark = signal(true);
/** Whether the window is as narrow as a phone's. */
export const isNarrow = signal(false);
/** On narrow screens the tree is a drawer. */
export const isTreeOpen = signal(false);
export const wanted = signal<Map<string, string[]>>(new Map());

/** Recordings of files that were dropped onto this page. */
export const dropped = signal<Map<string, DroppedRecording>>(new Map());
/** All that can be opened, dropped ones first; `null` before the server answered, where none were dropped. */
export const shownRecordings = computed(() => {
  const own = [...dropped.value.values()].map((each) => each.facts);
  return recordings.value === null && !own.length ? null : [...own, ...(recordings.value ?? [])];
});
export const current = computed(() => shownRecordings.value?.find((each) => each.recording_id === recordingId.value) ?? null);
export const span = computed<TimelineFacts | null>(() => timelines.value.get(timeline.value) ?? null);
/** The one time of all views. */
export const at = computed<bigint | null>(() => {
  const range = span.value;
  if (!range) return null;
  return isFollowing.value || cursor.value === null ? range.max : cursor.value;
});

export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
