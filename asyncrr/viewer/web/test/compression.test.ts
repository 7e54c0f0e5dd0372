// Compressed bodies: of exactly the size that is announced, whatever their bytes say.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { decompressor } from "../src/compression";
import { FormatError, readSegments, TooLargeError } from "../src/wire";

declare const VECTORS: string;

/** The compressed bodies of the golden file, and the sizes that they announce. */
const bodies: { stored: Uint8Array; size: number; body: Uint8Array }[] = [];
const file = new Uint8Array(readFileSync(join(VECTORS, "compressed.arrd")));
const decompress = decompressor();
readSegments(file, (stored, size) => {
  const body = decompress(stored, size);
  bodies.push({ stored, size, body });
  return body;
});

/** A zstd frame without the size of its content: window of 128 KiB, then the blocks. */
const frameOf = (...blocks: number[][]) => Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0, 56, ...blocks.flat()]);
/** A block of one byte, repeated. */
const repeated = (length: number, isLast: boolean) => [(length << 3) & 255 | 2 | Number(isLast), (length >> 5) & 255, length >> 13, 7];

test("another size than the announced one is refused", () => {
  assert.equal(bodies.length, 3);
  for (const { stored, size } of bodies) {
    for (const wrong of [0, 1, size - 1, size + 1, size + 8, 2 ** 31]) {
      assert.throws(() => decompressor()(stored, wrong), FormatError, `${wrong} for ${size}`);
    }
  }
});

test("blocks that do not tell their size together are counted", () => {
  const frame = frameOf(repeated(100_000, false), repeated(1000, true));
  assert.deepEqual(decompressor()(frame, 101_000), new Uint8Array(101_000).fill(7));
  for (const wrong of [0, 1000, 100_999, 101_001, 2 ** 17, 2 ** 31]) assert.throws(() => decompressor()(frame, wrong), FormatError);
});

test("a block, a window and a padding are no larger than they may be", () => {
  assert.throws(() => decompressor()(frameOf(repeated(2 ** 17 + 1, true)), 2 ** 17 + 1), /block/);
  const frame = frameOf(repeated(8, true));
  const padded = (length: number) => Uint8Array.from([...frame, ...new Uint8Array(length)]);
  assert.equal(decompressor()(padded(7), 8).length, 8);
  assert.throws(() => decompressor()(padded(8), 8), FormatError);
  frame[5] = 18 << 3;
  assert.throws(() => decompressor()(frame, 8), /window/);
});

test("a file's bodies have one bound together", () => {
  const take = decompressor(2 ** 20);
  const frame = frameOf(...Array.from({ length: 6 }, (_, index) => repeated(100_000, index === 5)));
  take(frame, 600_000);
  assert.throws(() => take(frame, 600_000), TooLargeError);
  assert.throws(() => readSegments(file, decompressor(1000)), TooLargeError);
});

test("no flipped byte and no missing end gives a body of another size, or any other error", () => {
  for (const { stored, size } of bodies) {
    for (let place = 0; place < stored.length; place++) {
      const damaged = stored.slice();
      damaged[place]! ^= 0x55;
      for (const each of [damaged, stored.subarray(0, place)]) {
        try {
          assert.equal(decompressor()(each, size).length, size);
        } catch (error) {
          assert.ok(error instanceof FormatError, String(error));
        }
      }
    }
  }
});
