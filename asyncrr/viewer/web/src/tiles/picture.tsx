// A picture with what is drawn over it, and the value under the pointer.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { arraysOf, css, numbersOf, stringsOf } from "../archetypes";
import { classesOf, classLabel, contextOf, instanceColor, type Classes } from "../classes";
import { pictureOf, type Picture } from "../pixels";
import { at, held, span, type EntityState } from "../state";
import { formatTime } from "../times";
import type { TileProps } from "./index";

export function PictureTile({ tile }: TileProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const picture = useRef<Picture | null>(null);
  const shape = useSignal<[number, number]>([0, 0]);
  const told = useSignal("");
  const problem = useSignal("");
  const path = tile.entities[0]!;
  const states = held.value;
  const state = states.get(path);
  const version = useRef<unknown>(null);
  const seen = useRef<unknown>(null);
  const context = contextOf(states, path);
  const classes = classesOf(context);

  useEffect(() => {
    if (version.current === state && seen.current === context) {
      draw();
      return;
    }
    version.current = state;
    seen.current = context;
    let isStale = false;
    pictureOf(state ?? new Map(), classes).then(
      (found) => {
        if (isStale) return;
        picture.current = found;
        problem.value = found || hasFlat(tile.entities, states) ? "" : !state ? "Loading…" : state.size ? "This picture cannot be shown." : "No picture at this time.";
        draw();
      },
      () => {
        picture.current = null;
        problem.value = "This picture cannot be decoded.";
      },
    );
    return () => {
      isStale = true;
    };
  }, [context, ...tile.entities.map((each) => states.get(each))]);

  const draw = () => {
    const element = canvas.current;
    const canvasContext = element?.getContext("2d");
    if (!element || !canvasContext) return;
    const found = picture.current;
    const [width, height] = found ? [found.width, found.height] : extent(tile.entities, states);
    if (!width || !height) return;
    // drawn large where it is small, so that boxes and labels over it are fine
    const scale = Math.max(1, Math.min(4, Math.floor(1200 / Math.max(width, height))));
    element.width = width * scale;
    element.height = height * scale;
    shape.value = [width, height];
    canvasContext.imageSmoothingEnabled = false;
    if (found) canvasContext.drawImage(found.source, 0, 0, element.width, element.height);
    canvasContext.scale(scale, scale);
    const line = Math.max(1, Math.max(width, height) / 400);
    for (const each of tile.entities) drawFlat(canvasContext, states.get(each), classes, line, scale);
  };

  const point = (event: PointerEvent) => {
    const element = canvas.current!;
    const box = element.getBoundingClientRect();
    const [width, height] = shape.value;
    const [x, y] = [Math.floor(((event.clientX - box.left) / box.width) * width), Math.floor(((event.clientY - box.top) / box.height) * height)];
    const isInside = x >= 0 && y >= 0 && x < width && y < height;
    told.value = isInside ? `(${x}, ${y})  ${picture.current?.valueAt(x, y) ?? ""}` : "";
  };
  const cell = state?.get("Image:buffer") ?? state?.get("EncodedImage:blob") ?? state?.get("DepthImage:buffer") ?? state?.get("SegmentationImage:buffer");
  const time = span.value && at.value !== null ? [...(cell?.times ?? [])].find(([name]) => name === "log_time") : undefined;
  return (
    <>
      <div class="raster fill">
        {problem.value && <p class="muted pad">{problem.value}</p>}
        <canvas ref={canvas} hidden={problem.value !== ""} onPointerMove={point} onPointerLeave={() => (told.value = "")} />
      </div>
      <div class="legend">
        <span class="muted">
          {told.value || (shape.value[0] > 0 && `${shape.value.join(" × ")}${time ? ` · ${formatTime(time[1].kind, time[1].value)}` : ""}`)}
        </span>
      </div>
    </>
  );
}

function hasFlat(paths: string[], states: Map<string, EntityState>): boolean {
  return extent(paths, states)[0] > 0;
}

/** How far what is drawn reaches, where there is no picture. */
function extent(paths: string[], states: Map<string, EntityState>): [number, number] {
  let [width, height] = [0, 0];
  const reach = (x: number, y: number) => {
    width = Math.max(width, x);
    height = Math.max(height, y);
  };
  for (const path of paths) {
    const state = states.get(path);
    const points = numbersOf(state, "Points2D:positions") ?? [];
    for (let i = 0; i < points.length; i += 2) reach(Number(points[i]), Number(points[i + 1]));
    const halves = numbersOf(state, "Boxes2D:half_sizes") ?? [];
    const centers = numbersOf(state, "Boxes2D:centers");
    for (let i = 0; i < halves.length; i += 2) reach(Number(centers?.[i] ?? 0) + Number(halves[i]), Number(centers?.[i + 1] ?? 0) + Number(halves[i + 1]));
    for (const strip of arraysOf(state, "LineStrips2D:strips")) for (let i = 0; i < strip.length; i += 2) reach(Number(strip[i]), Number(strip[i + 1]));
  }
  return [Math.min(Math.ceil(width * 1.05), 8192), Math.min(Math.ceil(height * 1.05), 8192)];
}

function drawFlat(context: CanvasRenderingContext2D, state: EntityState | undefined, classes: Classes, line: number, scale: number): void {
  if (!state) return;
  context.lineWidth = line;
  const fontSize = Math.max(11 / scale, line * 9);
  context.font = `${fontSize}px system-ui`;
  const color = (archetype: string, index: number) => css(instanceColor(state, archetype, index, classes, index));
  const label = (archetype: string, index: number, x: number, y: number) => {
    const text = stringsOf(state, `${archetype}:labels`)[index] ?? classLabel(state, archetype, index, classes);
    if (!text) return;
    const width = context.measureText(text).width + fontSize * 0.6;
    context.fillStyle = color(archetype, index);
    context.fillRect(x, y - fontSize * 1.3, width, fontSize * 1.3);
    context.fillStyle = "#000";
    context.fillText(text, x + fontSize * 0.3, y - fontSize * 0.35);
  };

  const halves = numbersOf(state, "Boxes2D:half_sizes") ?? [];
  const centers = numbersOf(state, "Boxes2D:centers");
  for (let i = 0; i < halves.length / 2; i++) {
    const [w, h] = [Number(halves[2 * i]), Number(halves[2 * i + 1])];
    const [x, y] = [Number(centers?.[2 * i] ?? 0) - w, Number(centers?.[2 * i + 1] ?? 0) - h];
    context.strokeStyle = color("Boxes2D", i);
    context.strokeRect(x, y, 2 * w, 2 * h);
    label("Boxes2D", i, x, y);
  }
  arraysOf(state, "LineStrips2D:strips").forEach((strip, index) => {
    context.strokeStyle = color("LineStrips2D", index);
    context.beginPath();
    for (let i = 0; i < strip.length; i += 2) context.lineTo(Number(strip[i]), Number(strip[i + 1]));
    context.stroke();
  });
  const points = numbersOf(state, "Points2D:positions") ?? [];
  const radii = numbersOf(state, "Points2D:radii");
  for (let i = 0; i < points.length / 2; i++) {
    const radius = Math.abs(Number(radii?.[Math.min(i, radii.length - 1)] ?? line * 1.5));
    const [x, y] = [Number(points[2 * i]), Number(points[2 * i + 1])];
    context.fillStyle = color("Points2D", i);
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
    label("Points2D", i, x + radius, y);
  }
  const vectors = numbersOf(state, "Arrows2D:vectors") ?? [];
  const origins = numbersOf(state, "Arrows2D:origins");
  for (let i = 0; i < vectors.length / 2; i++) {
    const [x, y] = [Number(origins?.[2 * i] ?? 0), Number(origins?.[2 * i + 1] ?? 0)];
    const [dx, dy] = [Number(vectors[2 * i]), Number(vectors[2 * i + 1])];
    const angle = Math.atan2(dy, dx);
    const tip = Math.min(Math.hypot(dx, dy) * 0.3, line * 8);
    context.strokeStyle = color("Arrows2D", i);
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + dx, y + dy);
    for (const side of [2.6, -2.6]) {
      context.moveTo(x + dx, y + dy);
      context.lineTo(x + dx + tip * Math.cos(angle + side), y + dy + tip * Math.sin(angle + side));
    }
    context.stroke();
  }
}
