// Dropped files: recordings that this page reads by itself. They go to no server.
import { decompressor } from "./compression";
import { cellsOf, samplesOf } from "./requests";
import type { Direction, DroppedRecording, GapSpan, Samples, Series, Texts, TreeMessage } from "./source";
import type { EntityFacts, EntityState, RecordingFacts } from "./state";
import { parentOf } from "./paths";
import { readSegments, type Batch, type Chunk, type Contents, type Gap, type Header } from "./wire";

export const MAX_FILE_BYTES = 2 ** 29;
const MAX_LINES = 64;
const CLEAR = "Clear:is_recursive";

/** The recordings in a file's bytes.
 *
 * @param name of the file, as it is shown
 */
export function readDropped(bytes: Uint8Array, name: string): DroppedRecording[] {
  const contents = readSegments(bytes, decompressor());
  if (!contents.headers.length) throw new Error("it holds no recording");
  const ids = new Set(contents.headers.map((each) => each.recording));
  return [...ids].map((id) => new Dropped(contents, id, name, bytes.length));
}

interface Numbered {
  times: BigInt64Array;
  lines: Float64Array[];
}

/** Static or not, time, rank of the writer, number of the row: the greater one holds. */
type Key = readonly [boolean, bigint, number, bigint];

class Dropped implements DroppedRecording {
  readonly facts: RecordingFacts;
  readonly tree: TreeMessage;
  private readonly chunks: Chunk[] = [];
  private readonly byEntity = new Map<string, Chunk[]>();
  private readonly gapsFound: Gap[];
  private readonly ranks: Map<string, number>;
  private readonly numbered = new Map<string, Numbered>();
  /** The times of all rows, by timeline. */
  private readonly sorted = new Map<string, BigInt64Array>();

  constructor(contents: Contents, id: string, readonly file: string, size: number) {
    const headers = contents.headers.filter((each) => each.recording === id).sort(compareHeaders);
    this.ranks = new Map([...new Set(headers.map((each) => each.writer))].map((writer, rank) => [writer, rank]));
    const seen = new Set<string>();
    for (const chunk of contents.chunks) {
      const key = chunk.sequence ? `${chunk.writer} ${chunk.sequence} ${chunk.entity}` : `${chunk.entity}\n${chunk.numbers[0]} ${[...chunk.columns.keys()]}`;
      if (!this.ranks.has(chunk.writer) || seen.has(key)) continue;
      seen.add(key);
      this.chunks.push(chunk);
      const held = this.byEntity.get(chunk.entity);
      if (held) held.push(chunk);
      else this.byEntity.set(chunk.entity, [chunk]);
    }
    this.gapsFound = contents.gaps.filter((each) => this.ranks.has(each.writer));
    this.tree = this.makeTree(contents, id);
    this.facts = {
      recording_id: `${file}#${id}`,
      application_id: headers[0]!.application,
      created_ns: Number(headers[0]!.created),
      bytes: size,
      rows: this.chunks.reduce((sum, each) => sum + each.rows, 0),
      dropped_rows: this.gapsFound.reduce((sum, each) => sum + each.rows, 0),
      is_complete: contents.endedSegments === contents.segments,
      is_live: false,
    };
  }

  private makeTree(contents: Contents, id: string): TreeMessage {
    const entities = new Map<string, EntityFacts>();
    const spans = new Map<string, { kind: string; min: bigint; max: bigint }>();
    for (const chunk of this.chunks) {
      const facts = entities.get(chunk.entity) ?? { rows: 0, components: {}, timelines: [] };
      entities.set(chunk.entity, facts);
      facts.rows += chunk.rows;
      for (const [component, column] of chunk.columns) {
        const isStatic = chunk.isStatic || (Object.hasOwn(facts.components, component) && facts.components[component]!.static);
        Object.defineProperty(facts.components, component, {
          value: { dtype: column.dtype, type: column.type, static: isStatic }, enumerable: true, configurable: true, writable: true,
        });
      }
      for (const [name, { kind, times }] of chunk.timelines) {
        if (!facts.timelines.includes(name)) facts.timelines.push(name);
        const [low, high] = extremes(times);
        const known = spans.get(name);
        spans.set(name, { kind, min: known && known.min < low ? known.min : low, max: known && known.max > high ? known.max : high });
      }
    }
    return {
      epoch: id,
      cursor: this.chunks.length,
      entities: Object.fromEntries(entities),
      timelines: Object.fromEntries([...spans].map(([name, { kind, min, max }]) => [name, { kind, min: String(min), max: String(max) }])),
      gaps: this.gapsFound.map(({ writer, rows, reason }) => ({ writer, rows, reason, entities: [] })),
      damage: contents.damage.map(({ length, reason }) => ({ length, reason })),
    };
  }

  async texts(after: number | null, limit: number): Promise<Texts> {
    const all = after === null ? this.chunks.filter((each) => each.columns.has("TextLog:text")) : [];
    let first = all.length;
    for (let rows = 0; first > 0 && rows < limit; first--) rows += all[first - 1]!.rows;
    const skipped = all.slice(0, first).reduce((sum, each) => sum + each.rows, 0);
    return { chunks: all.slice(first), next: this.chunks.length, skipped };
  }

  async latest(timeline: string, at: bigint, paths: string[]): Promise<Map<string, EntityState>> {
    const found = new Map<string, EntityState>();
    for (const path of paths) {
      const clears = this.clearsAt(path, timeline, at);
      const best = new Map<string, { key: Key; chunk: Chunk; row: number }>();
      for (const chunk of this.byEntity.get(path) ?? []) {
        const row = lastRow(chunk, timeline, at);
        if (row === null) continue;
        const key = this.keyOf(chunk, timeline, row);
        for (const id of chunk.columns.keys()) {
          const held = best.get(id);
          if (!held || isGreater(key, held.key)) best.set(id, { key, chunk, row });
        }
      }
      const state: EntityState = new Map();
      for (const [id, { key, chunk, row }] of best) {
        if (id === CLEAR || (!key[0] && clears.some((clear) => isGreater(clear, key)))) continue;
        state.set(id, cellsOf(chunk, row).get(id)!);
      }
      found.set(path, state);
    }
    return found;
  }

  private keyOf(chunk: Chunk, timeline: string, row: number): Key {
    const time = chunk.isStatic ? 0n : chunk.timelines.get(timeline)!.times[row]!;
    return [chunk.isStatic, time, this.ranks.get(chunk.writer)!, chunk.numbers[row]!];
  }

  /** The last clears that reach an entity: its own, and those of each above it if they are recursive. */
  private clearsAt(path: string, timeline: string, at: bigint): Key[] {
    const keys: Key[] = [];
    for (const [place, chunk] of this.clearing(path)) {
      const row = lastRow(chunk, timeline, at);
      if (row !== null && (place === path || isTrue(chunk.columns.get(CLEAR)!.batch(row)))) keys.push(this.keyOf(chunk, timeline, row));
    }
    return keys;
  }

  private *clearing(path: string): Generator<[string, Chunk]> {
    for (let place = path; ; place = parentOf(place)) {
      for (const chunk of this.byEntity.get(place) ?? []) if (chunk.columns.has(CLEAR)) yield [place, chunk];
      if (place === "/") return;
    }
  }

  async series(entity: string, component: string, timeline: string, low: bigint | null, high: bigint | null, points: number): Promise<Series> {
    const key = JSON.stringify([entity, component, timeline]);
    let found = this.numbered.get(key);
    if (!found) this.numbered.set(key, (found = this.collect(entity, component, timeline)));
    const { times, lines } = found;
    if (!times.length) return { base: 0n, total: 0, lines: [], breaks: new Float64Array() };
    const base = low ?? times[0]!;
    const last = high ?? times[times.length - 1]!;
    const begin = Math.max(firstAfter(times, base - 1n) - 1, 0);
    const end = Math.min(firstAfter(times, last) + 1, times.length);
    const x = Float64Array.from(times.subarray(begin, end), (time) => Number(time - base));
    const breaks: number[] = [];
    for (const [place, chunk] of this.clearing(entity)) {
      chunk.timelines.get(timeline)?.times.forEach((time, row) => {
        if (place === entity || isTrue(chunk.columns.get(CLEAR)!.batch(row))) breaks.push(Number(time - base));
      });
    }
    return {
      base,
      total: times.length,
      lines: lines.map((line) => decimated(x, line.subarray(begin, end), points)),
      breaks: Float64Array.from(breaks).sort().filter((each) => each >= Number(times[0]! - base)),
    };
  }

  async samples(entity: string, timeline: string, low: bigint | null, high: bigint, bytes: number): Promise<Samples> {
    const chunks = (this.byEntity.get(entity) ?? []).filter((chunk) => {
      const times = chunk.timelines.get(timeline)?.times;
      const [first, last] = times ? extremes(times) : [1n, 0n];
      return first <= last && first <= high && (low === null || last >= low);
    });
    const found = chunks.flatMap((chunk) =>
      samplesOf(chunk, timeline).map((sample, row) => ({ sample, key: this.keyOf(chunk, timeline, row) })),
    );
    const within = found.filter(({ sample: { time } }) => time <= high && (low === null || time >= low));
    const samples = within.sort((a, b) => (isGreater(a.key, b.key) ? 1 : -1)).map(({ sample }) => sample);
    let first = samples.length;
    for (let size = 0; first > 0; first--) {
      size += samples[first - 1]!.data.length;
      if (size > bytes && first < samples.length) break;
    }
    return { samples: samples.slice(first), isCut: first > 0 };
  }

  async neighbor(timeline: string, at: bigint, direction: Direction): Promise<bigint | null> {
    const times = this.sorted.get(timeline) ?? this.sortTimes(timeline);
    return times[direction > 0 ? firstAfter(times, at) : firstAfter(times, at - 1n) - 1] ?? null;
  }

  private sortTimes(timeline: string): BigInt64Array {
    const each = this.chunks.map((chunk) => chunk.timelines.get(timeline)?.times ?? new BigInt64Array());
    const times = new BigInt64Array(each.reduce((sum, { length }) => sum + length, 0));
    let place = 0;
    for (const one of each) {
      times.set(one, place);
      place += one.length;
    }
    this.sorted.set(timeline, times.sort());
    return times;
  }

  private collect(entity: string, component: string, timeline: string): Numbered {
    const chunks = (this.byEntity.get(entity) ?? []).filter((each) => each.timelines.has(timeline) && each.columns.has(component));
    const count = chunks.reduce((sum, each) => sum + each.rows, 0);
    const times = new BigInt64Array(count);
    const lines: Float64Array[] = [];
    let place = 0;
    for (const chunk of chunks) {
      times.set(chunk.timelines.get(timeline)!.times, place);
      const column = chunk.columns.get(component)!;
      for (let row = 0; row < chunk.rows; row++, place++) {
        const batch = column.batch(row);
        if (batch.kind !== "numbers" || batch.shape.length) continue;
        for (let i = 0; i < Math.min(batch.values.length, MAX_LINES); i++) {
          lines[i] ??= new Float64Array(count).fill(NaN);
          lines[i]![place] = Number(batch.values[i]);
        }
      }
    }
    if (times.every((time, index) => index === 0 || times[index - 1]! <= time)) return { times, lines };
    const order = Array.from(times.keys()).sort((a, b) => (times[a]! < times[b]! ? -1 : times[a]! > times[b]! ? 1 : a - b));
    return { times: BigInt64Array.from(order, (each) => times[each]!), lines: lines.map((line) => Float64Array.from(order, (each) => line[each]!)) };
  }

  async density(timeline: string, low: bigint, high: bigint, buckets: number): Promise<Record<string, number[]>> {
    const found = new Map<string, number[]>();
    const width = Number(high - low + 1n) / buckets;
    for (const chunk of this.chunks) {
      const times = chunk.timelines.get(timeline)?.times;
      if (!times) continue;
      const counts = found.get(chunk.entity) ?? new Array<number>(buckets).fill(0);
      found.set(chunk.entity, counts);
      for (const time of times) if (time >= low && time <= high) counts[Math.floor(Number(time - low) / width)]!++;
    }
    return Object.fromEntries(found);
  }

  async gaps(timeline: string): Promise<GapSpan[]> {
    const span = this.tree.timelines[timeline];
    if (!span) return [];
    return this.gapsFound.map(({ writer, first, last, rows, reason }) => {
      let [from, to] = [BigInt(span.min), BigInt(span.max)];
      for (const chunk of this.chunks) {
        const times = chunk.timelines.get(timeline)?.times;
        if (!times || chunk.writer !== writer) continue;
        const [low, high] = extremes(times);
        if (chunk.numbers[chunk.rows - 1]! < BigInt(first) && high > from) from = high;
        if (chunk.numbers[0]! > BigInt(last) && low < to) to = low;
      }
      return { from: from < to ? from : to, to: from < to ? to : from, rows, reason };
    });
  }
}

function compareHeaders(a: Header, b: Header): number {
  return a.created < b.created ? -1 : a.created > b.created ? 1 : a.writer < b.writer ? -1 : 1;
}

function isGreater(a: Key, b: Key): boolean {
  for (let i = 0; i < 4; i++) if (a[i] !== b[i]) return a[i]! > b[i]!;
  return false;
}

function isTrue(batch: Batch): boolean {
  return batch.kind === "numbers" && [...batch.values].some(Boolean);
}

function extremes(times: BigInt64Array): [bigint, bigint] {
  let [low, high] = [times[0]!, times[0]!];
  for (const time of times) {
    if (time < low) low = time;
    if (time > high) high = time;
  }
  return [low, high];
}

/** The last row at or before a time; of several at one time, the last of them. */
function lastRow(chunk: Chunk, timeline: string, at: bigint): number | null {
  if (chunk.isStatic) return chunk.rows - 1;
  const times = chunk.timelines.get(timeline)?.times;
  let found: number | null = null;
  times?.forEach((time, row) => {
    if (time <= at && (found === null || time >= times[found]!)) found = row;
  });
  return found;
}

function firstAfter(times: BigInt64Array, time: bigint): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle]! <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** About so many points of a line, its extremes among them. */
export function decimated(x: Float64Array, y: Float64Array, points: number): { x: Float64Array; y: Float64Array } {
  if (x.length <= points) return { x, y };
  const step = Math.ceil((2 * x.length) / points);
  const chosen = new Set<number>([0]);
  for (let begin = 0; begin < x.length; begin += step) {
    let [least, most] = [begin, begin];
    for (let i = begin + 1; i < Math.min(begin + step, x.length); i++) {
      if (!(y[i]! >= y[least]!)) least = Number.isNaN(y[i]!) ? least : i;
      if (!(y[i]! <= y[most]!)) most = Number.isNaN(y[i]!) ? most : i;
    }
    chosen.add(Math.min(least, most)).add(Math.max(least, most));
  }
  const places = [...chosen.add(x.length - 1)];
  return { x: Float64Array.from(places, (place) => x[place]!), y: Float64Array.from(places, (place) => y[place]!) };
}
