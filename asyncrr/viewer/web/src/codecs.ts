// Codecs of streams: whether decoding can begin with a sample, and what the browser has to be asked for.

/** By the codec's number, as it is logged: four letters. */
export const CODECS: Record<number, string> = {
  1635135537: "AV1", 1635148593: "H.264", 1751479857: "H.265", 1987063864: "VP8", 1987063865: "VP9",
};

type Reader = (sample: Uint8Array) => string | null;

const READERS: Record<string, Reader> = { "H.264": h264, "H.265": h265, AV1: av1, VP8: vp8, VP9: vp9 };

/** WebCodecs' name of what begins with a sample; `null` where it is no key frame with all that decoding needs. */
export function startOf(codec: string, sample: Uint8Array): string | null {
  return READERS[codec]?.(sample) ?? null;
}

/** The units of an annex B stream, each without its start code. */
function* units(bytes: Uint8Array): Generator<Uint8Array> {
  let begin = -1;
  for (let i = 0; i + 2 < bytes.length; i++) {
    if (bytes[i + 2]! > 1) i += 2;
    else if (bytes[i] === 0 && bytes[i + 1] === 0 && bytes[i + 2] === 1) {
      if (begin >= 0) yield bytes.subarray(begin, i);
      begin = i + 3;
      i += 2;
    }
  }
  if (begin >= 0) yield bytes.subarray(begin);
}

const hex = (value: number) => value.toString(16).padStart(2, "0");

function h264(sample: Uint8Array): string | null {
  let name: string | null = null;
  for (const unit of units(sample)) {
    const kind = unit[0]! & 31;
    if (kind === 7 && unit.length > 3) name = `avc1.${hex(unit[1]!)}${hex(unit[2]!)}${hex(unit[3]!)}`;
    if (kind === 5) return name; // an instantaneous refresh
    if (kind >= 1 && kind <= 4) return null;
  }
  return null;
}

function h265(sample: Uint8Array): string | null {
  let name: string | null = null;
  for (const unit of units(sample)) {
    const kind = (unit[0]! >> 1) & 63;
    if (kind === 33) name = h265Name(unescaped(unit.subarray(0, 32)));
    if (kind >= 16 && kind <= 21) return name; // random access
    if (kind < 16) return null;
  }
  return null;
}

/** From the sequence parameters: profile, compatibility with its bits turned around, tier with level, constraints. */
function h265Name(unit: Uint8Array): string | null {
  if (unit.length < 15) return null;
  const general = unit[3]!;
  const space = ["", "A", "B", "C"][general >> 6]!;
  let compatible = 0;
  for (let i = 0; i < 32; i++) compatible += ((unit[4 + (i >> 3)]! >> (7 - (i & 7))) & 1) * 2 ** i;
  const constraints = [...unit.subarray(8, 14)];
  while (constraints.at(-1) === 0) constraints.pop();
  const parts = [`${space}${general & 31}`, compatible.toString(16), `${general & 32 ? "H" : "L"}${unit[14]}`];
  return ["hev1", ...parts, ...constraints.map((each) => each.toString(16))].join(".");
}

/** Without the bytes that keep start codes from coming up within a unit. */
function unescaped(unit: Uint8Array): Uint8Array {
  return unit.filter((value, index) => !(value === 3 && index > 1 && !unit[index - 1] && !unit[index - 2]));
}

function vp8(sample: Uint8Array): string | null {
  const isKey = sample.length > 9 && !(sample[0]! & 1) && sample[3] === 0x9d && sample[4] === 1 && sample[5] === 0x2a;
  return isKey ? "vp8" : null;
}

function vp9(sample: Uint8Array): string | null {
  const bits = new Bits(sample);
  if (bits.take(2) !== 2) return null;
  const profile = bits.take(1) + 2 * bits.take(1);
  if (profile === 3) bits.take(1);
  const [isRepeated, isDelta] = [bits.take(1), bits.take(1)];
  return isRepeated || isDelta ? null : `vp09.0${profile}.10.${profile < 2 ? "08" : "10"}`;
}

/** A temporal unit is a key frame's where it repeats the sequence's header. */
function av1(sample: Uint8Array): string | null {
  for (let at = 0; at < sample.length; ) {
    const header = sample[at++]!;
    if (header & 4) at++; // an extension
    let length = sample.length - at;
    if (header & 2) {
      length = 0;
      for (let shift = 0; shift < 56; shift += 7) {
        const value = sample[at++] ?? 0;
        length += (value & 127) * 2 ** shift;
        if (!(value & 128)) break;
      }
    }
    if (((header >> 3) & 15) === 1) return av1Name(sample.subarray(at, at + length));
    at += length;
  }
  return null;
}

function av1Name(header: Uint8Array): string {
  const bits = new Bits(header);
  const profile = bits.take(3);
  const [, isReduced] = [bits.take(1), bits.take(1)];
  let [level, tier] = [8, 0]; // 4.0, where timing comes first and takes longer to read than it matters
  if (isReduced) level = bits.take(5);
  else if (!bits.take(1)) {
    bits.take(1 + 5 + 12);
    level = bits.take(5);
    if (level > 7) tier = bits.take(1);
  }
  return `av01.${profile}.${String(level).padStart(2, "0")}${tier ? "H" : "M"}.08`;
}

class Bits {
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  take(count: number): number {
    let value = 0;
    for (; count > 0; count--, this.at++) value = 2 * value + (((this.bytes[this.at >> 3] ?? 0) >> (7 - (this.at & 7))) & 1);
    return value;
  }
}
