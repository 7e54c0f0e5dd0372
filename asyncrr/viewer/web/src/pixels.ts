// Pixels: pictures as the browser draws them, out of what was logged.
import type { Classes } from "./classes";
import { numbersOf, firstArray, PALETTE, structsOf } from "./archetypes";
import type { EntityState } from "./state";
import { typed, type Numbers, type Plain } from "./wire";

export interface Picture {
  width: number;
  height: number;
  source: CanvasImageSource;
  valueAt: (x: number, y: number) => string;
}

const DTYPES: Record<number, string> = {
  6: "uint8", 7: "int8", 8: "uint16", 9: "int16", 10: "uint32", 11: "int32", 12: "uint64", 13: "int64",
  33: "float16", 34: "float32", 35: "float64",
};
const CHANNELS: Record<number, number> = { 1: 1, 2: 3, 3: 4, 4: 3, 5: 4 };
const MAX_PIXELS = 2 ** 26;
const RASTER = new Set(["image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp", "image/avif"]);

interface Format {
  width: number;
  height: number;
  pixelFormat: number | null;
  model: number;
  dtype: string;
}

function formatOf(state: EntityState, archetype: string): Format | null {
  const told = structsOf(state, `${archetype}:format`)[0] as { [key: string]: Plain } | undefined;
  if (!told) return null;
  const [width, height] = [Number(told["width"]), Number(told["height"])];
  if (!(width > 0 && height > 0 && width * height <= MAX_PIXELS)) return null;
  const pixelFormat = told["pixel_format"] == null ? null : Number(told["pixel_format"]);
  return {
    width,
    height,
    pixelFormat,
    model: Number(told["color_model"] ?? 1),
    dtype: DTYPES[Number(told["channel_datatype"] ?? 6)] ?? "uint8",
  };
}

/** The picture that an entity holds, if any. */
export async function pictureOf(state: EntityState, classes: Classes): Promise<Picture | null> {
  for (const archetype of ["Image", "DepthImage", "SegmentationImage"]) {
    const format = formatOf(state, archetype);
    const bytes = firstArray(state, `${archetype}:buffer`) as Uint8Array | null;
    if (!format || !bytes) continue;
    const image = new ImageData(format.width, format.height);
    if (format.pixelFormat !== null) {
      if (!fillSubsampled(image, bytes, format.pixelFormat)) return null;
      return finished(image, (x, y) => rgbAt(image, x, y));
    }
    const channels = archetype === "Image" ? (CHANNELS[format.model] ?? 1) : 1;
    const size = { bool: 1, uint8: 1, int8: 1, uint16: 2, int16: 2, float16: 2, uint32: 4, int32: 4, float32: 4 }[format.dtype] ?? 8;
    const count = format.width * format.height * channels;
    if (bytes.length < count * size) return null;
    const values = typed(bytes, 0, count, format.dtype);
    if (archetype === "Image") fillColors(image, values, format, channels);
    else if (archetype === "DepthImage") fillDepths(image, values, state);
    else fillClasses(image, values, classes);
    const meter = archetype === "DepthImage" ? (numbersOf(state, "DepthImage:meter")?.[0] ?? null) : null;
    return finished(image, (x, y) => {
      const at = (y * format.width + x) * channels;
      const found = Array.from({ length: channels }, (_, k) => String(Number(Number(values[at + k]).toPrecision(6))));
      const depth = meter === null ? "" : ` = ${(Number(found[0]) / Number(meter)).toFixed(3)} m`;
      const label = classes.get(Number(found[0]))?.label;
      return (archetype === "SegmentationImage" ? `class ${found[0]}${label ? ` ${label}` : ""}` : found.join(", ")) + depth;
    });
  }
  const blob = firstArray(state, "EncodedImage:blob") as Uint8Array | null;
  if (!blob) return null;
  const told = state.get("EncodedImage:media_type")?.batch;
  const type = told?.kind === "strings" ? told.items[0] : undefined;
  if (type !== undefined && !RASTER.has(type)) return null; // SVG is a document, not pixels
  if (type === undefined && blob[0] === 0x3c) return null;
  const bitmap = await createImageBitmap(new Blob([blob as Uint8Array<ArrayBuffer>], { type: type ?? "image/png" }));
  if (bitmap.width * bitmap.height > MAX_PIXELS) return null;
  let pixels: CanvasRenderingContext2D | null = null;
  return {
    width: bitmap.width,
    height: bitmap.height,
    source: bitmap,
    valueAt: (x, y) => {
      if (!pixels) {
        const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
        pixels = canvas.getContext("2d", { willReadFrequently: true });
        pixels?.drawImage(bitmap, 0, 0);
      }
      const data = pixels?.getImageData(x, y, 1, 1).data;
      return data ? `${data[0]}, ${data[1]}, ${data[2]}` : "";
    },
  };
}

async function finished(image: ImageData, valueAt: Picture["valueAt"]): Promise<Picture> {
  return { width: image.width, height: image.height, source: await createImageBitmap(image), valueAt };
}

function rgbAt(image: ImageData, x: number, y: number): string {
  const at = (y * image.width + x) * 4;
  return `${image.data[at]}, ${image.data[at + 1]}, ${image.data[at + 2]}`;
}

/** To 0..255: integers by their type, floats from 0..1, or from what there is. */
function scaling(values: Numbers, dtype: string): (value: number) => number {
  if (dtype === "uint8") return (value) => value;
  if (dtype === "uint16") return (value) => value / 257;
  const [low, high] = bounds(values);
  if (dtype.startsWith("float") && low >= 0 && high <= 1) return (value) => value * 255;
  if (dtype.startsWith("float") && low >= 0 && high <= 255) return (value) => value;
  const width = high - low || 1;
  return (value) => ((value - low) / width) * 255;
}

export function bounds(values: Numbers): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i]);
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low > high ? [0, 1] : [low, high];
}

function fillColors(image: ImageData, values: Numbers, format: Format, channels: number): void {
  const { data } = image;
  const scale = scaling(values, format.dtype);
  const swapped = format.model === 4 || format.model === 5;
  for (let i = 0, from = 0, to = 0; i < format.width * format.height; i++, from += channels, to += 4) {
    if (channels === 1) {
      data[to] = data[to + 1] = data[to + 2] = scale(Number(values[from]));
      data[to + 3] = 255;
      continue;
    }
    data[to] = scale(Number(values[from + (swapped ? 2 : 0)]));
    data[to + 1] = scale(Number(values[from + 1]));
    data[to + 2] = scale(Number(values[from + (swapped ? 0 : 2)]));
    data[to + 3] = channels === 4 ? scale(Number(values[from + 3])) : 255;
  }
}

const MAPS: Record<number, [number, number, number][]> = {
  1: [[0, 0, 0], [255, 255, 255]],
  2: [[0, 0, 4], [66, 10, 104], [147, 38, 103], [221, 81, 58], [252, 165, 10], [252, 255, 164]],
  3: [[0, 0, 4], [59, 15, 112], [140, 41, 129], [222, 73, 104], [254, 159, 109], [252, 253, 191]],
  4: [[13, 8, 135], [106, 0, 168], [177, 42, 144], [225, 100, 98], [252, 166, 54], [240, 249, 33]],
  5: [[48, 18, 59], [70, 107, 227], [40, 187, 236], [49, 242, 153], [162, 252, 60], [237, 208, 58], [251, 128, 34], [210, 49, 5], [122, 4, 3]],
  6: [[68, 1, 84], [65, 68, 135], [42, 120, 142], [34, 168, 132], [122, 209, 81], [253, 231, 37]],
  7: [[0, 255, 255], [255, 255, 0]],
};

/** The colour at a place in 0..1. */
export function mapped(map: number, share: number): [number, number, number] {
  const stops = MAPS[map] ?? MAPS[5]!;
  const place = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const at = Math.min(Math.floor(place), stops.length - 2);
  const [a, b] = [stops[at]!, stops[at + 1]!];
  return [0, 1, 2].map((k) => a[k]! + (b[k]! - a[k]!) * (place - at)) as [number, number, number];
}

function fillDepths(image: ImageData, values: Numbers, state: EntityState): void {
  const map = Number(numbersOf(state, "DepthImage:colormap")?.[0] ?? 5);
  const given = numbersOf(state, "DepthImage:depth_range");
  const [low, high] = given ? [Number(given[0]), Number(given[1])] : [0, bounds(values)[1]];
  const table = Array.from({ length: 256 }, (_, index) => mapped(map, index / 255));
  for (let i = 0; i < values.length; i++) {
    const color = table[Math.round(Math.min(Math.max((Number(values[i]) - low) / (high - low || 1), 0), 1) * 255)] ?? [0, 0, 0];
    image.data.set(color, 4 * i);
    image.data[4 * i + 3] = 255;
  }
}

function fillClasses(image: ImageData, values: Numbers, classes: Classes): void {
  for (let i = 0; i < values.length; i++) {
    const id = Number(values[i]);
    image.data.set(classes.get(id)?.color ?? (id === 0 ? [0, 0, 0] : PALETTE[(id - 1) % PALETTE.length]!), 4 * i);
    image.data[4 * i + 3] = 255;
  }
}

/** NV12 and YUY2 and the planar YUV formats; false where the format is not drawn. */
function fillSubsampled(image: ImageData, bytes: Uint8Array, format: number): boolean {
  const { width, height, data } = image;
  const half = Math.ceil(width / 2);
  const luma = width * height;
  const planes: Record<number, (x: number, y: number) => [number, number, number]> = {
    26: (x, y) => pair(bytes, y * width + x, luma + (y >> 1) * 2 * half + (x >> 1) * 2, 1),
    27: (x, y) => pair(bytes, (y * width + x) * 2, (y * width + (x & ~1)) * 2 + 1, 2),
    20: (x, y) => pair(bytes, y * width + x, luma + (y >> 1) * half + (x >> 1), half * Math.ceil(height / 2)),
    39: (x, y) => pair(bytes, y * width + x, luma + y * width + x, luma),
    49: (x, y) => pair(bytes, y * width + x, luma + y * half + (x >> 1), half * height),
    30: (x, y) => [bytes[y * width + x] ?? 0, 128, 128],
    41: (x, y) => [bytes[y * width + x] ?? 0, 128, 128],
  };
  planes[44] = planes[20]!;
  planes[40] = planes[39]!;
  planes[50] = planes[49]!;
  const pick = planes[format];
  if (!pick) return false;
  const isFull = [30, 40, 44, 50].includes(format);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 4) {
      const [luminance, u, v] = pick(x, y);
      const l = isFull ? luminance : ((luminance - 16) * 255) / 219;
      const [b, r] = [u - 128, v - 128].map((each) => (isFull ? each : (each * 255) / 224)) as [number, number];
      data[to] = l + 1.402 * r;
      data[to + 1] = l - 0.344 * b - 0.714 * r;
      data[to + 2] = l + 1.772 * b;
      data[to + 3] = 255;
    }
  }
  return true;
}

function pair(bytes: Uint8Array, luma: number, chroma: number, distance: number): [number, number, number] {
  return [bytes[luma] ?? 0, bytes[chroma] ?? 128, bytes[chroma + distance] ?? 128];
}
