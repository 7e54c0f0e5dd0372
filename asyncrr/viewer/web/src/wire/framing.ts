// Framing: where frames lie in bytes, and whether they are whole.
import { FormatError, unpack, type Plain } from "./values";

export const FRAME_HEADER_BYTES = 40;
export const PREAMBLE_BYTES = 16;
const SYNC_MARK = [0xf7, 0x61, 0x72, 0x72, 0xc1, 0x00, 0xb3, 0xed];
export const MAGIC = [0x89, 0x41, 0x52, 0x52, 0x0d, 0x0a, 0x1a, 0x0a];
const MAX_HEAD_BYTES = 2 ** 20;
export const MAX_BODY_BYTES = 2 ** 31;
export const KIND = { header: 1, chunk: 2, gap: 3, trailer: 4 } as const;
export const CRITICAL = 1;
export const REPEATED = 2;
export const ZSTD = 4;

const CRC_TABLE = (() => {
  const table = new Uint32Array(256);
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    table[n] = c;
  }
  return table;
})();

export function crc32(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) c = (CRC_TABLE[(c ^ bytes[i]!) & 0xff] as number) ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}
export interface FrameHeader {
  kind: number;
  flags: number;
  headLength: number;
  sequence: number;
  bodyStart: number;
  nbytes: number;
  bodyCrc: number;
}

export function starts(bytes: Uint8Array, at: number, mark: number[]): boolean {
  if (at + mark.length > bytes.length) return false;
  return mark.every((value, index) => bytes[at + index] === value);
}

export function frameHeader(bytes: Uint8Array, at: number): FrameHeader | null {
  if (at + FRAME_HEADER_BYTES > bytes.length || !starts(bytes, at, SYNC_MARK)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, FRAME_HEADER_BYTES);
  if (crc32(bytes.subarray(at, at + 36)) !== view.getUint32(36, true)) return null;
  const headLength = view.getUint32(12, true);
  const bodyLength = Number(view.getBigUint64(24, true));
  if (headLength > MAX_HEAD_BYTES || bodyLength > MAX_BODY_BYTES || bodyLength % 8) return null;
  const bodyStart = FRAME_HEADER_BYTES + headLength + (-headLength & 7);
  return {
    kind: view.getUint8(8),
    flags: view.getUint8(9),
    headLength,
    sequence: Number(view.getBigUint64(16, true)),
    bodyStart,
    nbytes: bodyStart + bodyLength,
    bodyCrc: view.getUint32(32, true),
  };
}

export function isIntact(bytes: Uint8Array, at: number, header: FrameHeader): boolean {
  return (
    at + header.nbytes <= bytes.length &&
    crc32(bytes.subarray(at + FRAME_HEADER_BYTES, at + header.nbytes)) === header.bodyCrc
  );
}

export type Head = { [key: string]: Plain };

export function headOf(frame: Uint8Array, header: FrameHeader): Head {
  const head = unpack(frame.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + header.headLength));
  if (typeof head !== "object" || head === null || Array.isArray(head)) throw new FormatError("a head is no mapping");
  return head;
}
