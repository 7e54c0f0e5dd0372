// Times on timelines: int64 as bigint, shown by kind.

export type Kind = "sequence" | "duration" | "timestamp";

const two = (value: number) => String(value).padStart(2, "0");

/** As people read it; a timestamp by the clock, in this machine's zone.
 *
 * @param digits behind the point of seconds, cut off, not rounded
 */
export function formatTime(kind: string, value: bigint, digits = 3): string {
  if (kind === "sequence") return `#${value.toLocaleString("en")}`;
  if (kind === "duration") return `${seconds(value, digits)} s`;
  const date = dateOf(value);
  return date ? `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}${fraction(value, digits)}` : `${value} ns`;
}

/** All that is known of it: the day, the nanoseconds, the zone. */
export function formatWhole(kind: string, value: bigint): string {
  if (kind === "sequence") return formatTime(kind, value);
  if (kind === "duration") return `${seconds(value, 9).replace(/\.?0+$/, "")} s`;
  const date = dateOf(value);
  if (!date) return `${value} ns`;
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? "−" : "+"}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${formatTime(kind, value, 9)} ${zone}`;
}

export function formatDate(value: bigint): string {
  return dateOf(value)?.toLocaleString() ?? "";
}

/** A timestamp as a date; none where it is too far away to have one. */
export function dateOf(value: bigint): Date | null {
  const date = new Date(Number(value / 1_000_000n));
  return Number.isNaN(date.getTime()) ? null : date;
}

/** How many digits behind the point of seconds tell times apart that are so many nanoseconds from each other. */
export function digitsFor(nanoseconds: number): number {
  return Math.min(Math.max(Math.ceil(9 - Math.log10(Math.max(nanoseconds, 1)) - 1e-9), 0), 9);
}

function fraction(value: bigint, digits: number): string {
  const nanoseconds = ((value % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return digits ? `.${String(nanoseconds).padStart(9, "0").slice(0, digits)}` : "";
}

function seconds(value: bigint, digits: number): string {
  const [sign, size] = value < 0n ? ["−", -value] : ["", value];
  return `${sign}${size / 1_000_000_000n}${fraction(size, digits)}`;
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

/** So many of something: `1 row`, `2,000 rows`. */
export function counted(count: number, one: string): string {
  return `${count.toLocaleString("en")} ${one}${count === 1 ? "" : "s"}`;
}
