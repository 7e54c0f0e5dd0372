// The entity tree, with search.
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { archetypesOf } from "./archetypes";
import { hasLetters, partsOf, shownPart } from "./paths";
import { connection, entities, gaps, isTreeOpen, selection, type EntityFacts } from "./state";

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
    if (search && !hasLetters(path, search)) continue;
    let node = root;
    let place = "";
    for (const part of partsOf(path)) {
      place = place ? `${place}/${part}` : part;
      let next = known.get(place);
      if (!next) {
        next = { name: shownPart(part), path: place, facts: null, children: [] };
        known.set(place, next);
        node.children.push(next);
      }
      node = next;
    }
    node.facts = facts;
  }
  return root;
}

/** The first entity of a tree, from the top down. */
function firstOf(node: Node): string | null {
  if (node.facts) return node.path;
  for (const child of node.children) {
    const found = firstOf(child);
    if (found !== null) return found;
  }
  return null;
}

const ICONS: Record<string, string> = {
  Scalars: "∿", TextLog: "≡", TextDocument: "¶", Image: "▣", EncodedImage: "▣", DepthImage: "▣", SegmentationImage: "▣",
  Points3D: "∴", Boxes3D: "◫", Ellipsoids3D: "◯", Cylinders3D: "◫", Capsules3D: "◫", Asset3D: "△", AssetVideo: "▷", VideoStream: "▷", Clear: "⌫", AnyValues: "⋮", LineStrips3D: "⌇", Arrows3D: "↗", Mesh3D: "△", Transform3D: "⟂", Points2D: "∴", Boxes2D: "□",
  BarChart: "▥", Tensor: "▦", GeoPoints: "◎", GeoLineStrings: "◎",
};

export function Tree() {
  const search = useSignal("");
  const closed = useSignal<Set<string>>(new Set());
  const place = useRef<HTMLDivElement>(null);
  const letters = useComputed(() => search.value.trim().toLowerCase());
  const root = useComputed(() => build(entities.value, letters.value));
  const toggle = (path: string) => {
    const next = new Set(closed.value);
    if (!next.delete(path)) next.add(path);
    closed.value = next;
  };
  const focus = (to: number) => place.current!.querySelectorAll<HTMLElement>(".node")[to]?.focus();
  const searchKeys = (event: KeyboardEvent) => {
    const first = letters.value ? (root.value.facts && hasLetters("/", letters.value) ? "/" : firstOf({ ...root.value, facts: null })) : null;
    if (event.key === "Enter" && first !== null) {
      selection.value = first;
      isTreeOpen.value = false;
      (event.currentTarget as HTMLElement).blur(); // keys move the time again
    } else if (event.key === "Escape" && search.value) search.value = "";
    else if (event.key === "ArrowDown") focus(0);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const treeKeys = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const nodes = [...place.current!.querySelectorAll<HTMLElement>(".node")];
    const at = nodes.indexOf(event.target as HTMLElement);
    if (at < 0) return;
    const node = nodes[at]!;
    const expanded = node.getAttribute("aria-expanded");
    const level = (each: HTMLElement) => Number(each.getAttribute("aria-level"));
    const actions: Record<string, () => void> = {
      ArrowDown: () => focus(at + 1),
      ArrowUp: () => (at ? focus(at - 1) : document.querySelector<HTMLElement>("#search")?.focus()),
      ArrowRight: () => (expanded === "false" ? toggle(node.dataset["path"]!) : focus(at + 1)),
      ArrowLeft: () => (expanded === "true" ? toggle(node.dataset["path"]!) : focus(nodes.findLastIndex((each, index) => index < at && level(each) < level(node)))),
      Home: () => focus(0),
      End: () => focus(nodes.length - 1),
      Enter: () => node.click(),
      " ": () => node.click(),
    };
    if (!Object.hasOwn(actions, event.key)) return;
    actions[event.key]!();
    event.preventDefault();
    event.stopPropagation();
  };
  const shared = { closed: letters.value ? new Set<string>() : closed.value, toggle };
  const first = root.value.facts ? "/" : root.value.children[0]?.path;
  const isInSight = (path: string) => entities.value.has(path) && !letters.value && ![...closed.value].some((each) => path.startsWith(`${each}/`));
  const entry = selection.value !== null && isInSight(selection.value) ? selection.value : first;
  return (
    <nav class={isTreeOpen.value ? "open" : ""} aria-label="Entities">
      <input
        id="search"
        type="search"
        aria-label="Search entities"
        placeholder="Search entities  ( / )"
        value={search.value}
        onInput={(event) => (search.value = event.currentTarget.value)}
        onKeyDown={searchKeys}
      />
      <div class="tree" role="tree" aria-label="Entities" ref={place} onKeyDown={treeKeys}>
        {root.value.facts && (!letters.value || hasLetters("/", letters.value)) && <Branch node={{ ...root.value, children: [] }} depth={0} entry={entry} {...shared} />}
        {root.value.children.map((node) => (
          <Branch key={node.path} node={node} depth={0} entry={entry} {...shared} />
        ))}
        {entities.value.size === 0 && connection.value === "live" && <p class="muted pad">Nothing was logged yet.</p>}
        {entities.value.size > 0 && !root.value.children.length && letters.value && <p class="muted pad">No entity is called like that.</p>}
      </div>
    </nav>
  );
}

interface BranchProps {
  node: Node;
  depth: number;
  entry: string | undefined;
  closed: Set<string>;
  toggle: (path: string) => void;
}

function Branch(props: BranchProps) {
  const { node, depth, entry, closed, toggle } = props;
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
        aria-level={depth + 1}
        aria-expanded={node.children.length ? !isClosed : undefined}
        tabIndex={node.path === entry ? 0 : -1}
        data-path={node.path}
        style={{ paddingLeft: `${8 + depth * 14}px` }}
        title={node.path}
        onMouseDown={(event) => {
          event.preventDefault(); // after a click the arrows move the time; by keys one comes here with Tab, or from the search
          (document.activeElement as HTMLElement | null)?.blur();
        }}
        onClick={() => {
          if (!node.facts) return toggle(node.path);
          selection.value = node.path;
          isTreeOpen.value = false;
        }}
      >
        <span class="twist" aria-hidden="true" onClick={(event) => (event.stopPropagation(), toggle(node.path))}>
          {node.children.length ? (isClosed ? "▸" : "▾") : ""}
        </span>
        {node.facts && (
          <span class="glyph" aria-hidden="true">
            {icon}
          </span>
        )}
        <span class="name">{node.name}</span>
        {hasGap && <span class="warn-text" title="Rows of this entity were dropped">▲</span>}
        {node.facts && <span class="count">{short(node.facts.rows)}</span>}
      </div>
      {!isClosed && node.children.map((child) => <Branch key={child.path} node={child} depth={depth + 1} entry={entry} closed={closed} toggle={toggle} />)}
    </>
  );
}

function short(count: number): string {
  if (count < 1000) return String(count);
  if (count < 1e6) return `${(count / 1e3).toFixed(count < 1e4 ? 1 : 0)}k`;
  return `${(count / 1e6).toFixed(1)}M`;
}
