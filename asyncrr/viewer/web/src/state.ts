// What the page knows: signals, and what keeps them up to date.
import { batch, computed, effect, signal } from "@preact/signals";
import { clamp } from "./times";
import { readPacked, readSegments, typed, type Batch, type Chunk } from "./wire";

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
}

export interface Line {
  x: Float64Array;
  y: Float64Array;
}

export const recordings = signal<RecordingFacts[] | null>(null);
export const access = signal<"ok" | "token" | "away">("ok");
export const recordingId = signal<string | null>(null);
export const connection = signal<"connecting" | "live" | "away" | "missing">("connecting");
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
export const logs = signal<{ lines: LogLine[]; version: number; skipped: number }>({ lines: [], version: 0, skipped: 0 });
export const held = signal<Map<string, EntityState>>(new Map());
/** Counts news, so that plots know when to ask again; by entity, the count of its last. */
export const news = signal(0);
export const changedAt = new Map<string, number>();
export const dark = signal(true);
export const wanted = signal<Map<string, string[]>>(new Map());

export const current = computed(() => recordings.value?.find((each) => each.recording_id === recordingId.value) ?? null);
export const span = computed<TimelineFacts | null>(() => timelines.value.get(timeline.value) ?? null);
/** The one time of all views. */
export const at = computed<bigint | null>(() => {
  const range = span.value;
  if (!range) return null;
  return isFollowing.value || cursor.value === null ? range.max : cursor.value;
});

const encoded = () => encodeURIComponent(recordingId.value ?? "");
export const prefix = () => `/api/recordings/${encoded()}`;

export class Refused extends Error {
  constructor(readonly status: number) {
    super(`status ${status}`);
  }
}

async function get(url: string, signal?: AbortSignal): Promise<Response> {
  const response = await fetch(url, signal ? { signal } : {});
  if (response.status === 401) access.value = "token";
  if (!response.ok) throw new Refused(response.status);
  return response;
}

async function bytesOf(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer());
}

// ---- recordings

export async function login(): Promise<void> {
  const given = new URLSearchParams(location.hash.slice(1));
  const token = given.get("token");
  if (!token) return;
  given.delete("token");
  history.replaceState(null, "", `${location.pathname}#${given}`);
  const answer = await fetch("/api/login", { method: "POST", body: token });
  access.value = answer.ok ? "ok" : "token";
}

export async function pollRecordings(): Promise<void> {
  try {
    const answer = (await (await get("/api/recordings")).json()) as { recordings: RecordingFacts[] };
    recordings.value = answer.recordings;
    access.value = "ok";
  } catch (error) {
    if (access.value !== "token") access.value = "away";
    if (!(error instanceof Refused) && recordings.value === null) recordings.value = null;
  }
  setTimeout(pollRecordings, 2000);
}

// ---- one recording: its tree and its news

interface TreeMessage {
  epoch: string;
  cursor: number;
  entities: Record<string, EntityFacts>;
  timelines: Record<string, { kind: string; min: string; max: string }>;
  gaps: GapFacts[];
  damage: { length: number; reason: string }[];
}

interface NewsMessage {
  timelines: Record<string, { kind: string; min: string; max: string }>;
  changed: Record<string, number>;
  gaps: GapFacts[];
}

let socket: WebSocket | null = null;
let epoch = "";
let retry = 0;
let textCursor: number | null = null;
let textsBusy = false;
let textsAgain = false;

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
  epoch = "";
  textCursor = null;
  changedAt.clear();
  logs.value = { lines: [], version: logs.value.version + 1, skipped: 0 };
  held.value = new Map();
}

function connect(): void {
  socket?.close();
  socket = null;
  clearTimeout(retry);
  const id = recordingId.value;
  if (id === null) return;
  const mine = new WebSocket(`${location.origin.replace(/^http/, "ws")}/api/live/${encoded()}`);
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
    if (epoch && epoch !== tree.epoch) forget();
    epoch = tree.epoch;
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
  fetchTexts();
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
    gaps.value = message.gaps;
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
  if (hasTexts) fetchTexts();
}

export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

// ---- text logs: all of them up to a bound, by cursor

const KEPT_LINES = 100_000;

async function fetchTexts(): Promise<void> {
  if (textsBusy) {
    textsAgain = true;
    return;
  }
  textsBusy = true;
  const id = recordingId.value;
  const of = epoch;
  try {
    for (let more = true; more; ) {
      const query = textCursor === null ? `limit=${KEPT_LINES}` : `after=${textCursor}`;
      const response = await get(`${prefix()}/texts?${query}`);
      const next = Number(response.headers.get("asyncrr-cursor"));
      const skipped = Number(response.headers.get("asyncrr-skipped"));
      const { chunks } = readSegments(await bytesOf(response));
      if (id !== recordingId.value || of !== epoch) break;
      const lines = chunks.flatMap(linesOf);
      const before = logs.value;
      if (lines.length || skipped) {
        const all = before.lines.concat(lines);
        const over = Math.max(0, all.length - KEPT_LINES);
        logs.value = { lines: over ? all.slice(over) : all, version: before.version, skipped: before.skipped + skipped + over };
      }
      more = chunks.length > 0 && textCursor !== next;
      textCursor = next;
    }
  } catch {
    // the websocket tells of the connection; what is missing is asked for with the next news
  }
  textsBusy = false;
  if (textsAgain) {
    textsAgain = false;
    void fetchTexts();
  }
}

function linesOf(chunk: Chunk): LogLine[] {
  const lines: LogLine[] = [];
  for (let row = 0; row < chunk.rows; row++) {
    const texts = strings(chunk.columns.get("TextLog:text")?.batch(row));
    const levels = strings(chunk.columns.get("TextLog:level")?.batch(row));
    const colors = chunk.columns.get("TextLog:color")?.batch(row);
    const times = new Map([...chunk.timelines].map(([name, each]) => [name, each.times[row]!]));
    for (const text of texts) {
      lines.push({
        entity: chunk.entity,
        writer: chunk.writer,
        row: chunk.numbers[row]!,
        times,
        level: levels[0] ?? "",
        text,
        color: colors?.kind === "numbers" && colors.count ? Number(colors.values[0]) : null,
      });
    }
  }
  return lines;
}

export function strings(found: Batch | undefined): string[] {
  return found?.kind === "strings" ? found.items : [];
}

// ---- latest-at: what holds at the time, of what is shown

let latestBusy = false;
let latestAgain = false;
let fetched = { id: "", timeline: "", at: null as bigint | null, follows: false, news: 0, entities: new Set<string>() };

export function want(key: string, paths: string[] | null): void {
  const next = new Map(wanted.value);
  if (paths) next.set(key, paths);
  else next.delete(key);
  wanted.value = next;
}

const MAX_QUERY = 30_000;

async function fetchLatest(): Promise<void> {
  const id = recordingId.value;
  const name = timeline.value;
  const time = at.value;
  if (id === null || time === null) return;
  const all = new Set<string>();
  for (const paths of wanted.value.values()) for (const path of paths) if (entities.value.has(path)) all.add(path);
  if (selection.value !== null && entities.value.has(selection.value)) all.add(selection.value);
  const count = news.value;
  // who follows has everything up to the end: only what changed since can differ
  const follows = isFollowing.value;
  const isSameTime = fetched.id === id && fetched.timeline === name && (fetched.at === time || (follows && fetched.follows));
  const stale = [...all].filter(
    (path) => !isSameTime || !fetched.entities.has(path) || (changedAt.get(path) ?? 0) > fetched.news,
  );
  const hasClear = stale.some((path) => "Clear:is_recursive" in (entities.value.get(path)?.components ?? {}));
  const asked = hasClear ? [...all] : stale;
  if (!asked.length) return;
  let query = `timeline=${encodeURIComponent(name)}&at=${time}`;
  for (const path of asked) {
    const more = `&entity=${encodeURIComponent(path)}`;
    if (query.length + more.length < MAX_QUERY) query += more;
  }
  const { chunks } = readSegments(await bytesOf(await get(`${prefix()}/latest?${query}`)));
  if (id !== recordingId.value || name !== timeline.value) return;
  const next = new Map(held.value);
  for (const path of asked) next.set(path, new Map());
  for (const chunk of chunks) {
    const state = next.get(chunk.entity) ?? new Map<string, Cell>();
    next.set(chunk.entity, state);
    const times = new Map([...chunk.timelines].map(([key, each]) => [key, { kind: each.kind, value: each.times[0]! }]));
    for (const [component, column] of chunk.columns) {
      state.set(component, {
        batch: column.batch(0),
        type: column.type,
        writer: chunk.writer,
        row: chunk.numbers[0]!,
        isStatic: chunk.isStatic,
        times,
      });
    }
  }
  fetched = { id, timeline: name, at: time, follows, news: count, entities: isSameTime ? new Set([...fetched.entities, ...asked]) : all };
  held.value = next;
}

async function pumpLatest(): Promise<void> {
  if (latestBusy) {
    latestAgain = true;
    return;
  }
  latestBusy = true;
  try {
    await fetchLatest();
  } catch {
    // the next change asks again
  }
  setTimeout(() => {
    latestBusy = false;
    if (latestAgain) {
      latestAgain = false;
      void pumpLatest();
    }
  }, 40);
}

effect(() => {
  void [at.value, timeline.value, wanted.value, news.value, selection.value, recordingId.value];
  void pumpLatest();
});

// ---- series

export async function fetchSeries(
  entity: string,
  component: string,
  low: bigint | null,
  high: bigint | null,
  points: number,
): Promise<{ base: bigint; total: number; lines: Line[] }> {
  let query = `entity=${encodeURIComponent(entity)}&component=${encodeURIComponent(component)}`;
  query += `&timeline=${encodeURIComponent(timeline.value)}&points=${points}`;
  if (low !== null) query += `&from=${low}`;
  if (high !== null) query += `&to=${high}`;
  const packed = readPacked(await bytesOf(await get(`${prefix()}/series?${query}`))) as {
    base: string;
    total: number | bigint;
    series: { x: Uint8Array; y: Uint8Array }[];
  };
  const floats = (bytes: Uint8Array) => typed(bytes, 0, bytes.length / 8, "float64") as Float64Array;
  return {
    base: BigInt(packed.base),
    total: Number(packed.total),
    lines: packed.series.map(({ x, y }) => ({ x: floats(x), y: floats(y) })),
  };
}

export async function fetchDensity(low: bigint, high: bigint, buckets: number): Promise<Record<string, number[]>> {
  const query = `timeline=${encodeURIComponent(timeline.value)}&from=${low}&to=${high}&buckets=${buckets}`;
  return (await get(`${prefix()}/density?${query}`)).json() as Promise<Record<string, number[]>>;
}

// ---- moving in time

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
