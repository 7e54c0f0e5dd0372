// Requests: what the page asks the server for.
import { access, recordingId, timeline, type Line } from "./state";
import { readPacked, typed } from "./wire";

export const encoded = () => encodeURIComponent(recordingId.value ?? "");
export const prefix = () => `api/recordings/${encoded()}`;

export class Refused extends Error {
  constructor(readonly status: number) {
    super(`status ${status}`);
  }
}

export async function get(url: string, signal?: AbortSignal): Promise<Response> {
  const response = await fetch(url, signal ? { signal } : {});
  if (response.status === 401) access.value = "token";
  if (!response.ok) throw new Refused(response.status);
  return response;
}

export async function bytesOf(response: Response): Promise<Uint8Array> {
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

export async function fetchSeries(
  entity: string,
  component: string,
  low: bigint | null,
  high: bigint | null,
  points: number,
): Promise<Series> {
  let query = `entity=${encodeURIComponent(entity)}&component=${encodeURIComponent(component)}`;
  query += `&timeline=${encodeURIComponent(timeline.value)}&points=${points}`;
  if (low !== null) query += `&from=${low}`;
  if (high !== null) query += `&to=${high}`;
  const packed = readPacked(await bytesOf(await get(`${prefix()}/series?${query}`))) as {
    base: string;
    total: number | bigint;
    series: { x: Uint8Array; y: Uint8Array }[];
    breaks: Uint8Array;
  };
  const floats = (bytes: Uint8Array) => typed(bytes, 0, bytes.length / 8, "float64") as Float64Array;
  return {
    base: BigInt(packed.base),
    total: Number(packed.total),
    lines: packed.series.map(({ x, y }) => ({ x: floats(x), y: floats(y) })),
    breaks: floats(packed.breaks),
  };
}

export async function fetchDensity(low: bigint, high: bigint, buckets: number): Promise<Record<string, number[]>> {
  const query = `timeline=${encodeURIComponent(timeline.value)}&from=${low}&to=${high}&buckets=${buckets}`;
  return (await get(`${prefix()}/density?${query}`)).json() as Promise<Record<string, number[]>>;
}

export async function fetchGaps(): Promise<GapSpan[]> {
  const answer = await get(`${prefix()}/gaps?timeline=${encodeURIComponent(timeline.value)}`);
  const found = (await answer.json()) as { from: string; to: string; rows: number; reason: string }[];
  return found.map((each) => ({ ...each, from: BigInt(each.from), to: BigInt(each.to) }));
}
