// The tiles: what the recording has, each in its view; moved by their titles, enlarged, hidden.
import { computed, effect, signal, useComputed, useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { shownTitle, tilesOf, type Tile, type TileKind } from "../archetypes";
import { want } from "../latest";
import { IconButton } from "../buttons";
import { FileChoice } from "../drop";
import { connection, current, entities, lostFile, selection } from "../state";
import { partsOf } from "../paths";
import { BarsTile, DocumentTile, GeoTile, TableTile, TensorTile } from "./others";
import { PictureTile } from "./picture";
import { SeriesTile } from "./series";
import { SpatialTile } from "./spatial";
import { VideoTile } from "./video";

export interface TileProps {
  tile: Tile;
}

const VIEWS: Record<TileKind, ComponentType<TileProps>> = {
  series: SeriesTile,
  picture: PictureTile,
  spatial: SpatialTile,
  video: VideoTile,
  document: DocumentTile,
  bars: BarsTile,
  tensor: TensorTile,
  geo: GeoTile,
  table: TableTile,
};

const keyOfOrder = computed(() => `asyncrr.order.${current.value?.application_id ?? ""}`);
/** The tiles in the order in which they were put; each application has one, which this browser keeps. */
const order = signal<string[]>([]);
effect(() => {
  order.value = JSON.parse(localStorage.getItem(keyOfOrder.value) ?? "[]") as string[];
});

// by content, so that tiles stay while rows are counted
const signature = computed(() => [...entities.value].map(([path, facts]) => `${path}\n${Object.keys(facts.components)}`).join("\0"));
const tiles = computed(() => {
  void signature.value;
  return tilesOf(entities.peek());
});
export const hasTiles = computed(() => tiles.value.length > 0);

export function TileGrid() {
  const hidden = useSignal<Set<string>>(new Set());
  const large = useSignal<string | null>(null);
  const told = useSignal("");
  const dragged = useRef<string | null>(null);
  const sorted = [...tiles.value].sort((a, b) => place(order.value, a.key) - place(order.value, b.key));
  const shown = sorted.filter((tile) => !hidden.value.has(tile.key) && (large.value === null || tile.key === large.value));

  const move = (moved: string | null, target: string) => {
    if (!moved || moved === target) return;
    const keys = sorted.map((tile) => tile.key);
    const to = keys.indexOf(target);
    keys.splice(keys.indexOf(moved), 1);
    keys.splice(to, 0, moved);
    order.value = keys;
    localStorage.setItem(keyOfOrder.value, JSON.stringify(keys));
  };
  return (
    <div class={large.value === null ? "tiles" : "tiles one"}>
      {shown.map((tile, index) => (
        <Frame
          key={tile.key}
          tile={tile}
          isLarge={large.value === tile.key}
          onLarge={() => (large.value = large.value === null ? tile.key : null)}
          onHide={() => {
            hidden.value = new Set([...hidden.value, tile.key]);
            if (large.value === tile.key) large.value = null;
          }}
          onDrag={() => (dragged.current = tile.key)}
          onDrop={() => {
            move(dragged.current, tile.key);
            dragged.current = null;
          }}
          onMove={(by) => {
            const to = Math.min(Math.max(index + by, 0), shown.length - 1);
            move(tile.key, shown[to]!.key);
            told.value = `${shownTitle(tile.title)}: tile ${to + 1} of ${shown.length}`;
          }}
        />
      ))}
      {hidden.value.size > 0 && (
        <button class="unhide" onClick={() => (hidden.value = new Set())}>
          Show {hidden.value.size} hidden
        </button>
      )}
      {tiles.value.length === 0 && <Nothing />}
      <p class="unseen" role="status">
        {told.value}
      </p>
    </div>
  );
}

/** Why there is nothing to see. */
function Nothing() {
  const state = connection.value;
  if (state === "undropped") {
    return (
      <p class="muted pad">
        {lostFile.value} was dropped onto this page, which forgets such files when it is loaded anew: drop it again, or <FileChoice>choose it</FileChoice>.
      </p>
    );
  }
  if (state === "missing") return <p class="muted pad">There is no such recording yet; it will show here once there is.</p>;
  if (state === "connecting" || (!entities.value.size && state !== "live")) return <p class="muted pad">Loading…</p>;
  if (!entities.value.size) return <p class="muted pad">{current.value?.is_complete ? "This recording is empty: nothing was logged to it." : "Nothing was logged yet."}</p>;
  return <p class="muted pad">Nothing of this can be drawn; select an entity to see its values.</p>;
}

function place(order: string[], key: string): number {
  const found = order.indexOf(key);
  return found < 0 ? 1e6 : found;
}

interface FrameProps extends TileProps {
  isLarge: boolean;
  onLarge: () => void;
  onHide: () => void;
  onDrag: () => void;
  onDrop: () => void;
  onMove: (by: 1 | -1) => void;
}

/** The entities above, whose transforms and classes matter. */
function withAncestors(paths: string[]): string[] {
  const found = new Set(paths);
  for (const path of paths) {
    const parts = partsOf(path);
    for (let i = 1; i < parts.length; i++) found.add(parts.slice(0, i).join("/"));
  }
  found.add("/");
  return [...found];
}

function Frame(props: FrameProps) {
  const { tile, isLarge } = props;
  const element = useRef<HTMLElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const isMoved = useRef(false);
  const isVisible = useSignal(false);
  const isSelected = useComputed(() => selection.value !== null && tile.entities.includes(selection.value));
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => {
      isVisible.value = entries[entries.length - 1]!.isIntersecting;
    });
    observer.observe(element.current!);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (isVisible.value) want(tile.key, withAncestors(tile.entities));
    return () => want(tile.key, null);
  }, [isVisible.value, tile.key, tile.entities.join("\0")]);
  useEffect(() => {
    if (isSelected.value) element.current?.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }, [isSelected.value]);
  useEffect(() => {
    if (isMoved.current) heading.current?.focus(); // an element that changes its place loses the focus
    isMoved.current = false;
  });
  const select = () => (selection.value = tile.entities[0]!);
  const byKeys = (event: KeyboardEvent) => {
    if (event.target !== heading.current) return;
    if (event.key === "Enter") select();
    else if (event.shiftKey && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
      isMoved.current = true;
      props.onMove(event.key === "ArrowLeft" ? -1 : 1);
    } else return;
    event.preventDefault();
  };
  const title = shownTitle(tile.title);
  const View = VIEWS[tile.kind];
  return (
    <article
      ref={element}
      class={`tile ${tile.kind}${isSelected.value ? " selected" : ""}`}
      data-tile={tile.key}
      aria-label={title}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => (event.preventDefault(), props.onDrop())}
    >
      <h3
        ref={heading}
        tabIndex={0}
        aria-keyshortcuts="Shift+ArrowLeft Shift+ArrowRight"
        draggable
        onDragStart={props.onDrag}
        onDblClick={props.onLarge}
        onClick={select}
        onKeyDown={byKeys}
      >
        <span class="title" title={tile.entities.join("\n")}>
          {title}
        </span>
        <span class="spring" />
        <IconButton label={`${isLarge ? "Smaller" : "Larger"}: ${title}`} onClick={(event) => (event.stopPropagation(), props.onLarge())}>
          {isLarge ? "⤡" : "⤢"}
        </IconButton>
        <IconButton label={`Hide: ${title}`} onClick={(event) => (event.stopPropagation(), props.onHide())}>
          ×
        </IconButton>
      </h3>
      {isVisible.value ? <View tile={tile} /> : <div class="fill" />}
    </article>
  );
}
