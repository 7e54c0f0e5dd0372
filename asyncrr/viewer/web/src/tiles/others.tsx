// Bars, tensors, documents, maps, tables.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { arraysOf, colorOf, css, numbersOf, PALETTE, stringsOf, tensorOf } from "../archetypes";
import { Markdown } from "../markdown";
import { bounds, mapped } from "../pixels";
import { dark, held } from "../state";
import { shownBatch } from "../selection";
import type { TileProps } from "./index";

function useCanvas(draw: (context: CanvasRenderingContext2D, width: number, height: number) => void, inputs: unknown[]) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const size = useSignal("");
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => (size.value = `${entry!.contentRect.width}×${entry!.contentRect.height}`));
    observer.observe(canvas.current!);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    const element = canvas.current!;
    const ratio = devicePixelRatio || 1;
    element.width = element.clientWidth * ratio;
    element.height = element.clientHeight * ratio;
    const context = element.getContext("2d")!;
    context.scale(ratio, ratio);
    context.font = "11px system-ui";
    draw(context, element.clientWidth, element.clientHeight);
  }, [...inputs, size.value, dark.value]);
  return canvas;
}

const color = (element: Element, name: string) => getComputedStyle(element).getPropertyValue(name);

export function BarsTile({ tile }: TileProps) {
  const state = held.value.get(tile.entities[0]!);
  const canvas = useCanvas((context, width, height) => {
    const values = tensorOf(state, "BarChart:values")?.values;
    if (!values?.length) return;
    const [least, most] = bounds(values);
    const [low, high] = [Math.min(least, 0), Math.max(most, 0)];
    const y = (value: number) => 10 + (1 - (value - low) / (high - low || 1)) * (height - 30);
    context.fillStyle = css(colorOf(numbersOf(state, "BarChart:color"), 0, PALETTE[0]!));
    const step = (width - 60) / values.length;
    for (let i = 0; i < values.length; i++) {
      const top = y(Math.max(Number(values[i]), 0));
      context.fillRect(50 + i * step, top, Math.max(step * 0.85, 1), Math.max(y(Math.min(Number(values[i]), 0)) - top, 1));
    }
    context.fillStyle = color(context.canvas, "--muted");
    for (const value of [low, (low + high) / 2, high]) context.fillText(String(Number(value.toPrecision(4))), 4, y(value) + 4);
    context.fillText("0", 50, height - 4);
    context.fillText(String(values.length - 1), width - 40, height - 4);
  }, [state]);
  return <canvas class="fill" ref={canvas} />;
}

export function TensorTile({ tile }: TileProps) {
  const state = held.value.get(tile.entities[0]!);
  const tensor = tensorOf(state, "Tensor:data");
  const indexes = useSignal<number[]>([]);
  const canvas = useRef<HTMLCanvasElement>(null);
  const shape = tensor?.shape ?? [];
  const free = Math.max(shape.length - 2, 0);
  useEffect(() => {
    const element = canvas.current;
    if (!element || !tensor || !tensor.values.length) return;
    const [rows, columns] = shape.length === 0 ? [1, 1] : shape.length === 1 ? [1, shape[0]!] : [shape[free]!, shape[free + 1]!];
    let offset = 0;
    for (let i = 0; i < free; i++) offset = offset * shape[i]! + Math.min(indexes.value[i] ?? 0, shape[i]! - 1);
    offset *= rows * columns;
    if (rows * columns > 2 ** 24) return;
    element.width = columns;
    element.height = rows;
    const context = element.getContext("2d")!;
    const image = context.createImageData(columns, rows);
    const given = numbersOf(state, "Tensor:value_range");
    const [low, high] = given ? [Number(given[0]), Number(given[1])] : bounds(tensor.values);
    for (let i = 0; i < rows * columns; i++) {
      image.data.set(mapped(6, (Number(tensor.values[offset + i]) - low) / (high - low || 1)), 4 * i);
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }, [tensor, indexes.value]);
  return (
    <>
      <div class="raster fill pixelated">
        <canvas ref={canvas} />
      </div>
      <div class="legend">
        <span class="muted">
          {tensor ? `${tensor.dtype} ${shape.join(" × ")}` : "No tensor at this time."}
        </span>
        {Array.from({ length: free }, (_, i) => (
          <label key={i}>
            {tensor?.names?.[i] ?? `dim ${i}`}{" "}
            <input
              type="range"
              min={0}
              max={Math.max(shape[i]! - 1, 0)}
              value={indexes.value[i] ?? 0}
              onInput={(event) => {
                const next = [...indexes.value];
                next[i] = Number(event.currentTarget.value);
                indexes.value = Array.from(next, (each) => each ?? 0);
              }}
            />{" "}
            {indexes.value[i] ?? 0}
          </label>
        ))}
      </div>
    </>
  );
}

export function DocumentTile({ tile }: TileProps) {
  const state = held.value.get(tile.entities[0]!);
  const text = stringsOf(state, "TextDocument:text")[0];
  const type = stringsOf(state, "TextDocument:media_type")[0];
  return (
    <div class="prose fill">
      {text === undefined ? <p class="muted">{state && "Nothing at this time."}</p> : type === "text/markdown" ? <Markdown text={text} /> : <pre>{text}</pre>}
    </div>
  );
}

export function GeoTile({ tile }: TileProps) {
  const states = tile.entities.map((path) => held.value.get(path));
  const canvas = useCanvas((context, width, height) => {
    const lines = states.flatMap((state) => arraysOf(state, "GeoLineStrings:line_strings"));
    const points = states.map((state) => numbersOf(state, "GeoPoints:positions") ?? []);
    const all = [...lines, ...points].flatMap((each) => Array.from({ length: each.length / 2 }, (_, i) => [Number(each[2 * i]), Number(each[2 * i + 1])] as const));
    if (!all.length) return;
    const [south, north] = [Math.min(...all.map(([lat]) => lat)), Math.max(...all.map(([lat]) => lat))];
    const [west, east] = [Math.min(...all.map(([, lon]) => lon)), Math.max(...all.map(([, lon]) => lon))];
    const narrow = Math.cos((((south + north) / 2) * Math.PI) / 180) || 1;
    const degrees = Math.max((east - west) * narrow, north - south, 1e-5) * 1.25;
    const scale = Math.min(width, height) / degrees;
    const x = (lon: number) => width / 2 + (lon - (west + east) / 2) * narrow * scale;
    const y = (lat: number) => height / 2 - (lat - (south + north) / 2) * scale;
    context.strokeStyle = color(context.canvas, "--grid");
    context.fillStyle = color(context.canvas, "--muted");
    const step = niceStep(degrees / 4);
    const across = niceStep((2 * 110) / (narrow * scale)); // at least 110 pixels, so that the words do not meet
    for (let lat = Math.ceil((south - degrees) / step) * step; lat < north + degrees; lat += step) {
      context.strokeRect(-1, y(lat), width + 2, 0);
      context.fillText(`${Number(lat.toFixed(6))}°`, 4, y(lat) - 3);
    }
    const half = width / 2 / narrow / scale;
    for (let lon = Math.ceil(((west + east) / 2 - half) / across) * across; lon < (west + east) / 2 + half; lon += across) {
      context.strokeRect(x(lon), -1, 0, height + 2);
      context.fillText(`${Number(lon.toFixed(6))}°`, x(lon) + 3, height - 4);
    }
    states.forEach((state, index) => {
      const colors = numbersOf(state, "GeoPoints:colors");
      const positions = points[index]!;
      for (let i = 0; i < positions.length / 2; i++) {
        context.fillStyle = css(colorOf(colors, i, PALETTE[index % PALETTE.length]!));
        context.beginPath();
        context.arc(x(Number(positions[2 * i + 1])), y(Number(positions[2 * i])), 4, 0, 2 * Math.PI);
        context.fill();
      }
      const strokes = numbersOf(state, "GeoLineStrings:colors");
      arraysOf(state, "GeoLineStrings:line_strings").forEach((line, number) => {
        context.strokeStyle = css(colorOf(strokes, number, PALETTE[index % PALETTE.length]!));
        context.lineWidth = 2;
        context.beginPath();
        for (let i = 0; i < line.length; i += 2) context.lineTo(x(Number(line[i + 1])), y(Number(line[i])));
        context.stroke();
      });
    });
  }, states);
  return <canvas class="fill" ref={canvas} />;
}

function niceStep(width: number): number {
  const power = 10 ** Math.floor(Math.log10(width));
  return power * (width / power >= 5 ? 5 : width / power >= 2 ? 2 : 1);
}

export function TableTile({ tile }: TileProps) {
  const state = held.value.get(tile.entities[0]!);
  return (
    <div class="fill scroll">
      <table class="values">
        <tbody>
          {[...(state ?? [])]
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([id, cell]) => (
              <tr key={id}>
                <th>{id}</th>
                <td>
                  <pre>{shownBatch(cell.batch)}</pre>
                </td>
              </tr>
            ))}
        </tbody>
      </table>
      {state?.size === 0 && <p class="muted pad">Nothing at this time.</p>}
    </div>
  );
}
