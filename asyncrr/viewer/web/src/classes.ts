// Classes: what annotation contexts say of ids, and the colours of instances by that.
import { colorOf, numbersOf, PALETTE, structsOf } from "./archetypes";
import { parentOf } from "./paths";
import type { EntityState } from "./state";
import type { Plain } from "./wire";

export type Color3 = [number, number, number];
export type Classes = Map<number, { color?: Color3; label?: string }>;

const ID = "AnnotationContext:context";

/** The state of the nearest entity at or above a path that has an annotation context. */
export function contextOf(states: Map<string, EntityState>, path: string): EntityState | undefined {
  for (let place = path; ; place = parentOf(place)) {
    const state = states.get(place);
    if (state?.has(ID)) return state;
    if (place === "/") return undefined;
  }
}

type Mapping = { [key: string]: Plain } | undefined;

export function classesOf(context: EntityState | undefined): Classes {
  const found: Classes = new Map();
  const told = structsOf(context, ID)[0];
  if (!Array.isArray(told)) return found;
  for (const each of told as Mapping[]) {
    const info = (each?.["class_description"] as Mapping)?.["info"] as Mapping;
    const packed = info?.["color"] == null ? null : Number(info["color"]);
    found.set(Number(each?.["class_id"]), {
      ...(packed !== null && { color: [(packed >>> 24) & 255, (packed >>> 16) & 255, (packed >>> 8) & 255] }),
      ...(typeof info?.["label"] === "string" && { label: info["label"] }),
    });
  }
  return found;
}

/** The colour of an instance: its own, its class', or one of the palette. */
export function instanceColor(state: EntityState, archetype: string, index: number, classes: Classes, otherwise: number): Color3 {
  const ids = numbersOf(state, `${archetype}:class_ids`);
  const id = ids?.length ? Number(ids[Math.min(index, ids.length - 1)]) : null;
  const fallback = (id === null ? undefined : classes.get(id)?.color) ?? PALETTE[(id ?? otherwise) % PALETTE.length]!;
  return colorOf(numbersOf(state, `${archetype}:colors`), index, fallback).slice(0, 3) as Color3;
}

/** The label of an instance's class, if it has one. */
export function classLabel(state: EntityState, archetype: string, index: number, classes: Classes): string | undefined {
  const ids = numbersOf(state, `${archetype}:class_ids`);
  return ids?.length ? classes.get(Number(ids[Math.min(index, ids.length - 1)]))?.label : undefined;
}
