// Compressed bodies: one zstd frame each, decompressed within what is announced.
import { Decompress } from "fzstd";
import { FormatError, TooLargeError } from "./wire";

const MAGIC = 0xfd2fb528;
const MAX_BLOCK_BYTES = 2 ** 17;
/** Of the window that matches may reach back into, as zstd's own readers have it. */
const MAX_WINDOW_BYTES = 2 ** 27;
/** Of all bodies of one file together. */
const MAX_DECOMPRESSED_BYTES = 2 ** 30;

/** Decompresses the bodies of one file, each of exactly the size that it announces. */
export function decompressor(most = MAX_DECOMPRESSED_BYTES): (stored: Uint8Array, size: number) => Uint8Array {
  let room = most;
  return (stored, size) => {
    const frame = frameIn(stored, size);
    room -= size;
    if (room < 0) throw new TooLargeError(`it has more than ${most / 2 ** 20} MiB once decompressed: asyncrr view shows it`);
    const body = new Uint8Array(size);
    let place = 0;
    const take = (piece: Uint8Array) => {
      if (place + piece.length > size) throw wrongSize(size);
      body.set(piece, place);
      place += piece.length;
    };
    try {
      new Decompress(take).push(frame, true);
    } catch (error) {
      throw error instanceof FormatError ? error : new FormatError(`the body is no zstd frame: ${String(error)}`);
    }
    if (place !== size) throw wrongSize(size);
    return body;
  };
}

function wrongSize(size: number): FormatError {
  return new FormatError(`the compressed body is not of the ${size} bytes it announces`);
}

/** The zstd frame alone, up to 7 bytes of padding follow; refused before anything is allocated for what it cannot be. */
function frameIn(stored: Uint8Array, size: number): Uint8Array {
  const view = new DataView(stored.buffer, stored.byteOffset, stored.length);
  try {
    const { at: first, window, hasChecksum, content } = frameHeader(view);
    if (content !== null && content !== size) throw wrongSize(size);
    if ((window ?? size) > MAX_WINDOW_BYTES) throw new FormatError(`a zstd window of ${window ?? size} bytes`);
    let at = first;
    for (let blocks = 1, isLast = false; !isLast; blocks++) {
      const header = view.getUint8(at) | (view.getUint16(at + 1, true) << 8);
      const [kind, length] = [(header >> 1) & 3, header >> 3];
      if (length > MAX_BLOCK_BYTES) throw new FormatError(`a zstd block of ${length} bytes`);
      isLast = (header & 1) === 1;
      at += 3 + (kind === 1 ? 1 : length); // kind 1 is one byte, repeated
      if (isLast && size > blocks * MAX_BLOCK_BYTES) throw wrongSize(size);
    }
    at += hasChecksum ? 4 : 0;
    if (at > stored.length || stored.length - at > 7) throw wrongSize(size);
    return stored.subarray(0, at);
  } catch (error) {
    throw error instanceof RangeError ? new FormatError("the body ends within its zstd frame") : error;
  }
}

interface ZstdHeader {
  at: number;
  window: number | null;
  hasChecksum: boolean;
  content: number | null;
}

/** The header of a zstd frame: where its blocks begin, and what they may take; no window where it is the content. */
function frameHeader(view: DataView): ZstdHeader {
  if (view.getUint32(0, true) !== MAGIC) throw new FormatError("the body is no zstd frame");
  const flags = view.getUint8(4);
  const isSingle = (flags & 32) !== 0;
  if (flags & 11) throw new FormatError("a zstd frame with a dictionary, or of a later kind");
  let at = 5;
  let window: number | null = null;
  if (!isSingle) {
    const told = view.getUint8(at++);
    const base = 2 ** (10 + (told >> 3));
    window = base + (base / 8) * (told & 7);
  }
  const width = flags >> 6 ? 1 << (flags >> 6) : isSingle ? 1 : 0;
  let content: number | null = null;
  if (width === 1) content = view.getUint8(at);
  else if (width === 2) content = view.getUint16(at, true) + 256;
  else if (width === 4) content = view.getUint32(at, true);
  else if (width === 8) content = Number(view.getBigUint64(at, true));
  return { at: at + width, window, hasChecksum: (flags & 4) !== 0, content };
}
