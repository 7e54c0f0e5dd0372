// A scene in space: what entities hold, under the transforms above them, looked at from anywhere.
import {
  AmbientLight, Box3, BoxGeometry, BufferAttribute, BufferGeometry, Color, DirectionalLight, EdgesGeometry, Euler, Group,
  LineBasicMaterial, LineSegments, Matrix4, Mesh, MeshLambertMaterial, PerspectiveCamera, Points, PointsMaterial, Quaternion,
  Scene, Vector3, WebGLRenderer, AxesHelper, GridHelper, DoubleSide, type Object3D,
} from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
import { arraysOf, colorOf, numbersOf, PALETTE, structsOf } from "./archetypes";
import type { EntityState } from "./state";
import type { Numbers } from "./wire";

export class Scene3D {
  private readonly renderer: WebGLRenderer;
  private readonly scene = new Scene();
  private readonly camera = new PerspectiveCamera(50, 1, 0.001, 1e6);
  private readonly controls: OrbitControls;
  private readonly observer: ResizeObserver;
  private content = new Group();
  private isFitted = false;
  private isDrawing = false;

  constructor(private readonly element: HTMLElement) {
    this.renderer = new WebGLRenderer({ antialias: true, alpha: true });
    this.renderer.setPixelRatio(devicePixelRatio);
    element.append(this.renderer.domElement);
    this.camera.up.set(0, 0, 1);
    this.camera.position.set(3, -4, 3);
    this.scene.add(new AmbientLight(0xffffff, 1.4));
    const sun = new DirectionalLight(0xffffff, 2);
    sun.position.set(2, -3, 5);
    this.scene.add(sun, this.content);
    this.controls = new OrbitControls(this.camera, this.renderer.domElement);
    this.controls.addEventListener("change", () => this.draw());
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(element);
    this.resize();
  }

  close(): void {
    this.observer.disconnect();
    this.controls.dispose();
    dispose(this.content);
    this.renderer.dispose();
    this.renderer.domElement.remove();
  }

  private resize(): void {
    const [width, height] = [this.element.clientWidth || 1, this.element.clientHeight || 1];
    this.renderer.setSize(width, height);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    this.draw();
  }

  private draw(): void {
    if (this.isDrawing) return;
    this.isDrawing = true;
    requestAnimationFrame(() => {
      this.isDrawing = false;
      this.renderer.render(this.scene, this.camera);
    });
  }

  show(entities: string[], states: Map<string, EntityState>): void {
    this.scene.remove(this.content);
    dispose(this.content);
    this.content = new Group();
    for (const path of entities) {
      const state = states.get(path);
      if (!state?.size) continue;
      const group = new Group();
      addAll(group, state);
      group.applyMatrix4(worldOf(path, states));
      this.content.add(group);
    }
    this.scene.add(this.content);
    if (!this.isFitted && !this.bounds().isEmpty()) this.fit();
    this.draw();
  }

  private bounds(): Box3 {
    return new Box3().setFromObject(this.content);
  }

  /** Stand where everything is seen. */
  fit(): void {
    const box = this.bounds();
    if (box.isEmpty()) return;
    const center = box.getCenter(new Vector3());
    const radius = Math.max(box.getSize(new Vector3()).length() / 2, 1e-3);
    this.camera.near = radius / 1000;
    this.camera.far = radius * 1000;
    this.camera.position.copy(center).add(new Vector3(0.7, -1, 0.7).normalize().multiplyScalar(radius * 2.3));
    this.camera.updateProjectionMatrix();
    this.controls.target.copy(center);
    this.controls.update();
    for (const each of this.scene.children.filter((child) => child.name === "help")) this.scene.remove(each);
    const size = 10 ** Math.ceil(Math.log10(radius * 2));
    const grid = new GridHelper(size, 10, 0x808a96, 0x808a96);
    grid.material.transparent = true;
    grid.material.opacity = 0.35;
    grid.rotateX(Math.PI / 2);
    grid.name = "help";
    const axes = new AxesHelper(size / 10);
    axes.name = "help";
    this.scene.add(grid, axes);
    this.isFitted = true;
    this.draw();
  }
}

function dispose(group: Group): void {
  group.traverse((each: Object3D) => {
    const { geometry, material } = each as Mesh;
    geometry?.dispose();
    for (const one of Array.isArray(material) ? material : material ? [material] : []) one.dispose();
  });
}

/** The transform of an entity: those of all above it and its own. */
function worldOf(path: string, states: Map<string, EntityState>): Matrix4 {
  const parts = path === "/" ? [] : path.split("/");
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

function triple(values: Numbers, index: number): [number, number, number] {
  return [Number(values[3 * index]), Number(values[3 * index + 1]), Number(values[3 * index + 2])];
}

function quaternionOf(values: Numbers, index: number): Quaternion {
  const found = new Quaternion(...([0, 1, 2, 3].map((k) => Number(values[4 * index + k])) as [number, number, number, number]));
  return found.lengthSq() > 0 ? found.normalize() : new Quaternion();
}

function turned(turn: unknown): Quaternion {
  const { axis, angle } = turn as { axis?: number[]; angle?: number };
  if (!Array.isArray(axis) || axis.length < 3) return new Quaternion().setFromEuler(new Euler());
  return new Quaternion().setFromAxisAngle(new Vector3(...(axis.slice(0, 3).map(Number) as [number, number, number])).normalize(), Number(angle ?? 0));
}

function floats(values: Numbers): Float32Array {
  return values instanceof Float32Array ? values.slice() : Float32Array.from(values as Float64Array, Number);
}

function colors(state: EntityState, archetype: string, count: number, repeat = 1): Float32Array {
  const given = numbersOf(state, `${archetype}:colors`);
  const ids = numbersOf(state, `${archetype}:class_ids`);
  const out = new Float32Array(count * repeat * 3);
  const color = new Color();
  for (let i = 0; i < count; i++) {
    const place = ids?.length ? Number(ids[Math.min(i, ids.length - 1)]) : 0;
    const [r, g, b] = colorOf(given, i, PALETTE[place % PALETTE.length]!);
    color.setRGB(r / 255, g / 255, b / 255, "srgb");
    for (let k = 0; k < repeat; k++) out.set([color.r, color.g, color.b], (i * repeat + k) * 3);
  }
  return out;
}

function addAll(group: Group, state: EntityState): void {
  const points = numbersOf(state, "Points3D:positions");
  if (points) {
    const geometry = new BufferGeometry();
    geometry.setAttribute("position", new BufferAttribute(floats(points), 3));
    geometry.setAttribute("color", new BufferAttribute(colors(state, "Points3D", points.length / 3), 3));
    const radius = Number(numbersOf(state, "Points3D:radii")?.[0] ?? -1.5);
    // a negative radius is one in pixels of the screen
    const size = radius > 0 ? { size: 2 * radius, sizeAttenuation: true } : { size: Math.max(-2 * radius, 1) * devicePixelRatio, sizeAttenuation: false };
    group.add(new Points(geometry, new PointsMaterial({ ...size, vertexColors: true })));
  }
  const strips = arraysOf(state, "LineStrips3D:strips");
  if (strips.length) {
    const pieces = strips.map((strip) => segments(floats(strip)));
    const tints = colors(state, "LineStrips3D", strips.length);
    const tint = pieces.map((piece, index) => {
      const out = new Float32Array(piece.length);
      for (let i = 0; i < piece.length; i += 3) out.set(tints.subarray(3 * index, 3 * index + 3), i);
      return out;
    });
    group.add(lines(joined(pieces), joined(tint)));
  }
  const vectors = numbersOf(state, "Arrows3D:vectors");
  if (vectors) group.add(arrows(vectors, numbersOf(state, "Arrows3D:origins"), colors(state, "Arrows3D", vectors.length / 3)));
  const halves = numbersOf(state, "Boxes3D:half_sizes");
  if (halves) addBoxes(group, state, halves);
  const vertices = numbersOf(state, "Mesh3D:vertex_positions");
  if (vertices) addMesh(group, state, vertices);
  const projection = numbersOf(state, "Pinhole:image_from_camera");
  if (projection) addCamera(group, state, projection);
}

function lines(positions: Float32Array, tints: Float32Array): LineSegments {
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(positions, 3));
  geometry.setAttribute("color", new BufferAttribute(tints, 3));
  return new LineSegments(geometry, new LineBasicMaterial({ vertexColors: true }));
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

function arrows(vectors: Numbers, origins: Numbers | null, tints: Float32Array): LineSegments {
  const count = vectors.length / 3;
  const positions = new Float32Array(count * 18);
  const tint = new Float32Array(count * 18);
  const side = new Vector3();
  for (let i = 0; i < count; i++) {
    const from = origins ? new Vector3(...triple(origins, Math.min(i, origins.length / 3 - 1))) : new Vector3();
    const vector = new Vector3(...triple(vectors, i));
    const tip = from.clone().add(vector);
    side.set(vector.y, -vector.x, 0);
    if (side.lengthSq() < 1e-12) side.set(1, 0, 0);
    side.setLength(vector.length() * 0.08);
    const neck = from.clone().addScaledVector(vector, 0.82);
    const ends = [from, tip, tip, neck.clone().add(side), tip, neck.clone().sub(side)];
    ends.forEach((each, k) => {
      positions.set([each.x, each.y, each.z], i * 18 + 3 * k);
      tint.set(tints.subarray(3 * i, 3 * i + 3), i * 18 + 3 * k);
    });
  }
  return lines(positions, tint);
}

function addBoxes(group: Group, state: EntityState, halves: Numbers): void {
  const centers = numbersOf(state, "Boxes3D:centers");
  const turns = numbersOf(state, "Boxes3D:quaternions");
  const turnsByAxis = structsOf(state, "Boxes3D:rotation_axis_angles");
  const solid = Number(numbersOf(state, "Boxes3D:fill_mode")?.[0] ?? 1) >= 3;
  const given = numbersOf(state, "Boxes3D:colors");
  for (let i = 0; i < halves.length / 3; i++) {
    const [x, y, z] = triple(halves, i);
    const box = new BoxGeometry(2 * x, 2 * y, 2 * z);
    const [r, g, b] = colorOf(given, i, PALETTE[i % PALETTE.length]!);
    const color = new Color().setRGB(r / 255, g / 255, b / 255, "srgb");
    const shape = solid ? new Mesh(box, new MeshLambertMaterial({ color })) : new LineSegments(new EdgesGeometry(box), new LineBasicMaterial({ color }));
    if (centers) shape.position.set(...triple(centers, Math.min(i, centers.length / 3 - 1)));
    if (turns) shape.quaternion.copy(quaternionOf(turns, Math.min(i, turns.length / 4 - 1)));
    else if (turnsByAxis.length) shape.quaternion.copy(turned(turnsByAxis[Math.min(i, turnsByAxis.length - 1)]));
    group.add(shape);
  }
}

function addMesh(group: Group, state: EntityState, vertices: Numbers): void {
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(floats(vertices), 3));
  const triangles = numbersOf(state, "Mesh3D:triangle_indices");
  const count = vertices.length / 3;
  if (triangles) geometry.setIndex([...(triangles as Uint32Array)].map((each) => Math.min(each, count - 1)));
  const given = numbersOf(state, "Mesh3D:vertex_colors");
  if (given) {
    const tints = new Float32Array(count * 3);
    const color = new Color();
    for (let i = 0; i < count; i++) {
      const [r, g, b] = colorOf(given, i, PALETTE[0]!);
      color.setRGB(r / 255, g / 255, b / 255, "srgb");
      tints.set([color.r, color.g, color.b], 3 * i);
    }
    geometry.setAttribute("color", new BufferAttribute(tints, 3));
  }
  geometry.computeVertexNormals();
  const [r, g, b] = colorOf(numbersOf(state, "Mesh3D:albedo_factor"), 0, given ? [255, 255, 255] : PALETTE[0]!);
  const color = new Color().setRGB(r / 255, g / 255, b / 255, "srgb");
  group.add(new Mesh(geometry, new MeshLambertMaterial({ color, vertexColors: given !== null, side: DoubleSide })));
}

function addCamera(group: Group, state: EntityState, projection: Numbers): void {
  const m = [...projection].map(Number); // column by column
  const resolution = numbersOf(state, "Pinhole:resolution");
  const [width, height] = resolution ? [Number(resolution[0]), Number(resolution[1])] : [2 * m[6]!, 2 * m[7]!];
  const depth = Number(numbersOf(state, "Pinhole:image_plane_distance")?.[0] ?? 0.3);
  const corner = (u: number, v: number): number[] => [((u - m[6]!) / m[0]!) * depth, ((v - m[7]!) / m[4]!) * depth, depth];
  const corners = [corner(0, 0), corner(width, 0), corner(width, height), corner(0, height)];
  const positions = corners.flatMap((each, i) => [0, 0, 0, ...each, ...each, ...corners[(i + 1) % 4]!]);
  const tints = new Float32Array(positions.length).fill(0.7);
  group.add(lines(Float32Array.from(positions), tints));
}
