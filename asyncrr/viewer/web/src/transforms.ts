// Transforms: where an entity lies in the scene, by what it and those above it hold.
import { Matrix4, Quaternion, Vector3 } from "three";
import { numbersOf, structsOf } from "./archetypes";
import { partsOf } from "./paths";
import type { EntityState } from "./state";
import type { Numbers } from "./wire";

/** The transform of an entity: those of all above it and its own. */
export function worldOf(path: string, states: Map<string, EntityState>): Matrix4 {
  const parts = partsOf(path);
  const world = new Matrix4();
  for (let i = 0; i <= parts.length; i++) {
    const state = states.get(i ? parts.slice(0, i).join("/") : "/");
    if (state) world.multiply(transformOf(state));
  }
  return world;
}

function transformOf(state: EntityState): Matrix4 {
  const value = (name: string) => numbersOf(state, `Transform3D:${name}`);
  const matrix = new Matrix4();
  const translation = value("translation");
  if (translation) matrix.multiply(new Matrix4().makeTranslation(...triple(translation, 0)));
  const quaternion = value("quaternion");
  if (quaternion) matrix.multiply(new Matrix4().makeRotationFromQuaternion(quaternionOf(quaternion, 0)));
  const turn = structsOf(state, "Transform3D:rotation_axis_angle")[0];
  if (turn) matrix.multiply(new Matrix4().makeRotationFromQuaternion(turned(turn)));
  const scale = value("scale");
  if (scale) matrix.multiply(new Matrix4().makeScale(...triple(scale, 0)));
  const mat = value("mat3x3");
  if (mat) {
    const m = [...mat].map(Number); // column by column
    matrix.multiply(new Matrix4().set(m[0]!, m[3]!, m[6]!, 0, m[1]!, m[4]!, m[7]!, 0, m[2]!, m[5]!, m[8]!, 0, 0, 0, 0, 1));
  }
  if (Number(value("relation")?.[0] ?? 1) === 2) matrix.invert();
  return matrix;
}

/** Where an instance of a solid lies: its centre, turned. */
export function poseOf(state: EntityState, archetype: string, index: number, centers = "centers"): Matrix4 {
  const places = numbersOf(state, `${archetype}:${centers}`);
  const quaternions = numbersOf(state, `${archetype}:quaternions`);
  const turns = structsOf(state, `${archetype}:rotation_axis_angles`);
  const place = places ? new Vector3(...triple(places, Math.min(index, places.length / 3 - 1))) : new Vector3();
  const turn = quaternions
    ? quaternionOf(quaternions, Math.min(index, quaternions.length / 4 - 1))
    : turns.length
      ? turned(turns[Math.min(index, turns.length - 1)])
      : new Quaternion();
  return new Matrix4().compose(place, turn, new Vector3(1, 1, 1));
}

export function triple(values: Numbers, index: number): [number, number, number] {
  return [Number(values[3 * index]), Number(values[3 * index + 1]), Number(values[3 * index + 2])];
}

function quaternionOf(values: Numbers, index: number): Quaternion {
  const found = new Quaternion(...([0, 1, 2, 3].map((k) => Number(values[4 * index + k])) as [number, number, number, number]));
  return found.lengthSq() > 0 ? found.normalize() : new Quaternion();
}

function turned(turn: unknown): Quaternion {
  const { axis, angle } = turn as { axis?: number[]; angle?: number };
  if (!Array.isArray(axis) || axis.length < 3) return new Quaternion();
  return new Quaternion().setFromAxisAngle(new Vector3(...(axis.slice(0, 3).map(Number) as [number, number, number])).normalize(), Number(angle ?? 0));
}
