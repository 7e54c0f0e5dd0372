// Sources: where a recording's rows come from, the server or a file that was dropped onto the page.
import type { EntityFacts, EntityState, GapFacts, Line, RecordingFacts } from "./state";
import type { Chunk } from "./wire";

/** What a recording has. Times are int64 in decimal. */
export interface TreeMessage {
  epoch: string;
  cursor: number;
  entities: Record<string, EntityFacts>;
  timelines: Record<string, { kind: string; min: string; max: string }>;
  gaps: GapFacts[];
  damage: { length: number; reason: string }[];
}

/** Numbers over time, from `base` on; where it was cleared, its lines end. */
export interface Series {
  base: bigint;
  total: number;
  lines: Line[];
  breaks: Float64Array;
}

/** Where on a timeline rows are missing. */
export interface GapSpan {
  from: bigint;
  to: bigint;
  rows: number;
  reason: string;
}

export interface Texts {
  chunks: Chunk[];
  next: number;
  skipped: number;
}

export type Direction = 1 | -1;

/** One sample of a stream of video. */
export interface Sample {
  time: bigint;
  /** The row's writer and number. */
  id: string;
  data: Uint8Array;
}

/** Samples in order, and whether earlier ones of the range were left out. */
export interface Samples {
  samples: Sample[];
  isCut: boolean;
}

export interface Source {
  texts(after: number | null, limit: number): Promise<Texts>;
  latest(timeline: string, at: bigint, paths: string[]): Promise<Map<string, EntityState>>;
  series(entity: string, component: string, timeline: string, low: bigint | null, high: bigint | null, points: number): Promise<Series>;
  samples(entity: string, timeline: string, low: bigint | null, high: bigint, bytes: number): Promise<Samples>;
  density(timeline: string, low: bigint, high: bigint, buckets: number): Promise<Record<string, number[]>>;
  gaps(timeline: string): Promise<GapSpan[]>;
  /** The nearest later time (1) or earlier one (-1) at which something was logged; `null` where there is none. */
  neighbor(timeline: string, at: bigint, direction: Direction): Promise<bigint | null>;
}

/** A recording that is whole in this page. */
export interface DroppedRecording extends Source {
  /** The file's name. */
  readonly file: string;
  readonly facts: RecordingFacts;
  readonly tree: TreeMessage;
}
