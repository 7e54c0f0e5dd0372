// Numbers over time: several entities in one plot, zoomed, with the values at the pointer.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import uPlot, { type AlignedData, type Options } from "uplot";
import { colorOf, css, numbersOf, PALETTE, stringsOf } from "../archetypes";
import { moveTo, placeNow } from "../moving";
import { partsOf, shownPart } from "../paths";
import { numberTicks, originOf, stepsOf, tickSpace, ticksWidth, timeTick } from "../axis";
import { alone, broken, chooseAxes, drawable, formatNumber, nearest, padded, valueAt, type DrawnLine } from "../lines";
import { source } from "../requests";
import { at, changedAt, dark, held, isFollowing, news, recordingId, span, timeline } from "../state";
import { digitsFor, formatTime, unit } from "../times";
import type { TileProps } from "./index";

interface Drawn {
  entity: string;
  label: string;
  color: string;
  line: DrawnLine;
  isSecond: boolean;
  isHidden: boolean;
}

interface Legend {
  label: string;
  color: string;
  value: string;
  isHidden: boolean;
  isSecond: boolean;
  key: string;
}

const ASK_MS = 250;
/** Before it is said that one has to wait. */
const LATE_MS = 500;
/** So few points of a line are drawn one by one. */
const FEW = 40;

export function SeriesTile({ tile }: TileProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | null>(null);
  const legend = useSignal<Legend[]>([]);
  const pointed = useSignal("");
  const message = useSignal("");

  useEffect(() => {
    const made = new Plot(place.current!, tile.title, (items, when) => ((legend.value = items), (pointed.value = when)), (text) => (message.value = text));
    plot.current = made;
    const observer = new ResizeObserver(() => made.resize());
    observer.observe(place.current!);
    return () => {
      observer.disconnect();
      made.close();
      plot.current = null;
    };
  }, [timeline.value, recordingId.value]);

  const changed = Math.max(...tile.entities.map((path) => changedAt.get(path) ?? 0), 0);
  void news.value;
  useEffect(() => plot.current?.ask(tile.entities), [changed, tile.entities.join("\0"), timeline.value]);
  useEffect(() => plot.current?.redraw(), [at.value, dark.value, span.value?.max, held.value]);
  return (
    <>
      <div class="plot fill" ref={place}>
        {message.value && <p class="muted pad">{message.value}</p>}
        {pointed.value && <span class="muted pointed">{pointed.value}</span>}
      </div>
      <div class="legend">
        {legend.value.map((each) => (
          <button
            key={each.key}
            class={each.isHidden ? "legend-item off" : "legend-item"}
            title={`${each.key.split("\n")[0]}: show or hide`}
            aria-pressed={!each.isHidden}
            onClick={() => plot.current?.toggle(each.key)}
          >
            <span class="swatch" style={{ background: each.color }} />
            {each.label}
            {each.isSecond && <span title="On the axis at the right">→</span>}
            <b>{each.value}</b>
          </button>
        ))}
      </div>
    </>
  );
}

class Plot {
  private chart: uPlot | null = null;
  private drawn: Drawn[] = [];
  private shape = "";
  private zoom: [number, number] | null = null;
  private entities: string[] = [];
  private busy = false;
  private again = false;
  private isClosed = false;
  private readonly hidden = new Set<string>();
  private readonly kind: string;
  private readonly origin: bigint;
  private pointer: number | null = null;

  constructor(
    private readonly element: HTMLElement,
    private readonly title: string,
    private readonly onLegend: (items: Legend[], when: string) => void,
    private readonly onMessage: (text: string) => void,
  ) {
    this.kind = span.value?.kind ?? "sequence";
    this.origin = originOf(this.kind, span.value?.min ?? 0n);
  }

  close(): void {
    this.isClosed = true;
    this.chart?.destroy();
  }

  resize(): void {
    this.chart?.setSize(this.size());
  }

  private size() {
    return { width: Math.max(this.element.clientWidth, 50), height: Math.max(this.element.clientHeight, 50) };
  }

  private toX(time: bigint): number {
    return Number(time - this.origin) / unit(this.kind);
  }

  private toTime(x: number): bigint {
    return this.origin + BigInt(Math.round(x * unit(this.kind)));
  }

  redraw(): void {
    this.updateLegend();
    if (!this.chart) return;
    if (!this.zoom) this.setRange();
    this.chart.redraw(true, true);
  }

  private fullRange(): [number, number] {
    const range = span.value;
    if (!range) return [0, 1];
    const [low, high] = [this.toX(range.min), this.toX(range.max)];
    return low === high ? [low - 0.5, low + 0.5] : [low, high];
  }

  private setRange(): void {
    const [min, max] = this.zoom ?? this.fullRange();
    this.chart?.setScale("x", { min, max });
  }

  ask(entities: string[]): void {
    this.entities = entities;
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    void this.fetch().finally(() =>
      setTimeout(() => {
        this.busy = false;
        if (this.again && !this.isClosed) {
          this.again = false;
          this.ask(this.entities);
        }
      }, ASK_MS),
    );
  }

  private async fetch(): Promise<void> {
    const points = Math.max(200, 2 * Math.round(this.element.clientWidth));
    const zoom = this.zoom;
    const [low, high] = zoom ? [this.toTime(zoom[0]), this.toTime(zoom[1])] : [null, null];
    const late = setTimeout(() => !this.drawn.length && !this.isClosed && this.onMessage("Loading…"), LATE_MS);
    const answers = await Promise.all(
      this.entities.map((entity) => source().series(entity, "Scalars:scalars", timeline.value, low, high, points).catch(() => null)),
    );
    clearTimeout(late);
    if (this.isClosed) return;
    if (answers.every((answer) => answer === null)) {
      if (!this.drawn.length) this.onMessage("The numbers could not be had; they are asked for again with the next ones.");
      return; // what is drawn stays
    }
    const drawn: Drawn[] = [];
    answers.forEach((answer, index) => {
      const entity = this.entities[index]!;
      const state = held.value.get(entity);
      const names = stringsOf(state, "SeriesLines:names");
      const colors = numbersOf(state, "SeriesLines:colors") ?? numbersOf(state, "SeriesPoints:colors");
      answer?.lines.forEach((given, number) => {
        const offset = this.toX(answer.base);
        const line = broken(given, answer.breaks);
        const x = line.x.map((each) => offset + each / unit(this.kind));
        const color = colors ? css(colorOf(colors, number, PALETTE[0]!)) : css(PALETTE[drawn.length % PALETTE.length]!);
        const short = shownPart(this.shortName(entity));
        const label = names[number] ?? (answer.lines.length > 1 ? `${short}[${number}]` : short);
        drawn.push({ entity, label, color, line: { x, y: line.y }, isSecond: false, isHidden: this.hidden.has(`${entity}\n${number}`) });
      });
    });
    chooseAxes(drawn);
    this.drawn = drawn;
    this.onMessage(drawn.length ? "" : "No numbers on this timeline.");
    this.draw();
  }

  /** The part in which lines of one plot differ. */
  private shortName(entity: string): string {
    const parts = partsOf(entity);
    return parts[partsOf(this.title).indexOf("*")] ?? parts[parts.length - 1] ?? entity;
  }

  private draw(): void {
    const visible = this.drawn;
    if (!visible.length) {
      this.chart?.destroy();
      this.chart = null;
      this.updateLegend();
      return;
    }
    const data = uPlot.join(visible.map(({ line }) => [line.x, line.y.map(drawable)]) as unknown as AlignedData[]) as AlignedData;
    const shape = JSON.stringify(visible.map(({ label, color, isSecond, isHidden }) => [label, color, isSecond, isHidden]));
    if (this.chart && shape === this.shape) {
      this.chart.setData(data, false);
      this.setRange();
    } else {
      this.chart?.destroy();
      this.shape = shape;
      this.chart = new uPlot(this.options(visible), data, this.element);
      this.setRange();
    }
    this.updateLegend();
  }

  toggle(key: string): void {
    if (!this.hidden.delete(key)) this.hidden.add(key);
    const numbers = new Map<string, number>();
    for (const each of this.drawn) {
      const number = numbers.get(each.entity) ?? 0;
      numbers.set(each.entity, number + 1);
      each.isHidden = this.hidden.has(`${each.entity}\n${number}`);
    }
    this.draw();
  }

  private updateLegend(): void {
    const time = at.value;
    const x = this.pointer ?? (time === null ? null : this.toX(time));
    const numbers = new Map<string, number>();
    this.onLegend(
      this.drawn.map((each) => {
        const number = numbers.get(each.entity) ?? 0;
        numbers.set(each.entity, number + 1);
        const value = x === null ? null : valueAt(each.line, x);
        return {
          key: `${each.entity}\n${number}`,
          label: each.label,
          color: each.color,
          isHidden: each.isHidden,
          isSecond: each.isSecond,
          value: value === null ? "–" : formatNumber(value),
        };
      }),
      this.pointer === null || !this.chart ? "" : this.shownTime(this.pointer, this.chart),
    );
  }

  /** As fine as a pixel is wide. */
  private shownTime(x: number, chart: uPlot): string {
    const { min = 0, max = 0 } = chart.scales["x"]!;
    const width = ((max! - min!) / Math.max(chart.over.clientWidth, 1)) * unit(this.kind);
    return formatTime(this.kind, this.toTime(x), digitsFor(width));
  }

  private options(drawn: Drawn[]): Options {
    const style = getComputedStyle(this.element);
    const grid = { stroke: () => style.getPropertyValue("--grid"), width: 1 };
    const axis = { stroke: () => style.getPropertyValue("--muted"), grid, ticks: grid, font: "11px system-ui" };
    const numbers = { values: (_: uPlot, splits: number[]) => numberTicks(splits), size: (_: uPlot, texts: string[] | null) => ticksWidth(texts) };
    const hasSecond = drawn.some((each) => each.isSecond);
    return {
      ...this.size(),
      legend: { show: false },
      cursor: { drag: { x: true, y: false, dist: 5 }, points: { size: 6 }, dataIdx: nearest },
      scales: { x: { time: false, auto: false }, y: { range: padded }, z: { range: padded } },
      series: [
        {},
        ...drawn.map((each) => ({
          label: each.label,
          stroke: each.color,
          width: 1.5,
          scale: each.isSecond ? "z" : "y",
          show: !each.isHidden,
          spanGaps: false,
          points: { show: true, size: each.line.x.length < FEW ? 5 : 3, filter: (chart: uPlot, series: number) => (each.line.x.length < FEW ? null : alone(chart.data[series]!)) },
        })),
      ],
      axes: [
        {
          ...axis,
          incrs: stepsOf(this.kind),
          values: (_, splits, __, ___, step) => splits.map((each) => timeTick(this.kind, this.toTime(each), step)),
          space: (_, __, low, high, width) => tickSpace(this.kind, this.origin, low, high, width),
          size: 28,
        },
        { ...axis, ...numbers, scale: "y" },
        ...(hasSecond ? [{ ...axis, ...numbers, scale: "z", side: 1 as const, grid: { show: false } }] : []),
      ],
      hooks: {
        setSelect: [
          (chart) => {
            if (chart.select.width < 5) return;
            const low = chart.posToVal(chart.select.left, "x");
            const high = chart.posToVal(chart.select.left + chart.select.width, "x");
            this.zoom = [low, high];
            this.ask(this.entities);
          },
        ],
        setCursor: [
          (chart) => {
            const left = chart.cursor.left ?? -1;
            this.pointer = left >= 0 ? chart.posToVal(left, "x") : null;
            this.updateLegend();
          },
        ],
        ready: [
          (chart) => {
            let down = 0;
            let back: (() => void) | null = null;
            chart.over.addEventListener("mousedown", (event) => {
              down = event.clientX;
              if (event.detail === 1) back = null;
            });
            chart.over.addEventListener("click", (event) => {
              if (event.detail > 1 || Math.abs(event.clientX - down) >= 4) return;
              back = placeNow();
              moveTo(this.toTime(chart.posToVal(event.offsetX, "x")));
            });
            chart.over.addEventListener("dblclick", () => {
              back?.(); // the first click of the two meant no time
              this.zoom = null;
              this.ask(this.entities);
              this.setRange();
            });
          },
        ],
        draw: [(chart) => this.drawNeedle(chart)],
      },
    };
  }

  private drawNeedle(chart: uPlot): void {
    const time = at.value;
    if (time === null || isFollowing.value) return;
    const x = chart.valToPos(this.toX(time), "x", true);
    const { left, top, width, height } = chart.bbox;
    if (x < left || x > left + width) return;
    chart.ctx.save();
    chart.ctx.strokeStyle = getComputedStyle(this.element).getPropertyValue("--needle");
    chart.ctx.lineWidth = 1.5 * devicePixelRatio;
    chart.ctx.beginPath();
    chart.ctx.moveTo(x, top);
    chart.ctx.lineTo(x, top + height);
    chart.ctx.stroke();
    chart.ctx.restore();
  }
}
