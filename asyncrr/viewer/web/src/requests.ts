// Requests: what the page asks the server for.
import type { Sample, Series, Source } from "./source";
import { access, dropped, held, recordingId, type Cell, type EntityState } from "./state";
import { readPacked, readSegments, typed, type Batch, type Chunk } from "./wire";

export const encoded = () => encodeURIComponent(recordingId.value ?? "");
const prefix = () => `api/recordings/${encoded()}`;

export class Refused extends Error {
  constructor(readonly status: number) {
    super(`status ${status}`);
  }
}

export async function get(url: string): Promise<Response> {
  const response = await fetch(url);
  if (response.status === 401) access.value = "token";
  if (!response.ok) throw new Refused(response.status);
  return response;
}

async function bytesOf(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer());
}

export async function login(): Promise<void> {
  const given = new URLSearchParams(location.hash.slice(1));
  const token = given.get("token");
  if (!token) return;
  given.delete("token");
  history.replaceState(null, "", `${location.pathname}#${given}`);
  const answer = await fetch("api/login", { method: "POST", body: token });
  access.value = answer.ok ? "ok" : "token";
}

/** Where the recording that is shown comes from. */
export function source(): Source {
  return dropped.value.get(recordingId.value ?? "") ?? server;
}

/** The components of one row of a chunk, as they hold. */
export function cellsOf(chunk: Chunk, row: number): EntityState {
  const times = new Map([...chunk.timelines].map(([key, each]) => [key, { kind: each.kind, value: each.times[row]! }]));
  const cell = { writer: chunk.writer, row: chunk.numbers[row]!, isStatic: chunk.isStatic, times };
  return new Map([...chunk.columns].map(([id, column]): [string, Cell] => [id, { batch: column.batch(row), type: column.type, ...cell }]));
}

/** The samples in the rows of a chunk on a timeline. */
export function samplesOf(chunk: Chunk, timeline: string): Sample[] {
  const times = chunk.timelines.get(timeline)?.times;
  const column = chunk.columns.get("VideoStream:sample");
  if (!times || !column) return [];
  return Array.from(times, (time, row) => {
    const batch = column.batch(row);
    const data = batch.kind === "arrays" ? (batch.items[0] as Uint8Array | undefined) : undefined;
    return { time, id: rowId(chunk.writer, chunk.numbers[row]!), data: data ?? new Uint8Array() };
  });
}

export const rowId = (writer: string, row: bigint) => `${writer}:${row}`;

const MAX_QUERY = 30_000;
/** From so many bytes on, the server leaves out components of rows that the page has. */
const LARGE_BYTES = 2 ** 16;

/** The rows that the page has of which something large holds. */
function keptRows(paths: string[]): Set<string> {
  const found = new Set<string>();
  for (const path of paths) {
    for (const { batch, writer, row } of held.value.get(path)?.values() ?? []) if (isLarge(batch)) found.add(rowId(writer, row));
  }
  return found;
}

function isLarge(batch: Batch): boolean {
  if (batch.kind === "numbers") return batch.values.byteLength >= LARGE_BYTES;
  if (batch.kind === "arrays") return batch.items.reduce((sum, each) => sum + each.byteLength, 0) >= LARGE_BYTES;
  return batch.kind === "tensors" && batch.items.reduce((sum, each) => sum + each.values.byteLength, 0) >= LARGE_BYTES;
}

/** So many numbers are asked for at once: a browser has six connections, and what holds now is not to wait for hundreds of plots. */
const MOST_SERIES = 4;
let asking = 0;
const waiting: (() => void)[] = [];

/** Ask when it is one's turn, unless another recording is shown by then. */
async function inTurn<T>(ask: () => Promise<T>): Promise<T> {
  const id = recordingId.value;
  if (asking < MOST_SERIES) asking++;
  else await new Promise<void>((go) => waiting.push(go));
  try {
    if (id !== recordingId.value) throw new Error("another recording is shown");
    return await ask();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else asking--;
  }
}

/** So many entities are asked for together. */
const MOST_TOGETHER = 25;

interface Ask {
  entity: string;
  resolve: (found: Series) => void;
  reject: (error: unknown) => void;
}

/** What is asked for in this moment, by what is the same for several entities. */
const gathered = new Map<string, Ask[]>();

/** Asks for the same part of several entities together: a plot may have hundreds of lines. */
function askGathered(): void {
  const all = [...gathered];
  gathered.clear();
  for (const [query, asks] of all) {
    let together = query;
    let taken: Ask[] = [];
    for (const ask of asks) {
      const more = `&entity=${encodeURIComponent(ask.entity)}`;
      if (taken.length === MOST_TOGETHER || (taken.length && together.length + more.length > MAX_QUERY)) {
        askTogether(together, taken);
        together = query;
        taken = [];
      }
      together += more;
      taken.push(ask);
    }
    askTogether(together, taken);
  }
}

function askTogether(query: string, asks: Ask[]): void {
  inTurn(async () => seriesIn(await bytesOf(await get(`${prefix()}/series?${query}`)))).then(
    (found) => asks.forEach((ask, place) => ask.resolve(found[place]!)),
    (error: unknown) => asks.forEach((ask) => ask.reject(error)),
  );
}

function seriesIn(bytes: Uint8Array): Series[] {
  const floats = (each: Uint8Array) => typed(each, 0, each.length / 8, "float64") as Float64Array;
  const packed = readPacked(bytes) as { base: string; total: number | bigint; series: { x: Uint8Array; y: Uint8Array }[]; breaks: Uint8Array }[];
  return packed.map(({ base, total, series, breaks }) => ({
    base: BigInt(base),
    total: Number(total),
    lines: series.map(({ x, y }) => ({ x: floats(x), y: floats(y) })),
    breaks: floats(breaks),
  }));
}

const server: Source = {
  async texts(after, limit) {
    const query = `limit=${limit}${after === null ? "" : `&after=${after}`}`;
    const response = await get(`${prefix()}/texts?${query}`);
    const header = (name: string) => Number(response.headers.get(name));
    const { chunks } = readSegments(await bytesOf(response));
    return { chunks, next: header("asyncrr-cursor"), skipped: header("asyncrr-skipped") };
  },

  async latest(timeline, at, paths) {
    let query = `timeline=${encodeURIComponent(timeline)}&at=${at}`;
    for (const path of paths) {
      const more = `&entity=${encodeURIComponent(path)}`;
      if (query.length + more.length < MAX_QUERY) query += more;
    }
    const before = held.value;
    const kept = keptRows(paths);
    for (const id of kept) if (query.length < MAX_QUERY) query += `&kept=${id}`;
    const { chunks } = readSegments(await bytesOf(await get(`${prefix()}/latest?${query}`)));
    const found = new Map<string, EntityState>();
    for (const chunk of chunks) {
      const state = found.get(chunk.entity) ?? new Map<string, Cell>();
      if (!found.has(chunk.entity)) found.set(chunk.entity, state);
      const id = rowId(chunk.writer, chunk.numbers[0]!);
      if (kept.has(id)) {
        for (const [component, cell] of before.get(chunk.entity) ?? []) {
          if (!state.has(component) && rowId(cell.writer, cell.row) === id) state.set(component, cell);
        }
      }
      for (const [component, cell] of cellsOf(chunk, 0)) state.set(component, cell);
    }
    return found;
  },

  async samples(entity, timeline, low, high, bytes) {
    let query = `entity=${encodeURIComponent(entity)}&timeline=${encodeURIComponent(timeline)}&at=${high}&bytes=${bytes}`;
    if (low !== null) query += `&from=${low}`;
    const response = await get(`${prefix()}/samples?${query}`);
    const { chunks } = readSegments(await bytesOf(response));
    return { samples: chunks.flatMap((chunk) => samplesOf(chunk, timeline)), isCut: response.headers.get("asyncrr-more") === "1" };
  },

  series(entity, component, timeline, low, high, points) {
    let query = `component=${encodeURIComponent(component)}&timeline=${encodeURIComponent(timeline)}&points=${points}`;
    if (low !== null) query += `&from=${low}`;
    if (high !== null) query += `&to=${high}`;
    return new Promise((resolve, reject) => {
      if (!gathered.size) queueMicrotask(askGathered);
      const asks = gathered.get(query) ?? [];
      gathered.set(query, asks);
      asks.push({ entity, resolve, reject });
    });
  },

  async neighbor(timeline, at, direction) {
    const query = `timeline=${encodeURIComponent(timeline)}&at=${at}&direction=${direction > 0 ? "next" : "previous"}`;
    const { time } = (await (await get(`${prefix()}/neighbor?${query}`)).json()) as { time: string | null };
    return time === null ? null : BigInt(time);
  },

  async density(timeline, low, high, buckets) {
    const query = `timeline=${encodeURIComponent(timeline)}&from=${low}&to=${high}&buckets=${buckets}`;
    return (await get(`${prefix()}/density?${query}`)).json() as Promise<Record<string, number[]>>;
  },

  async gaps(timeline) {
    const answer = await get(`${prefix()}/gaps?timeline=${encodeURIComponent(timeline)}`);
    const found = (await answer.json()) as { from: string; to: string; rows: number; reason: string }[];
    return found.map((each) => ({ ...each, from: BigInt(each.from), to: BigInt(each.to) }));
  },
};
