// The wire format, read in the browser.
export { Column, type Chunk, type Decompress } from "./chunks";
export { crc32 } from "./framing";
export { readSegments, type Contents, type Damage, type Gap, type Header } from "./segments";
export { FormatError, readPacked, TooLargeError, typed, type Batch, type Numbers, type Plain, type Tensor } from "./values";
