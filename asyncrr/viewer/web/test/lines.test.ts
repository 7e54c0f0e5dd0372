// Lines of a plot: they break where their entity was cleared, and where they are no numbers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { alone, broken, drawable, valueAt } from "../src/lines";

const line = (x: number[], y: number[]) => ({ x: Float64Array.from(x), y: Float64Array.from(y) });

test("a line breaks between numbers, once behind its last, never before its first", () => {
  const found = broken(line([1, 2, 5], [10, 20, 50]), [0, 3, 4, 9, 11]);
  assert.deepEqual(found, { x: [1, 2, 3, 4, 5, 9], y: [10, 20, null, null, 50, null] });
  assert.equal(valueAt(found, 2.5), 20);
  assert.equal(valueAt(found, 3.5), null);
  assert.equal(valueAt(found, 6), 50);
  assert.equal(valueAt(found, 9), null);
});

test("a number at the time of a clear stays", () => {
  assert.deepEqual(broken(line([1, 2], [10, 20]), [2]), { x: [1, 2], y: [10, 20] });
});

test("what is no number is a gap", () => {
  assert.deepEqual(broken(line([1, 2, 3], [1, NaN, 3]), []), { x: [1, 2, 3], y: [1, null, 3] });
  assert.deepEqual(broken(line([], []), [1]), { x: [], y: [] });
});

test("a value between breaks is drawn by itself; infinities are not drawn", () => {
  assert.deepEqual(alone([1, null, 2, undefined, null, 3, 4, null, undefined, 5]), [0, 2, 9]);
  assert.deepEqual(alone([]), []);
  assert.deepEqual([1, null, Infinity, -Infinity].map(drawable), [1, null, null, null]);
});
