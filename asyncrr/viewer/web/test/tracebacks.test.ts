// Tracebacks: what is one's own, what is a library's, and what was raised.
import assert from "node:assert/strict";
import { test } from "node:test";
import { kindsOf, raisedIn, summaryOf } from "../src/tracebacks";

const OWN = `Traceback (most recent call last):
  File "/srv/shop/app.py", line 12, in order
    total = price / count
            ~~~~~~^~~~~~~
  File "/usr/lib/python3.11/json/decoder.py", line 3, in decode
    raise scan
ZeroDivisionError: division by zero

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/venv/lib/python3.12/site-packages/starlette/app.py", line 9, in call
    await go()
shop.OutOfStock: none left`;

const GROUP = `  + Exception Group Traceback (most recent call last):
  |   File "/srv/app.py", line 3, in <module>
  |     run()
  | ExceptionGroup: two (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | ValueError: 1`;

test("frames of libraries stand back, and what was raised stands out", () => {
  const kinds = kindsOf(OWN.split("\n"));
  const of = (kind: string) => kinds.filter((each) => each[1] === kind).map(([line]) => line.trim());
  assert.deepEqual(of("frame"), ['File "/srv/shop/app.py", line 12, in order']);
  assert.deepEqual(of("raised"), ["ZeroDivisionError: division by zero", "shop.OutOfStock: none left"]);
  assert.equal(of("library").length, 4);
});

test("groups are tracebacks too", () => {
  const found = kindsOf(GROUP.split("\n")).filter(([, kind]) => kind);
  assert.deepEqual(found.map(([, kind]) => kind), ["frame", "raised"]);
});

test("a line tells what a traceback ends in", () => {
  assert.deepEqual(summaryOf(OWN), ["shop.OutOfStock: none left", 13]);
  assert.deepEqual(summaryOf("boom\nmore"), ["boom", 1]);
  assert.equal(summaryOf("x".repeat(10_000))[0].length, 1000);
  assert.equal(raisedIn(OWN), "shop.OutOfStock: none left");
  assert.equal(raisedIn("no traceback"), null);
});
