// Times on timelines: int64 as bigint, shown by kind.

export type Kind = "sequence" | "duration" | "timestamp";

const two = (value: number) => String(value).padStart(2, "0");

/** As people read it. */
export function formatTime(kind: string, value: bigint, digits = 3): string {
  if (kind === "sequence") return `#${value.toLocaleString("en")}`;
  if (kind === "duration") return `${(Number(value) / 1e9).toFixed(digits)} s`;
  const milliseconds = Number(value / 1_000_000n);
  const date = new Date(milliseconds);
  if (Number.isNaN(date.getTime())) return `${value} ns`;
  const nanoseconds = ((value % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const fraction = digits ? `.${String(nanoseconds).padStart(9, "0").slice(0, digits)}` : "";
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}${fraction}`;
}

export function formatDate(value: bigint): string {
  const date = new Date(Number(value / 1_000_000n));
  return Number.isNaN(date.getTime()) ? "" : date.toLocaleString();
}

/** A timeline's unit on a plot: seconds, or steps. */
export function unit(kind: string): number {
  return kind === "sequence" ? 1 : 1e9;
}

export function clamp(value: bigint, low: bigint, high: bigint): bigint {
  return value < low ? low : value > high ? high : value;
}

export function formatBytes(count: number): string {
  for (const name of ["B", "kB", "MB", "GB"]) {
    if (count < 1000 || name === "GB") return `${count < 10 && name !== "B" ? count.toFixed(1) : Math.round(count)} ${name}`;
    count /= 1000;
  }
  return "";
}
