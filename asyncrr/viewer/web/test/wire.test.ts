// The decoder, held against the golden files that Python's is held against too.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { decompressor } from "../src/compression";
import { crc32, readSegments, type Batch, type Chunk, type Contents, type Numbers } from "../src/wire";

declare const VECTORS: string;

interface GoldenRow {
  entity_path: string;
  writer_id: string;
  row_number: number;
  is_static: boolean;
  times: Record<string, number | string>;
  components: Record<string, unknown[]>;
}

interface Golden {
  application_id: string;
  recording_id: string;
  damage: unknown[];
  gaps: { row_count?: number }[] | unknown[][];
  rows: GoldenRow[];
}

const golden = JSON.parse(readFileSync(join(VECTORS, "golden.json"), "utf8")) as Record<string, Golden>;
const load = (name: string) => new Uint8Array(readFileSync(join(VECTORS, name)));

/** Values as the golden file has them: nested lists; integers that JSON cannot hold as strings. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return value >= -(2n ** 53n) && value <= 2n ** 53n ? Number(value) : String(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
  return value;
}

function nested(values: Numbers, shape: number[], dtype: string): unknown[] {
  const flat = Array.from(values as Float64Array, (each) => (dtype === "bool" ? Boolean(each) : plain(each)));
  let items: unknown[] = flat;
  for (const length of [...shape].reverse()) {
    const next: unknown[] = [];
    for (let i = 0; i < items.length; i += length) next.push(items.slice(i, i + length));
    items = next;
  }
  return items;
}

function told(batch: Batch): unknown[] {
  switch (batch.kind) {
    case "numbers":
      return nested(batch.values, batch.shape, batch.dtype);
    case "arrays":
      return batch.items.map((each) => nested(each, batch.shape, batch.dtype));
    case "strings":
      return batch.items;
    case "structs":
      return batch.items.map(plain);
    case "tensors":
      return batch.items.map(({ dtype, shape, names, values }) => ({
        dtype,
        names,
        shape,
        values: nested(values, [], dtype),
      }));
  }
}

/** Chunks once each, as a reader of a recording takes them. */
function once(contents: Contents): Chunk[] {
  const seen = new Set<string>();
  return contents.chunks.filter((chunk) => {
    const key = `${chunk.entity} ${chunk.sequence ? `${chunk.writer} ${chunk.sequence}` : chunk.numbers[0]}`;
    return !seen.has(key) && seen.add(key);
  });
}

for (const [name, expected] of Object.entries(golden)) {
  test(`${name} has the rows that Python finds`, () => {
    const contents = readSegments(load(name), decompressor());
    assert.equal(contents.headers[0]?.application, expected.application_id);
    assert.equal(contents.headers[0]?.recording, expected.recording_id);
    const found = new Map<string, { times: unknown; isStatic: boolean; components: Record<string, unknown[]> }>();
    for (const chunk of once(contents)) {
      for (let row = 0; row < chunk.rows; row++) {
        found.set(`${chunk.entity} ${chunk.writer} ${chunk.numbers[row]}`, {
          times: Object.fromEntries([...chunk.timelines].map(([key, each]) => [key, plain(each.times[row])])),
          isStatic: chunk.isStatic,
          components: Object.fromEntries([...chunk.columns].map(([id, column]) => [id, told(column.batch(row))])),
        });
      }
    }
    assert.equal(found.size, expected.rows.length);
    for (const row of expected.rows) {
      const key = `${row.entity_path} ${row.writer_id} ${row.row_number}`;
      const mine = found.get(key);
      assert.ok(mine, key);
      assert.deepEqual(mine.times, row.times, key);
      assert.equal(mine.isStatic, row.is_static, key);
      for (const [id, values] of Object.entries(row.components)) {
        assert.deepEqual(mine.components[id], values, `${key} ${id}`);
      }
    }
    assert.equal(contents.damage.length, expected.damage.length);
    assert.equal(contents.gaps.length, expected.gaps.length);
  });
}

for (const name of ["kinds.arrd", "compressed.arrd"]) {
  test(`every prefix and every flipped byte of ${name} is read without a crash`, () => {
    const bytes = load(name);
    for (let length = 0; length < bytes.length; length += 13) readSegments(bytes.slice(0, length), decompressor());
    for (let place = 16; place < bytes.length; place += 7) {
      const damaged = bytes.slice();
      damaged[place]! ^= 0x41;
      readSegments(damaged, decompressor());
    }
  });
}

test("checksums are zlib's", () => {
  assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
});
