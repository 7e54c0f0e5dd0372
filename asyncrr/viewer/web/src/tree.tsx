// The entity tree, with search.
import { signal, useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { archetypesOf } from "./archetypes";
import { partsOf } from "./paths";
import { entities, gaps, selection, type EntityFacts } from "./state";

interface Node {
  name: string;
  path: string;
  facts: EntityFacts | null;
  children: Node[];
}

function build(all: Map<string, EntityFacts>, search: string): Node {
  const root: Node = { name: "/", path: "/", facts: all.get("/") ?? null, children: [] };
  const known = new Map<string, Node>();
  for (const [path, facts] of all) {
    if (search && !path.toLowerCase().includes(search)) continue;
    let node = root;
    let place = "";
    for (const part of partsOf(path)) {
      place = place ? `${place}/${part}` : part;
      let next = known.get(place);
      if (!next) {
        next = { name: part, path: place, facts: null, children: [] };
        known.set(place, next);
        node.children.push(next);
      }
      node = next;
    }
    node.facts = facts;
  }
  return root;
}

const ICONS: Record<string, string> = {
  Scalars: "∿", TextLog: "≡", TextDocument: "¶", Image: "▣", EncodedImage: "▣", DepthImage: "▣", SegmentationImage: "▣",
  Points3D: "∴", Boxes3D: "◫", Ellipsoids3D: "◯", Cylinders3D: "◫", Capsules3D: "◫", Asset3D: "△", AssetVideo: "▷", VideoStream: "▷", Clear: "⌫", AnyValues: "⋮", LineStrips3D: "⌇", Arrows3D: "↗", Mesh3D: "△", Transform3D: "⟂", Points2D: "∴", Boxes2D: "□",
  BarChart: "▥", Tensor: "▦", GeoPoints: "◎", GeoLineStrings: "◎",
};

/** On narrow screens the tree is a drawer. */
export const isTreeOpen = signal(false);

export function Tree() {
  const search = useSignal("");
  const closed = useSignal<Set<string>>(new Set());
  const root = useComputed(() => build(entities.value, search.value.trim().toLowerCase()));
  const toggle = (path: string) => {
    const next = new Set(closed.value);
    if (!next.delete(path)) next.add(path);
    closed.value = next;
  };
  return (
    <nav class={isTreeOpen.value ? "open" : ""}>
      <input
        id="search"
        type="search"
        placeholder="Search entities  ( / )"
        value={search.value}
        onInput={(event) => (search.value = event.currentTarget.value)}
      />
      <div class="tree" role="tree">
        {root.value.facts && <Branch node={{ ...root.value, children: [] }} depth={0} closed={closed.value} toggle={toggle} />}
        {root.value.children.map((node) => (
          <Branch key={node.path} node={node} depth={0} closed={closed.value} toggle={toggle} />
        ))}
        {entities.value.size === 0 && <p class="muted pad">Nothing was logged yet.</p>}
      </div>
    </nav>
  );
}

function Branch(props: { node: Node; depth: number; closed: Set<string>; toggle: (path: string) => void }) {
  const { node, depth, closed, toggle } = props;
  const isClosed = closed.has(node.path);
  const isSelected = selection.value === node.path;
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (isSelected) place.current?.scrollIntoView({ block: "nearest" });
  }, [isSelected]);
  const icon = node.facts ? archetypesOf(node.facts).map((each) => (Object.hasOwn(ICONS, each) ? ICONS[each] : "·"))[0] ?? "·" : "";
  const hasGap = gaps.value.some((each) => each.entities.includes(node.path));
  return (
    <>
      <div
        ref={place}
        class={isSelected ? "node selected" : "node"}
        role="treeitem"
        aria-selected={isSelected}
        style={{ paddingLeft: `${8 + depth * 14}px` }}
        title={node.path}
        onClick={() => {
          if (!node.facts) return toggle(node.path);
          selection.value = node.path;
          isTreeOpen.value = false;
        }}
      >
        <span class="twist" onClick={(event) => (event.stopPropagation(), toggle(node.path))}>
          {node.children.length ? (isClosed ? "▸" : "▾") : ""}
        </span>
        {node.facts && <span class="glyph">{icon}</span>}
        <span class="name">{node.name}</span>
        {hasGap && <span class="warn-text" title="Rows of this entity were dropped">▲</span>}
        {node.facts && <span class="count">{short(node.facts.rows)}</span>}
      </div>
      {!isClosed &&
        node.children.map((child) => (
          <Branch key={child.path} node={child} depth={depth + 1} closed={closed} toggle={toggle} />
        ))}
    </>
  );
}

function short(count: number): string {
  if (count < 1000) return String(count);
  if (count < 1e6) return `${(count / 1e3).toFixed(count < 1e4 ? 1 : 0)}k`;
  return `${(count / 1e6).toFixed(1)}M`;
}
