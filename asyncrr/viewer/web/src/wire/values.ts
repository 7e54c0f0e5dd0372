// Values out of bytes: numbers as typed arrays, msgpack with limits, and what a head may hold.
import { decode, decodeMulti } from "@msgpack/msgpack";

const MAX_DEPTH = 16;

export type Numbers =
  | Int8Array | Int16Array | Int32Array | BigInt64Array | Uint8Array | Uint16Array | Uint32Array | BigUint64Array
  | Float32Array | Float64Array;
export type Plain = null | boolean | number | bigint | string | Plain[] | { [key: string]: Plain };

export interface Tensor {
  dtype: string;
  shape: number[];
  names: string[] | null;
  values: Numbers;
}

/** The instances of one component in one row. */
export type Batch =
  | { kind: "numbers"; dtype: string; count: number; shape: number[]; values: Numbers }
  | { kind: "arrays"; dtype: string; count: number; shape: number[]; items: Numbers[] }
  | { kind: "strings"; count: number; items: string[] }
  | { kind: "structs"; count: number; items: Plain[] }
  | { kind: "tensors"; count: number; items: Tensor[] };

export class FormatError extends Error {}

/** Nothing is wrong with it, but it is more than a page should hold. */
export class TooLargeError extends Error {}

export function unpack(bytes: Uint8Array): Plain {
  const value = decode(bytes, { useBigInt64: true, maxStrLength: 2 ** 24 }) as Plain;
  checkDepth(value, 0);
  return value;
}

function checkDepth(value: Plain, depth: number): void {
  if (typeof value !== "object" || value === null) return;
  if (depth >= MAX_DEPTH) throw new FormatError("values are nested too deep");
  for (const each of Array.isArray(value) ? value : Object.values(value)) checkDepth(each, depth + 1);
}

export function text(value: Plain | undefined): string {
  if (typeof value !== "string") throw new FormatError("a text is missing");
  return value;
}

export function integer(value: Plain | undefined): number | bigint {
  if (typeof value !== "bigint" && !(typeof value === "number" && Number.isInteger(value))) {
    throw new FormatError("a number is missing");
  }
  return value;
}

export function count(value: Plain | undefined, most = Number.MAX_SAFE_INTEGER): number {
  const found = Number(integer(value));
  if (found < 0 || found > most) throw new FormatError(`the number ${found} is beyond what there can be`);
  return found;
}

export function list(value: Plain | undefined, what: string): Plain[] {
  if (!Array.isArray(value)) throw new FormatError(`${what} is no list`);
  return value;
}

export function itemSize(dtype: string): number {
  if (dtype === "bool") return 1;
  const bits = /^(?:u?int(8|16|32|64)|float(16|32|64))$/.exec(dtype);
  if (!bits) throw new FormatError(`the dtype ${dtype}`);
  return Number(bits[1] ?? bits[2]) / 8;
}

const ARRAYS = {
  bool: Uint8Array, int8: Int8Array, int16: Int16Array, int32: Int32Array, int64: BigInt64Array, uint8: Uint8Array,
  uint16: Uint16Array, uint32: Uint32Array, uint64: BigUint64Array, float32: Float32Array, float64: Float64Array,
} as const;

/** Numbers out of bytes; a view where the bytes are aligned. */
export function typed(bytes: Uint8Array, at: number, length: number, dtype: string): Numbers {
  if (dtype === "float16") return halves(typed(bytes, at, length, "uint16") as Uint16Array);
  const make = ARRAYS[dtype as keyof typeof ARRAYS];
  if (!make) throw new FormatError(`the dtype ${dtype}`);
  const start = bytes.byteOffset + at;
  if (start % make.BYTES_PER_ELEMENT === 0) return new make(bytes.buffer as ArrayBuffer, start, length);
  return new make(bytes.slice(at, at + length * make.BYTES_PER_ELEMENT).buffer, 0, length);
}

function halves(bits: Uint16Array): Float32Array {
  return Float32Array.from(bits, (half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}

/** A whole answer in msgpack. */
export function readPacked(bytes: Uint8Array): unknown {
  for (const value of decodeMulti(bytes, { useBigInt64: true })) return value;
  throw new FormatError("an empty answer");
}
