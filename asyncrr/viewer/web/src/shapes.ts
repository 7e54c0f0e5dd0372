// Shapes: what an entity holds, as objects of the scene.
import {
  BoxGeometry, BufferAttribute, BufferGeometry, CapsuleGeometry, Color, CylinderGeometry, DoubleSide, EdgesGeometry, Group,
  LineBasicMaterial, LineSegments, Mesh, MeshLambertMaterial, Points, ShaderMaterial, SphereGeometry, Vector2, Vector3,
  type Matrix4, type Object3D, type WebGLRenderer,
} from "three";
import { arraysOf, colorOf, numbersOf, PALETTE, stringsOf } from "./archetypes";
import { instanceColor, type Classes, type Color3 } from "./classes";
import type { EntityState } from "./state";
import { poseOf, triple } from "./transforms";
import type { Numbers } from "./wire";

/** A text at a place in its entity's space. */
export interface Label {
  text: string;
  place: Vector3;
  color: string;
}

export interface Shapes {
  group: Group;
  labels: Label[];
  classes: Classes;
}

/** Everything in space that an entity holds, but for the models of files. */
export function shapesOf(state: EntityState, classes: Classes): Shapes {
  const found: Shapes = { group: new Group(), labels: [], classes };
  addPoints(found, state);
  addStrips(found, state);
  addArrows(found, state);
  addSolids(found, state);
  addMesh(found, state);
  addCamera(found, state);
  return found;
}

function floats(values: Numbers): Float32Array {
  return values instanceof Float32Array ? values.slice() : Float32Array.from(values as Float64Array, Number);
}

function linear([r, g, b]: Color3): Color {
  return new Color().setRGB(r / 255, g / 255, b / 255, "srgb");
}

function colors(found: Shapes, state: EntityState, archetype: string, count: number): Float32Array {
  const out = new Float32Array(count * 3);
  for (let i = 0; i < count; i++) linear(instanceColor(state, archetype, i, found.classes, 0)).toArray(out, 3 * i);
  return out;
}

const MOST_LABELS = 30;

/** Labels stand at their instances, or one for all in their middle; many are shown only if that was asked for. */
function addLabels(found: Shapes, state: EntityState, archetype: string, places: Vector3[]): void {
  const texts = stringsOf(state, `${archetype}:labels`);
  if (!texts.length || !places.length) return;
  const asked = numbersOf(state, `${archetype}:show_labels`);
  const isAlone = texts.length === 1 && places.length > 1;
  if (asked ? !Number(asked[0]) : !isAlone && places.length > MOST_LABELS) return;
  const color = (index: number) => `rgb(${instanceColor(state, archetype, index, found.classes, 0).join(",")})`;
  if (isAlone) {
    const middle = places.reduce((sum, each) => sum.add(each), new Vector3()).divideScalar(places.length);
    found.labels.push({ text: texts[0]!, place: middle, color: color(0) });
  } else {
    places.forEach((place, index) => texts[index] && found.labels.push({ text: texts[index]!, place, color: color(index) }));
  }
}

// A radius is in units of the scene, and negative in points of the screen.
const POINT_VERTEX = `
attribute float radius;
attribute vec3 tint;
uniform vec2 size;
varying vec3 shade;
void main() {
  vec4 eye = modelViewMatrix * vec4(position, 1.0);
  gl_Position = projectionMatrix * eye;
  float inScene = radius * length(modelMatrix[0].xyz) * projectionMatrix[1][1] * size.x / max(-eye.z, 1e-9);
  gl_PointSize = clamp(radius < 0.0 ? -2.0 * radius * size.y : inScene, size.y, 512.0);
  shade = tint;
}`;
const POINT_FRAGMENT = `
varying vec3 shade;
void main() {
  vec2 from = gl_PointCoord - 0.5;
  float far = dot(from, from);
  if (far > 0.25) discard;
  gl_FragColor = vec4(shade * (1.0 - 1.2 * far), 1.0);
  #include <colorspace_fragment>
}`;

function addPoints(found: Shapes, state: EntityState): void {
  const given = numbersOf(state, "Points3D:positions");
  if (!given) return;
  const positions = floats(given);
  const count = positions.length / 3;
  const radii = numbersOf(state, "Points3D:radii");
  const radius = new Float32Array(count).fill(-1.5);
  if (radii?.length) for (let i = 0; i < count; i++) radius[i] = Number(radii[Math.min(i, radii.length - 1)]);
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(positions, 3));
  geometry.setAttribute("tint", new BufferAttribute(colors(found, state, "Points3D", count), 3));
  geometry.setAttribute("radius", new BufferAttribute(radius, 1));
  const size = new Vector2(1, 1);
  const material = new ShaderMaterial({ uniforms: { size: { value: size } }, vertexShader: POINT_VERTEX, fragmentShader: POINT_FRAGMENT });
  const points = new Points(geometry, material);
  points.onBeforeRender = (renderer) => {
    size.set((renderer as WebGLRenderer).domElement.height, renderer.getPixelRatio());
  };
  found.group.add(points);
  if (stringsOf(state, "Points3D:labels").length) addLabels(found, state, "Points3D", Array.from({ length: count }, (_, i) => new Vector3(...triple(positions, i))));
}

function addStrips(found: Shapes, state: EntityState): void {
  const strips = arraysOf(state, "LineStrips3D:strips").map(floats);
  if (!strips.length) return;
  const pieces = strips.map(segments);
  const tints = pieces.map((piece, index) => repeated(linear(instanceColor(state, "LineStrips3D", index, found.classes, 0)), piece.length / 3));
  found.group.add(lines(joined(pieces), joined(tints)));
  addLabels(found, state, "LineStrips3D", strips.map((strip) => new Vector3(...triple(strip, Math.floor(strip.length / 6)))));
}

function lines(positions: Float32Array, tints: Float32Array): LineSegments {
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(positions, 3));
  geometry.setAttribute("color", new BufferAttribute(tints, 3));
  return new LineSegments(geometry, new LineBasicMaterial({ vertexColors: true }));
}

function repeated(color: Color, count: number): Float32Array {
  const out = new Float32Array(count * 3);
  for (let i = 0; i < count; i++) color.toArray(out, 3 * i);
  return out;
}

function segments(strip: Float32Array): Float32Array {
  const count = Math.max(strip.length / 3 - 1, 0);
  const out = new Float32Array(count * 6);
  for (let i = 0; i < count; i++) out.set(strip.subarray(3 * i, 3 * i + 6), 6 * i);
  return out;
}

function joined(pieces: Float32Array[]): Float32Array {
  const out = new Float32Array(pieces.reduce((sum, each) => sum + each.length, 0));
  let place = 0;
  for (const each of pieces) {
    out.set(each, place);
    place += each.length;
  }
  return out;
}

function addArrows(found: Shapes, state: EntityState): void {
  const vectors = numbersOf(state, "Arrows3D:vectors");
  if (!vectors) return;
  const origins = numbersOf(state, "Arrows3D:origins");
  const count = vectors.length / 3;
  const positions = new Float32Array(count * 30);
  const tints: Float32Array[] = [];
  const middles: Vector3[] = [];
  const side = new Vector3();
  for (let i = 0; i < count; i++) {
    const from = origins ? new Vector3(...triple(origins, Math.min(i, origins.length / 3 - 1))) : new Vector3();
    const vector = new Vector3(...triple(vectors, i));
    const tip = from.clone().add(vector);
    side.set(vector.y, -vector.x, 0);
    if (side.lengthSq() < 1e-12) side.set(1, 0, 0);
    side.setLength(vector.length() * 0.08);
    const other = side.clone().cross(vector).setLength(side.length());
    const neck = from.clone().addScaledVector(vector, 0.82);
    const ends = [from, tip];
    for (const each of [side, other]) ends.push(tip, neck.clone().add(each), tip, neck.clone().sub(each));
    ends.forEach((each, k) => each.toArray(positions, i * 30 + 3 * k));
    tints.push(repeated(linear(instanceColor(state, "Arrows3D", i, found.classes, 0)), 10));
    middles.push(from.clone().addScaledVector(vector, 0.5));
  }
  found.group.add(lines(positions, joined(tints)));
  addLabels(found, state, "Arrows3D", middles);
}

/** Boxes, ellipsoids, cylinders and capsules: edges, or filled. */
function addSolids(found: Shapes, state: EntityState): void {
  const each = (archetype: string, count: number, make: (index: number) => BufferGeometry, centers = "centers") => {
    const mode = Number(numbersOf(state, `${archetype}:fill_mode`)?.[0] ?? 1);
    const places: Vector3[] = [];
    for (let i = 0; i < count; i++) {
      const geometry = make(i);
      const color = linear(instanceColor(state, archetype, i, found.classes, 0));
      const pose = poseOf(state, archetype, i, centers);
      if (mode < 3 || mode === 4) place(found, pose, new LineSegments(new EdgesGeometry(geometry, 12), new LineBasicMaterial({ color })));
      if (mode >= 3) {
        const isClear = mode !== 3;
        const material = new MeshLambertMaterial({ color, transparent: isClear, opacity: isClear ? 0.25 : 1, depthWrite: !isClear });
        place(found, pose, new Mesh(geometry, material));
      } else geometry.dispose();
      places.push(new Vector3().setFromMatrixPosition(pose));
    }
    addLabels(found, state, archetype, places);
  };
  const boxes = numbersOf(state, "Boxes3D:half_sizes");
  if (boxes) {
    each("Boxes3D", boxes.length / 3, (i) => {
      const [x, y, z] = triple(boxes, i);
      return new BoxGeometry(2 * x, 2 * y, 2 * z);
    });
  }
  const ellipsoids = numbersOf(state, "Ellipsoids3D:half_sizes");
  if (ellipsoids) {
    each("Ellipsoids3D", ellipsoids.length / 3, (i) => new SphereGeometry(1, 16, 10).rotateX(Math.PI / 2).scale(...triple(ellipsoids, i)));
  }
  for (const [archetype, centers] of [["Cylinders3D", "centers"], ["Capsules3D", "translations"]] as const) {
    const lengths = numbersOf(state, `${archetype}:lengths`);
    const radii = numbersOf(state, `${archetype}:radii`);
    if (!lengths?.length || !radii?.length) continue;
    const make = (i: number) => {
      const length = Number(lengths[Math.min(i, lengths.length - 1)]);
      const radius = Number(radii[Math.min(i, radii.length - 1)]);
      if (archetype === "Cylinders3D") return new CylinderGeometry(radius, radius, length, 20).rotateX(Math.PI / 2);
      return new CapsuleGeometry(radius, length, 6, 14).rotateX(Math.PI / 2).translate(0, 0, length / 2); // from its lower end on
    };
    each(archetype, Math.max(lengths.length, radii.length), make, centers);
  }
}

function place(found: Shapes, pose: Matrix4, shape: Object3D): void {
  shape.applyMatrix4(pose);
  found.group.add(shape);
}

function addMesh(found: Shapes, state: EntityState): void {
  const vertices = numbersOf(state, "Mesh3D:vertex_positions");
  if (!vertices) return;
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(floats(vertices), 3));
  const triangles = numbersOf(state, "Mesh3D:triangle_indices");
  const count = vertices.length / 3;
  if (triangles) geometry.setIndex(new BufferAttribute(Uint32Array.from(triangles as Uint32Array, (each) => Math.min(Number(each), count - 1)), 1));
  const given = numbersOf(state, "Mesh3D:vertex_colors");
  if (given) {
    const tints = new Float32Array(count * 3);
    for (let i = 0; i < count; i++) linear(colorOf(given, i, PALETTE[0]!).slice(0, 3) as Color3).toArray(tints, 3 * i);
    geometry.setAttribute("color", new BufferAttribute(tints, 3));
  }
  const normals = numbersOf(state, "Mesh3D:vertex_normals");
  if (normals?.length === vertices.length) geometry.setAttribute("normal", new BufferAttribute(floats(normals), 3));
  else geometry.computeVertexNormals();
  const color = linear(colorOf(numbersOf(state, "Mesh3D:albedo_factor"), 0, given ? [255, 255, 255] : PALETTE[0]!).slice(0, 3) as Color3);
  found.group.add(new Mesh(geometry, new MeshLambertMaterial({ color, vertexColors: given !== null, side: DoubleSide })));
}

function addCamera(found: Shapes, state: EntityState): void {
  const projection = numbersOf(state, "Pinhole:image_from_camera");
  if (!projection) return;
  const m = [...projection].map(Number); // column by column
  const resolution = numbersOf(state, "Pinhole:resolution");
  const [width, height] = resolution ? [Number(resolution[0]), Number(resolution[1])] : [2 * m[6]!, 2 * m[7]!];
  const depth = Number(numbersOf(state, "Pinhole:image_plane_distance")?.[0] ?? 0.3);
  const corner = (u: number, v: number): number[] => [((u - m[6]!) / m[0]!) * depth, ((v - m[7]!) / m[4]!) * depth, depth];
  const corners = [corner(0, 0), corner(width, 0), corner(width, height), corner(0, height)];
  const positions = corners.flatMap((each, i) => [0, 0, 0, ...each, ...each, ...corners[(i + 1) % 4]!]);
  found.group.add(lines(Float32Array.from(positions), new Float32Array(positions.length).fill(0.6)));
}
