// Axes: marks that differ have texts that differ, and texts have room.
import assert from "node:assert/strict";
import { test } from "node:test";
import { numberTicks, originOf, stepsOf, tickSpace, ticksWidth, timeTick } from "../src/axis";
import { counted, digitsFor, formatTime, formatWhole, unit } from "../src/times";

const NOW = 1_764_000_000_123_456_789n;

/** The marks that a plot of so many pixels has: its own rule for steps. */
function marks(kind: string, low: bigint, high: bigint, width: number) {
  const origin = originOf(kind, low);
  const [from, to] = [low, high].map((each) => Number(each - origin) / unit(kind)) as [number, number];
  const space = tickSpace(kind, origin, from, to, width);
  const step = stepsOf(kind).find((each) => (each / (to - from)) * width >= space)!;
  const texts: string[] = [];
  for (let x = Math.ceil(from / step) * step; x <= to + step * 1e-6; x += step) {
    texts.push(timeTick(kind, origin + BigInt(Math.round(x * unit(kind))), step));
  }
  return { texts, pixels: (step / (to - from)) * width };
}

for (const kind of ["timestamp", "duration", "sequence"]) {
  for (const span of [30n, 700n, 34_300n, 900_000n, 50_000_000n, 3_000_000_000n, 7_200_000_000_000n, 86_400_000_000_000n]) {
    for (const width of [260, 360, 1000]) {
      test(`a ${kind} over ${span} on ${width} pixels has marks that neither repeat nor meet`, () => {
        const { texts, pixels } = marks(kind, NOW, NOW + span, width);
        assert.equal(new Set(texts).size, texts.length, texts.join(" | "));
        for (const text of texts) assert.ok(text.length * 6 < pixels, `${text} on ${pixels} pixels`);
      });
    }
  }
}

test("of several days the marks tell the day", () => {
  const { texts } = marks("timestamp", NOW, NOW + 9n * 86_400_000_000_000n, 800);
  assert.ok(texts.length > 2);
  assert.ok(texts.every((each) => /^[A-Z][a-z]{2} \d+$/.test(each)), texts.join(" | "));
});

test("a short sequence has whole marks", () => {
  assert.deepEqual(marks("sequence", 0n, 3n, 1000).texts, ["0", "1", "2", "3"]);
});

test("numbers have as many digits as tell them apart", () => {
  assert.deepEqual(numberTicks([0, 0.25, 0.5]), ["0", "0.25", "0.50"]);
  assert.deepEqual(numberTicks([10000, 12500, 15000]), ["10.0k", "12.5k", "15.0k"]);
  assert.deepEqual(numberTicks([1000000, 1000000.2, 1000000.4]), ["1,000,000", "1,000,000.2", "1,000,000.4"]);
  assert.equal(new Set(numberTicks([1e-7, 2e-7, 3e-7])).size, 3);
  assert.ok(ticksWidth(["1,000,000.2"]) > ticksWidth(["0.5"]));
  assert.deepEqual(numberTicks([5]), ["5"]);
  assert.ok(ticksWidth(null) > 0);
});

test("times have the digits that are asked for", () => {
  assert.equal(formatTime("duration", 1_234_567_891n, 9), "1.234567891 s");
  assert.equal(formatTime("duration", -1_500_000_000n, 1), "−1.5 s");
  assert.equal(formatWhole("duration", 2_500_000_000n), "2.5 s");
  assert.equal(formatWhole("duration", 0n), "0 s");
  assert.equal(formatWhole("sequence", 12345n), "#12,345");
  assert.match(formatWhole("timestamp", NOW), /^2025-11-2\d \d\d:\d\d:00\.123456789 [+−]\d\d:\d\d$/);
  assert.match(formatTime("timestamp", NOW, 6), /\.123456$/);
  assert.deepEqual([1, 1000, 1e6, 1e9, 1e12].map(digitsFor), [9, 6, 3, 0, 0]);
});

test("one is no many", () => {
  assert.deepEqual([counted(1, "row"), counted(0, "row"), counted(2000, "row")], ["1 row", "0 rows", "2,000 rows"]);
});
