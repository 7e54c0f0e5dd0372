// Chunks out of frames: rows as columns, each a view of the frame's bytes.
import { headOf, MAX_BODY_BYTES, REPEATED, ZSTD, type FrameHeader, type Head } from "./framing";
import {
  count, FormatError, integer, itemSize, list, text, typed, unpack, type Batch, type Numbers, type Plain,
} from "./values";

const MAX_DIMENSIONS = 8;
const MAX_ROWS = 2 ** 26;
const MAX_ENTITIES = 2 ** 14;
/** Numbers of a width beyond this are multiples of a unit, above the least. */
const IN_UNITS = 16;

/** The body of exactly that size, out of the stored one; throws a `FormatError` where it is of another. */
export type Decompress = (stored: Uint8Array, size: number) => Uint8Array;

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
    const [kind, a, b, c, d] = list(form, "numbers");
    const width = Number(integer(kind));
    const first = BigInt(integer(a));
    if (width === 0) {
      const step = BigInt(integer(b));
      const values = new BigInt64Array(rows);
      for (let i = 0, value = first; i < rows; i++, value += step) values[i] = value;
      return values;
    }
    if (width === 8) return this.take(c, rows, "int64") as BigInt64Array;
    const bytes = width > IN_UNITS ? width - IN_UNITS : width;
    if (bytes !== 1 && bytes !== 2 && bytes !== 4) throw new FormatError(`numbers of ${width} bytes`);
    if (width > IN_UNITS) {
      const unit = BigInt(integer(d));
      const units = this.take(c, rows, `uint${bytes * 8}`) as Uint8Array;
      return BigInt64Array.from(units, (each) => first + unit * BigInt(each));
    }
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
    private readonly first = 0,
  ) {}

  batch(row: number): Batch {
    const at = this.first + row;
    return this.slice(this.rowStarts.at(at), this.rowStarts.at(at + 1));
  }

  /** The column of the rows from one on. */
  from(row: number): Column {
    return new Column(this.id, this.dtype, this.shape, this.type, this.rowStarts, this.slice, this.first + row);
  }
}

/** The chunks of a frame, one for each entity in it. */
export function readChunks(frame: Uint8Array, header: FrameHeader, writer: string, decompress: Decompress | null): Chunk[] {
  const head = headOf(frame, header);
  const rows = count(head["n"], MAX_ROWS);
  const isStatic = head["s"] === true;
  const timelineList = list(head["t"] ?? [], "the timelines");
  const bytes = bodyOf(frame, header, head, decompress);
  if (rows < 1 || 8 * rows * (1 + timelineList.length) > 1024 * bytes.length + 2 ** 24) {
    throw new FormatError(`${rows} rows in ${bytes.length} bytes`);
  }
  const body = new Body(bytes);
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
  const whole = {
    writer,
    sequence: header.sequence,
    isRepeated: (header.flags & REPEATED) !== 0,
    isStatic,
    rows,
    numbers: body.numbers(head["r"], rows),
    timelines,
    columns,
  };
  const entities = head["p"];
  return Array.isArray(entities) ? ofEach(entities, whole) : [{ entity: text(entities), ...whole }];
}

/** Rows of several entities, one after another, as a chunk for each. */
function ofEach(entities: Plain[], whole: Omit<Chunk, "entity">): Chunk[] {
  if (entities.length > MAX_ENTITIES) throw new FormatError(`${entities.length} entities`);
  let start = 0;
  const chunks = entities.map((item) => {
    const [entity, size] = list(item, "an entity");
    const [low, rows] = [start, count(size, whole.rows - start)];
    start += rows;
    return {
      ...whole,
      entity: text(entity),
      rows,
      numbers: whole.numbers.subarray(low, start),
      timelines: new Map([...whole.timelines].map(([name, { kind, times }]) => [name, { kind, times: times.subarray(low, start) }])),
      columns: new Map([...whole.columns].map(([id, column]) => [id, column.from(low)])),
    };
  });
  if (start !== whole.rows) throw new FormatError(`the entities do not have ${whole.rows} rows together`);
  return chunks;
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

function bodyOf(frame: Uint8Array, header: FrameHeader, head: Head, decompress: Decompress | null): Uint8Array {
  const stored = frame.subarray(header.bodyStart);
  if (!(header.flags & ZSTD)) return stored;
  if (!decompress) throw new FormatError("the chunk is compressed");
  return decompress(stored, count(head["z"], MAX_BODY_BYTES));
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
