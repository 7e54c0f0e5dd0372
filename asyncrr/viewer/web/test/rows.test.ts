// Rows: which are drawn of a long list, and where it scrolls to.
import assert from "node:assert/strict";
import { test } from "node:test";
import { inSight, scrolledTo } from "../src/rows";

test("what is in sight is drawn, and a little more", () => {
  assert.deepEqual(inSight(0, 220, 100_000, 22), [0, 22]);
  assert.deepEqual(inSight(22_000, 220, 100_000, 22), [988, 1022]);
  assert.deepEqual(inSight(5, 220, 3, 22), [0, 3]);
  assert.deepEqual(inSight(0, 0, 0, 22), [0, 0]);
});

test("a list that became short is drawn from its end", () => {
  assert.deepEqual(inSight(1e6, 220, 50, 22), [28, 50]);
});

test("it scrolls no further than it must, unless a row is to be the last", () => {
  assert.equal(scrolledTo(5, false, 100, 220, 22), 100);
  assert.equal(scrolledTo(2, false, 100, 220, 22), 44);
  assert.equal(scrolledTo(30, false, 100, 220, 22), 462);
  assert.equal(scrolledTo(12, true, 100, 220, 22), 66);
  assert.equal(scrolledTo(1, true, 100, 220, 22), 0);
});
