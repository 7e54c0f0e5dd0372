// Axes of plots: where a timeline's numbers begin, which steps their marks have, what stands at them.
import { dateOf, digitsFor, formatTime, unit } from "./times";

const LETTER = 6.4;
/** Beyond this, float64 would not tell neighbours on a sequence apart when zoomed. */
const FAR = 2n ** 40n;

const decimal = (low: number, high: number) =>
  Array.from({ length: high - low + 1 }, (_, i) => [1, 2, 5].map((each) => Number(`${each}e${low + i}`))).flat();
const SEQUENCE_STEPS = decimal(0, 19);
const DURATION_STEPS = decimal(-9, 11);
const CLOCK_STEPS = [...decimal(-9, -1), 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200];
const TIMESTAMP_STEPS = [...CLOCK_STEPS, ...decimal(0, 6).map((each) => each * 86400)];

/** What is 0 on a plot: near its times, so that float64 tells nanoseconds apart, and where whole hours stay whole. */
export function originOf(kind: string, low: bigint): bigint {
  if (kind !== "timestamp") return low > FAR || low < -FAR ? low : 0n;
  const date = dateOf(low);
  if (!date) return low;
  return BigInt(new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime()) * 1_000_000n;
}

/** Steps from which the marks of an axis are chosen: whole ones on a sequence, those of a clock for timestamps. */
export function stepsOf(kind: string): number[] {
  return kind === "sequence" ? SEQUENCE_STEPS : kind === "duration" ? DURATION_STEPS : TIMESTAMP_STEPS;
}

/** What stands at a mark.
 *
 * @param step from mark to mark, in the plot's unit
 */
export function timeTick(kind: string, time: bigint, step: number): string {
  if (kind === "sequence") return time.toLocaleString("en");
  if (kind === "duration") return formatTime(kind, time, digitsFor(step * 1e9));
  const date = dateOf(time);
  if (date && (step >= 86400 || (step >= 60 && !date.getHours() && !date.getMinutes()))) {
    return date.toLocaleDateString("en", step >= 86400 * 300 ? { year: "numeric", month: "short" } : { month: "short", day: "numeric" });
  }
  const text = formatTime(kind, time, digitsFor(step * 1e9));
  return step >= 60 ? text.slice(0, 5) : text;
}

/** Pixels between marks, so that what stands at them does not meet. */
export function tickSpace(kind: string, origin: bigint, low: number, high: number, width: number): number {
  if (!(high > low)) return 80;
  const steps = stepsOf(kind);
  const step = steps.find((each) => (each / (high - low)) * width >= 60) ?? steps[steps.length - 1]!;
  const place = (x: number) => timeTick(kind, origin + BigInt(Math.round(x * unit(kind))), step).length;
  return Math.max(60, Math.max(place(low), place(high)) * LETTER + 24);
}

/** What stands at the marks of numbers: as few digits as tell them apart. */
export function numberTicks(marks: number[]): string[] {
  const most = Math.max(...marks.map(Math.abs), 0);
  const step = marks.length > 1 ? Math.abs(marks[1]! - marks[0]!) : most;
  if (!step || !Number.isFinite(step)) return marks.map(String);
  if (most < 1e-3 || most >= 1e13) return marks.map((each) => each.toExponential(Math.min(Math.max(Math.ceil(Math.log10(most / step)), 1), 12)));
  const [suffix, by] = most >= 1e9 ? ["G", 1e9] : most >= 1e6 ? ["M", 1e6] : most >= 1e4 ? ["k", 1e3] : ["", 1];
  const digits = digitsOf(step / (by as number));
  if (suffix && digits > 2) return marks.map((each) => each.toLocaleString("en", { maximumFractionDigits: digitsOf(step) }));
  return marks.map((each) => (each === 0 ? "0" : `${(each / (by as number)).toFixed(digits)}${suffix}`));
}

/** Pixels that such texts need beside a plot. */
export function ticksWidth(texts: string[] | null): number {
  return Math.max(40, Math.max(0, ...(texts ?? []).map((each) => each.length)) * LETTER + 18);
}

function digitsOf(step: number): number {
  for (let digits = 0; digits < 12; digits++) {
    const scaled = step * 10 ** digits;
    if (scaled >= 1 - 1e-9 && Math.abs(scaled - Math.round(scaled)) < 1e-6 * scaled) return digits;
  }
  return 12;
}
