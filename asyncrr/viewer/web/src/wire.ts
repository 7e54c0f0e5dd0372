// The wire format, read in the browser: frames out of bytes, chunks out of frames. asyncrr/wire/__init__.py tells it.
import { decode, decodeMulti } from "@msgpack/msgpack";

const FRAME_HEADER_BYTES = 40;
const PREAMBLE_BYTES = 16;
const SYNC_MARK = [0xf7, 0x61, 0x72, 0x72, 0xc1, 0x00, 0xb3, 0xed];
const MAGIC = [0x89, 0x41, 0x52, 0x52, 0x0d, 0x0a, 0x1a, 0x0a];
const MAX_HEAD_BYTES = 2 ** 20;
const MAX_BODY_BYTES = 2 ** 31;
const KIND = { header: 1, chunk: 2, gap: 3, trailer: 4 } as const;
const CRITICAL = 1;
const REPEATED = 2;
const ZSTD = 4;
const MAX_DIMENSIONS = 8;
const MAX_ROWS = 2 ** 26;
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

export interface Header {
  application: string;
  recording: string;
  writer: string;
  created: bigint;
}

export interface Gap {
  writer: string;
  first: number;
  last: number;
  rows: number;
  reason: string;
}

export interface Damage {
  offset: number;
  length: number;
  reason: string;
}

export interface Chunk {
  entity: string;
  writer: string;
  sequence: number;
  isRepeated: boolean;
  isStatic: boolean;
  rows: number;
  numbers: BigInt64Array;
  timelines: Map<string, { kind: string; times: BigInt64Array }>;
  columns: Map<string, Column>;
}

export interface Contents {
  headers: Header[];
  chunks: Chunk[];
  gaps: Gap[];
  damage: Damage[];
  segments: number;
  endedSegments: number;
}

export class FormatError extends Error {}

const CRC_TABLE = (() => {
  const table = new Uint32Array(256);
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    table[n] = c;
  }
  return table;
})();

export function crc32(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) c = (CRC_TABLE[(c ^ bytes[i]!) & 0xff] as number) ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

interface FrameHeader {
  kind: number;
  flags: number;
  headLength: number;
  sequence: number;
  bodyStart: number;
  nbytes: number;
  bodyCrc: number;
}

function starts(bytes: Uint8Array, at: number, mark: number[]): boolean {
  if (at + mark.length > bytes.length) return false;
  return mark.every((value, index) => bytes[at + index] === value);
}

function frameHeader(bytes: Uint8Array, at: number): FrameHeader | null {
  if (at + FRAME_HEADER_BYTES > bytes.length || !starts(bytes, at, SYNC_MARK)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, FRAME_HEADER_BYTES);
  if (crc32(bytes.subarray(at, at + 36)) !== view.getUint32(36, true)) return null;
  const headLength = view.getUint32(12, true);
  const bodyLength = Number(view.getBigUint64(24, true));
  if (headLength > MAX_HEAD_BYTES || bodyLength > MAX_BODY_BYTES || bodyLength % 8) return null;
  const bodyStart = FRAME_HEADER_BYTES + headLength + (-headLength & 7);
  return {
    kind: view.getUint8(8),
    flags: view.getUint8(9),
    headLength,
    sequence: Number(view.getBigUint64(16, true)),
    bodyStart,
    nbytes: bodyStart + bodyLength,
    bodyCrc: view.getUint32(32, true),
  };
}

function isIntact(bytes: Uint8Array, at: number, header: FrameHeader): boolean {
  return (
    at + header.nbytes <= bytes.length &&
    crc32(bytes.subarray(at + FRAME_HEADER_BYTES, at + header.nbytes)) === header.bodyCrc
  );
}

/** Everything that bytes hold, which are all there is; what cannot be read is skipped and told as damage. */
export function readSegments(data: Uint8Array): Contents {
  // Buffers must be aligned for typed arrays: start from an aligned copy where they are not.
  const bytes = data.byteOffset % 8 ? data.slice() : data;
  const found: Contents = { headers: [], chunks: [], gaps: [], damage: [], segments: 0, endedSegments: 0 };
  let writer = "";
  let place = 0;
  let lost = -1;
  let reason = "";
  const lose = (why: string) => {
    if (lost < 0) {
      lost = place;
      reason = why;
    }
    place++;
  };
  const resume = () => {
    if (lost >= 0) found.damage.push({ offset: lost, length: place - lost, reason });
    lost = -1;
  };
  while (place < bytes.length) {
    if (starts(bytes, place, MAGIC) && place + PREAMBLE_BYTES <= bytes.length) {
      const view = new DataView(bytes.buffer, bytes.byteOffset + place, PREAMBLE_BYTES);
      if (crc32(bytes.subarray(place, place + 12)) !== view.getUint32(12, true)) {
        lose("the preamble is damaged");
        continue;
      }
      if (view.getUint16(8, true) !== 1) throw new FormatError(`version ${view.getUint16(8, true)} of the format`);
      resume();
      found.segments++;
      writer = "";
      place += PREAMBLE_BYTES;
      continue;
    }
    const header = frameHeader(bytes, place);
    if (!header) {
      lose("no frame starts here");
      continue;
    }
    if (!isIntact(bytes, place, header)) {
      lose(place + header.nbytes > bytes.length ? "the end of a frame is missing" : "a frame's checksum does not hold");
      continue;
    }
    resume();
    const frame = bytes.subarray(place, place + header.nbytes);
    place += header.nbytes;
    try {
      if (header.kind === KIND.header) {
        const told = headOf(frame, header);
        writer = text(told["w"]);
        found.headers.push({
          application: text(told["a"]),
          recording: text(told["r"]),
          writer,
          created: BigInt(integer(told["t"])),
        });
      } else if (header.kind === KIND.chunk) {
        found.chunks.push(readChunk(frame, header, writer));
      } else if (header.kind === KIND.gap) {
        const told = headOf(frame, header);
        const [first, last, rows] = [told["f"], told["l"], told["n"]].map((each) => Number(integer(each)));
        found.gaps.push({ writer, first: first!, last: last!, rows: rows!, reason: text(told["y"]) });
      } else if (header.kind === KIND.trailer) {
        found.endedSegments++;
      } else if (header.flags & CRITICAL) {
        throw new FormatError(`a frame of kind ${header.kind}, which must be understood and is not`);
      }
    } catch (error) {
      if (error instanceof FormatError && header.kind > KIND.trailer) throw error;
      found.damage.push({ offset: place - header.nbytes, length: header.nbytes, reason: String(error) });
    }
  }
  if (lost >= 0) {
    // Zero bytes that align what follows are no damage; nor is there anything behind the last.
    if (bytes.subarray(lost).some((value) => value)) resume();
  }
  return found;
}

type Head = { [key: string]: Plain };

function unpack(bytes: Uint8Array): Plain {
  const value = decode(bytes, { useBigInt64: true, maxStrLength: 2 ** 24 }) as Plain;
  checkDepth(value, 0);
  return value;
}

function checkDepth(value: Plain, depth: number): void {
  if (typeof value !== "object" || value === null) return;
  if (depth >= MAX_DEPTH) throw new FormatError("values are nested too deep");
  for (const each of Array.isArray(value) ? value : Object.values(value)) checkDepth(each, depth + 1);
}

function headOf(frame: Uint8Array, header: FrameHeader): Head {
  const head = unpack(frame.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + header.headLength));
  if (typeof head !== "object" || head === null || Array.isArray(head)) throw new FormatError("a head is no mapping");
  return head;
}

function text(value: Plain | undefined): string {
  if (typeof value !== "string") throw new FormatError("a text is missing");
  return value;
}

function integer(value: Plain | undefined): number | bigint {
  if (typeof value !== "bigint" && !(typeof value === "number" && Number.isInteger(value))) {
    throw new FormatError("a number is missing");
  }
  return value;
}

function count(value: Plain | undefined, most = Number.MAX_SAFE_INTEGER): number {
  const found = Number(integer(value));
  if (found < 0 || found > most) throw new FormatError(`the number ${found} is beyond what there can be`);
  return found;
}

function list(value: Plain | undefined, what: string): Plain[] {
  if (!Array.isArray(value)) throw new FormatError(`${what} is no list`);
  return value;
}

class Body {
  constructor(private readonly bytes: Uint8Array) {}

  /** Views of the frame's bytes; float16 becomes float32. */
  take(offset: Plain | undefined, length: number, dtype: string): Numbers {
    const size = itemSize(dtype);
    const at = count(offset);
    if (at % 8 || at + length * size > this.bytes.length) throw new FormatError("a buffer is not in the body");
    return typed(this.bytes, at, length, dtype);
  }

  numbers(form: Plain | undefined, rows: number): BigInt64Array {
    const [kind, a, b, c] = list(form, "numbers");
    const width = Number(integer(kind));
    const first = BigInt(integer(a));
    if (width === 0) {
      const step = BigInt(integer(b));
      const values = new BigInt64Array(rows);
      for (let i = 0, value = first; i < rows; i++, value += step) values[i] = value;
      return values;
    }
    if (width === 8) return this.take(c, rows, "int64") as BigInt64Array;
    if (width !== 1 && width !== 2 && width !== 4) throw new FormatError(`numbers of ${width} bytes`);
    const steps = this.take(c, rows - 1, `uint${width * 8}`) as Uint8Array;
    const values = new BigInt64Array(rows);
    values[0] = first;
    for (let i = 1, value = first; i < rows; i++) values[i] = value += BigInt(steps[i - 1]!);
    return values;
  }

  sizes(form: Plain | undefined, length: number): number | ArrayLike<number> {
    if (!Array.isArray(form)) return count(form);
    const width = count(form[0], 8);
    if (![1, 2, 4, 8].includes(width)) throw new FormatError(`sizes of ${width} bytes`);
    const values = this.take(form[1], length, `uint${width * 8}`);
    return width === 8 ? Float64Array.from(values as BigUint64Array, Number) : (values as Uint32Array);
  }
}

function itemSize(dtype: string): number {
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

function total(sizes: number | ArrayLike<number>, length: number): number {
  if (typeof sizes === "number") return sizes * length;
  let sum = 0;
  for (let i = 0; i < length; i++) sum += sizes[i]!;
  return sum;
}

class Starts {
  private readonly values: Float64Array | null;

  constructor(private readonly sizes: number | ArrayLike<number>, length: number) {
    this.values = null;
    if (typeof sizes !== "number") {
      this.values = new Float64Array(length + 1);
      for (let i = 0; i < length; i++) this.values[i + 1] = this.values[i]! + sizes[i]!;
    }
  }

  at(index: number): number {
    return this.values ? this.values[index]! : index * (this.sizes as number);
  }
}

/** One component of all rows of a chunk. */
export class Column {
  constructor(
    readonly id: string,
    readonly dtype: string,
    readonly shape: number[],
    readonly type: string | null,
    private readonly rowStarts: Starts,
    private readonly slice: (low: number, high: number) => Batch,
  ) {}

  batch(row: number): Batch {
    return this.slice(this.rowStarts.at(row), this.rowStarts.at(row + 1));
  }
}

function readChunk(frame: Uint8Array, header: FrameHeader, writer: string): Chunk {
  if (header.flags & ZSTD) throw new FormatError("the chunk is compressed, which the page does not read");
  const head = headOf(frame, header);
  const rows = count(head["n"], MAX_ROWS);
  const isStatic = head["s"] === true;
  const timelineList = list(head["t"] ?? [], "the timelines");
  const stored = frame.length - header.bodyStart;
  if (rows < 1 || 8 * rows * (1 + timelineList.length) > 1024 * stored + 2 ** 24) {
    throw new FormatError(`${rows} rows in ${stored} bytes`);
  }
  const body = new Body(frame.subarray(header.bodyStart));
  const timelines: Chunk["timelines"] = new Map();
  for (const item of timelineList) {
    const [name, kind, form] = list(item, "a timeline");
    timelines.set(text(name), { kind: text(kind), times: body.numbers(form, rows) });
  }
  const columns = new Map<string, Column>();
  for (const item of list(head["c"], "the columns")) {
    const column = readColumn(item as Head, rows, body);
    columns.set(column.id, column);
  }
  return {
    entity: text(head["p"]),
    writer,
    sequence: header.sequence,
    isRepeated: (header.flags & REPEATED) !== 0,
    isStatic,
    rows,
    numbers: body.numbers(head["r"], rows),
    timelines,
    columns,
  };
}

const utf8 = new TextDecoder("utf-8");

function readColumn(head: Head, rows: number, body: Body): Column {
  const id = text(head["i"]);
  const dtype = text(head["d"]);
  const dimensions = list(head["s"] ?? [], "a shape");
  if (dimensions.length > MAX_DIMENSIONS) throw new FormatError(`${dimensions.length} dimensions`);
  const isVariable = dimensions.length > 0 && dimensions[0] === null;
  const shape = (isVariable ? dimensions.slice(1) : dimensions).map((each) => count(each));
  const type = typeof head["y"] === "string" ? head["y"] : null;
  const counts = body.sizes(head["n"], rows);
  const instances = total(counts, rows);
  const make = (slice: (low: number, high: number) => Batch) =>
    new Column(id, dtype, shape, type, new Starts(counts, rows), slice);

  if (dtype === "str" || dtype === "struct") {
    const lengths = body.sizes(head["l"], instances);
    const starts = new Starts(lengths, instances);
    const bytes = body.take(head["v"], total(lengths, instances), "uint8") as Uint8Array;
    const piece = (index: number) => bytes.subarray(starts.at(index), starts.at(index + 1));
    if (dtype === "str") {
      return make((low, high) => ({ kind: "strings", count: high - low, items: range(low, high, (i) => utf8.decode(piece(i))) }));
    }
    return make((low, high) => ({ kind: "structs", count: high - low, items: range(low, high, (i) => unpack(piece(i))) }));
  }
  if (dtype === "tensor") {
    const [length, offset] = list(head["l"], "the layouts");
    const packed = body.take(offset, count(length), "uint8") as Uint8Array;
    const layouts = tensorLayouts(packed, instances);
    const sizes = layouts.map((each) => each.nbytes + (-each.nbytes & 7));
    const starts = new Starts(sizes, instances);
    const bytes = body.take(head["v"], total(sizes, instances), "uint8") as Uint8Array;
    return make((low, high) => ({
      kind: "tensors",
      count: high - low,
      items: range(low, high, (i) => {
        const { dtype, shape, names, length } = layouts[i]!;
        return { dtype, shape, names, values: typed(bytes, starts.at(i), length, dtype) };
      }),
    }));
  }
  const each = shape.reduce((product, n) => product * n, 1);
  if (isVariable) {
    const lengths = body.sizes(head["l"], instances);
    const starts = new Starts(lengths, instances);
    const values = body.take(head["v"], total(lengths, instances) * each, dtype);
    return make((low, high) => ({
      kind: "arrays",
      dtype,
      count: high - low,
      shape,
      items: range(low, high, (i) => values.subarray(starts.at(i) * each, starts.at(i + 1) * each) as Numbers),
    }));
  }
  const values = body.take(head["v"], instances * each, dtype);
  return make((low, high) => ({
    kind: "numbers",
    dtype,
    count: high - low,
    shape,
    values: values.subarray(low * each, high * each) as Numbers,
  }));
}

interface Layout {
  dtype: string;
  shape: number[];
  names: string[] | null;
  length: number;
  nbytes: number;
}

function tensorLayouts(packed: Uint8Array, instances: number): Layout[] {
  const layouts: Layout[] = [];
  for (const run of list(unpack(packed), "the layouts")) {
    const [repeats, dtype, shape, names] = list(run, "a layout");
    const lengths = list(shape, "a shape").map((each) => count(each));
    if (lengths.length > MAX_DIMENSIONS) throw new FormatError(`${lengths.length} dimensions`);
    const length = lengths.reduce((product, n) => product * n, 1);
    const layout = {
      dtype: text(dtype),
      shape: lengths,
      names: Array.isArray(names) ? names.map(String) : null,
      length,
      nbytes: length * itemSize(text(dtype)),
    };
    const times = count(repeats, instances - layouts.length);
    for (let i = 0; i < times; i++) layouts.push(layout);
  }
  if (layouts.length !== instances) throw new FormatError(`${layouts.length} layouts of ${instances} tensors`);
  return layouts;
}

function range<T>(low: number, high: number, make: (index: number) => T): T[] {
  const items: T[] = [];
  for (let i = low; i < high; i++) items.push(make(i));
  return items;
}

/** A whole answer in msgpack. */
export function readPacked(bytes: Uint8Array): unknown {
  for (const value of decodeMulti(bytes, { useBigInt64: true })) return value;
  throw new FormatError("an empty answer");
}
