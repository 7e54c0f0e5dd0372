// Codecs: which samples of a stream can be begun with, and what the browser is asked for.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startOf } from "../src/codecs";

declare const VECTORS: string;

const streams = JSON.parse(readFileSync(join(VECTORS, "streams.json"), "utf8")) as Record<string, string[]>;
const NAMES: Record<string, [string, RegExp]> = {
  H264: ["H.264", /^avc1\.42c00a$/],
  H265: ["H.265", /^hev1\.1\.6\.L30\.90$/],
  VP8: ["VP8", /^vp8$/],
  VP9: ["VP9", /^vp09\.00\.10\.08$/],
  AV1: ["AV1", /^av01\.0\.00M\.08$/],
};

for (const [key, samples] of Object.entries(streams)) {
  test(`${key} can be begun with every sixth sample`, () => {
    const [codec, name] = NAMES[key]!;
    const found = samples.map((each) => startOf(codec, new Uint8Array(Buffer.from(each, "base64"))));
    found.forEach((each, index) => (index % 6 ? assert.equal(each, null) : assert.match(each ?? "", name)));
  });

  test(`no flipped byte and no missing end of ${key} is more than no key frame`, () => {
    const [codec] = NAMES[key]!;
    const sample = new Uint8Array(Buffer.from(samples[0]!, "base64"));
    for (let place = 0; place <= sample.length; place++) {
      const damaged = sample.slice();
      if (place < sample.length) damaged[place]! ^= 0xff;
      for (const each of [damaged, sample.subarray(0, place)]) assert.match(startOf(codec, each) ?? "", /^[\w.]*$/);
    }
  });
}

test("a key frame without its parameters is none, nor is one of another codec", () => {
  const sample = new Uint8Array(Buffer.from(streams["H264"]![0]!, "base64"));
  const text = Buffer.from(sample).toString("latin1");
  const idr = text.indexOf("\0\0\x01\x65");
  assert.ok(idr > 0);
  assert.equal(startOf("H.264", sample.subarray(idr)), null);
  for (const codec of ["H.265", "VP8", "VP9", "unknown"]) assert.equal(startOf(codec, sample), null, codec);
});
