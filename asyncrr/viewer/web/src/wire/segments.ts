// Segments: everything that bytes hold, as asyncrr/wire/__init__.py tells it.
import { readChunks, type Chunk, type Decompress } from "./chunks";
import { crc32, CRITICAL, frameHeader, headOf, isIntact, KIND, MAGIC, PREAMBLE_BYTES, starts } from "./framing";
import { FormatError, integer, text, TooLargeError } from "./values";

export interface Header {
  application: string;
  recording: string;
  writer: string;
  created: bigint;
}

export interface Gap {
  writer: string;
  first: number;
  last: number;
  rows: number;
  reason: string;
}

export interface Damage {
  offset: number;
  length: number;
  reason: string;
}

export interface Contents {
  headers: Header[];
  chunks: Chunk[];
  gaps: Gap[];
  damage: Damage[];
  segments: number;
  endedSegments: number;
}

/** Everything that bytes hold, which are all there is; what cannot be read is skipped and told as damage.
 *
 * @param decompress for compressed bodies; a server sends none, so that without it they are damage
 */
export function readSegments(data: Uint8Array, decompress: Decompress | null = null): Contents {
  // Buffers must be aligned for typed arrays: start from an aligned copy where they are not.
  const bytes = data.byteOffset % 8 ? data.slice() : data;
  const found: Contents = { headers: [], chunks: [], gaps: [], damage: [], segments: 0, endedSegments: 0 };
  let writer = "";
  let place = 0;
  let lost = -1;
  let reason = "";
  const lose = (why: string) => {
    if (lost < 0) {
      lost = place;
      reason = why;
    }
    place++;
  };
  const resume = () => {
    if (lost >= 0) found.damage.push({ offset: lost, length: place - lost, reason });
    lost = -1;
  };
  while (place < bytes.length) {
    if (starts(bytes, place, MAGIC) && place + PREAMBLE_BYTES <= bytes.length) {
      const view = new DataView(bytes.buffer, bytes.byteOffset + place, PREAMBLE_BYTES);
      if (crc32(bytes.subarray(place, place + 12)) !== view.getUint32(12, true)) {
        lose("the preamble is damaged");
        continue;
      }
      if (view.getUint16(8, true) !== 1) throw new FormatError(`version ${view.getUint16(8, true)} of the format`);
      resume();
      found.segments++;
      writer = "";
      place += PREAMBLE_BYTES;
      continue;
    }
    const header = frameHeader(bytes, place);
    if (!header) {
      lose("no frame starts here");
      continue;
    }
    if (!isIntact(bytes, place, header)) {
      lose(place + header.nbytes > bytes.length ? "the end of a frame is missing" : "a frame's checksum does not hold");
      continue;
    }
    resume();
    const frame = bytes.subarray(place, place + header.nbytes);
    place += header.nbytes;
    try {
      if (header.kind === KIND.header) {
        const told = headOf(frame, header);
        writer = text(told["w"]);
        found.headers.push({
          application: text(told["a"]),
          recording: text(told["r"]),
          writer,
          created: BigInt(integer(told["t"])),
        });
      } else if (header.kind === KIND.chunk) {
        found.chunks.push(...readChunks(frame, header, writer, decompress));
      } else if (header.kind === KIND.gap) {
        const told = headOf(frame, header);
        const [first, last, rows] = [told["f"], told["l"], told["n"]].map((each) => Number(integer(each)));
        found.gaps.push({ writer, first: first!, last: last!, rows: rows!, reason: text(told["y"]) });
      } else if (header.kind === KIND.trailer) {
        found.endedSegments++;
      } else if (header.flags & CRITICAL) {
        throw new FormatError(`a frame of kind ${header.kind}, which must be understood and is not`);
      }
    } catch (error) {
      if (error instanceof TooLargeError || (error instanceof FormatError && header.kind > KIND.trailer)) throw error;
      found.damage.push({ offset: place - header.nbytes, length: header.nbytes, reason: String(error) });
    }
  }
  if (lost >= 0) {
    // Zero bytes that align what follows are no damage; nor is there anything behind the last.
    if (bytes.subarray(lost).some((value) => value)) resume();
  }
  return found;
}
