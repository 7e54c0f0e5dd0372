// Dropped files: what holds, what is drawn, on the same golden files.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { decimated, readDropped } from "../src/dropped";

declare const VECTORS: string;

const golden = JSON.parse(readFileSync(join(VECTORS, "golden.json"), "utf8")) as Record<string, { rows: { entity_path: string }[] }>;

for (const name of readdirSync(VECTORS).filter((each) => Object.hasOwn(golden, each))) {
  test(`${name} has all its rows when it is dropped`, async () => {
    const [found] = readDropped(new Uint8Array(readFileSync(join(VECTORS, name))), name);
    const { rows } = golden[name]!;
    assert.equal(found!.facts.rows, rows.length);
    assert.deepEqual(new Set(Object.keys(found!.tree.entities)), new Set(rows.map((each) => each.entity_path)));
    for (const [timeline, { max }] of Object.entries(found!.tree.timelines)) {
      const held = await found!.latest(timeline, BigInt(max), Object.keys(found!.tree.entities));
      assert.ok([...held.values()].some((state) => state.size > 0));
    }
  });
}

test("the time goes from row to row", async () => {
  const [found] = readDropped(new Uint8Array(readFileSync(join(VECTORS, "scalars.arrd"))), "scalars.arrd");
  const [name, { min, max }] = Object.entries(found!.tree.timelines)[0]!;
  const forth: bigint[] = [];
  for (let at: bigint | null = BigInt(min) - 1n; (at = await found!.neighbor(name, at, 1)) !== null; ) forth.push(at);
  const back: bigint[] = [];
  for (let at: bigint | null = BigInt(max) + 1n; (at = await found!.neighbor(name, at, -1)) !== null; ) back.unshift(at);
  assert.deepEqual(forth, back);
  assert.deepEqual([forth[0], forth[forth.length - 1]], [BigInt(min), BigInt(max)]);
  assert.equal(await found!.neighbor("nothing", 0n, 1), null);
});

test("bytes that are no recording are refused", () => {
  assert.throws(() => readDropped(new Uint8Array(1000), "x"), /no recording/);
});

test("decimation keeps the extremes and the order", () => {
  const x = Float64Array.from({ length: 100_000 }, (_, i) => i);
  const y = x.map((each) => Math.sin(each / 100));
  y[4321] = 99;
  y[77_777] = -99;
  y[500] = NaN;
  const found = decimated(x, y, 1000);
  assert.ok(found.x.length <= 1002);
  assert.ok(found.y.includes(99) && found.y.includes(-99));
  assert.ok(found.x.every((each, index) => index === 0 || each > found.x[index - 1]!));
  assert.equal(found.x[found.x.length - 1], 99_999);
});
