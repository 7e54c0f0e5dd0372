// Lines of a plot: where they break, which axis they have, what they are at a place.
import type uPlot from "uplot";
import type { Line } from "./state";

/** A line as it is drawn; nothing where it breaks. */
export interface DrawnLine {
  x: number[];
  y: (number | null)[];
}

/** A line with nothing where its entity was cleared and where it is no number. */
export function broken(line: Line, breaks: ArrayLike<number>): DrawnLine {
  const x: number[] = [];
  const y: (number | null)[] = [];
  let next = 0;
  line.x.forEach((place, index) => {
    for (; next < breaks.length && breaks[next]! <= place; next++) {
      if (!x.length || breaks[next] === place) continue;
      x.push(breaks[next]!);
      y.push(null);
    }
    const value = line.y[index]!;
    x.push(place);
    y.push(Number.isNaN(value) ? null : value);
  });
  if (next < breaks.length && x.length) {
    x.push(breaks[next]!);
    y.push(null);
  }
  return { x, y };
}

/** What a plot has room for: no infinities. */
export function drawable(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? value : null;
}

/** Places of the values between breaks, which no line reaches. `undefined` is where only other lines have a value. */
export function alone(values: ArrayLike<number | null | undefined>): number[] {
  const found: number[] = [];
  let [candidate, isBroken] = [-1, true];
  for (let i = 0; i < values.length; i++) {
    if (values[i] === undefined) continue;
    if (values[i] === null) {
      if (candidate >= 0) found.push(candidate);
      [candidate, isBroken] = [-1, true];
    } else {
      candidate = isBroken ? i : -1;
      isBroken = false;
    }
  }
  if (candidate >= 0) found.push(candidate);
  return found;
}

/** Lines of very different size get an axis of their own. */
export function chooseAxes(drawn: { line: DrawnLine; isSecond: boolean }[]): void {
  const sizes = drawn.map(({ line }) => line.y.reduce<number>((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value!)) : most), 0));
  const most = Math.max(...sizes, 0);
  drawn.forEach((each, index) => (each.isSecond = sizes[index]! > 0 && sizes[index]! * 20 < most));
  if (drawn.every((each) => each.isSecond)) drawn.forEach((each) => (each.isSecond = false));
}

/** Where lines have no value at the pointer's place, the nearest one they have. */
export function nearest(chart: uPlot, series: number, index: number): number {
  const values = chart.data[series];
  if (!values || values[index] != null) return index;
  for (let distance = 1; distance < 200; distance++) {
    if (values[index - distance] != null) return index - distance;
    if (values[index + distance] != null) return index + distance;
  }
  return index;
}

export function padded(_: uPlot, low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1];
  const pad = (high - low) * 0.08 || Math.abs(high) * 0.1 || 1;
  return [low - pad, high + pad];
}

/** The last value at or before a place. */
export function valueAt(line: DrawnLine, x: number): number | null {
  let low = 0;
  let high = line.x.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (line.x[middle]! <= x + 1e-9) low = middle + 1;
    else high = middle;
  }
  return low ? line.y[low - 1]! : null;
}

export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(3);
  return String(Number(value.toPrecision(5)));
}
