// A scene in space: what entities hold, under the transforms above them, looked at from anywhere.
import {
  AmbientLight, AxesHelper, Box3, DirectionalLight, GridHelper, Group, PerspectiveCamera, Scene, Vector3, WebGLRenderer,
  type Mesh, type Object3D,
} from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
import { firstArray, stringsOf } from "./archetypes";
import { classesOf, contextOf } from "./classes";
import { shapesOf, type Label } from "./shapes";
import type { EntityState } from "./state";
import { worldOf } from "./transforms";

interface Part {
  state: EntityState;
  context: EntityState | undefined;
  group: Group;
  labels: Label[];
}

const MOST_LABELS = 200;

export class Scene3D {
  private readonly renderer: WebGLRenderer;
  private readonly scene = new Scene();
  private readonly camera = new PerspectiveCamera(45, 1, 0.001, 1e6);
  private readonly controls: OrbitControls;
  private readonly observer: ResizeObserver;
  private readonly texts: HTMLElement;
  private readonly content = new Group();
  private readonly parts = new Map<string, Part>();
  private help: Object3D[] = [];
  private gone: Object3D[] = [];
  private isFitted = false;
  private isMoved = false;
  private isDrawing = false;
  private isClosed = false;

  constructor(
    private readonly element: HTMLElement,
    private readonly onProblem: (text: string) => void,
  ) {
    this.renderer = new WebGLRenderer({ antialias: true, alpha: true });
    this.renderer.setPixelRatio(devicePixelRatio);
    this.texts = document.createElement("div");
    this.texts.className = "labels";
    element.append(this.renderer.domElement, this.texts);
    this.camera.up.set(0, 0, 1);
    this.camera.position.set(3, -4, 3);
    const sun = new DirectionalLight(0xffffff, 2);
    sun.position.set(2, -3, 5);
    this.scene.add(new AmbientLight(0xffffff, 1.4), sun, this.content);
    this.controls = new OrbitControls(this.camera, this.renderer.domElement);
    this.controls.addEventListener("change", () => this.draw());
    this.controls.addEventListener("start", () => (this.isMoved = true));
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(element);
    this.resize();
  }

  close(): void {
    this.isClosed = true;
    this.observer.disconnect();
    this.controls.dispose();
    [this.content, ...this.gone].forEach(dispose);
    this.renderer.dispose();
    this.renderer.domElement.remove();
    this.texts.remove();
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
      if (this.isClosed) return;
      this.renderer.render(this.scene, this.camera);
      this.placeLabels();
      // only now, so that a program that what is new uses as well is not compiled again
      this.gone.splice(0).forEach(dispose);
    });
  }

  /** Draw what entities hold; what did not change since is kept. */
  show(entities: string[], states: Map<string, EntityState>): void {
    for (const [path, part] of this.parts) {
      if (entities.includes(path) && states.get(path) === part.state && contextOf(states, path) === part.context) continue;
      this.content.remove(part.group);
      this.gone.push(part.group);
      this.parts.delete(path);
    }
    for (const path of entities) {
      const state = states.get(path);
      if (!state?.size) continue;
      let part = this.parts.get(path);
      if (!part) {
        const context = contextOf(states, path);
        part = { state, context, ...shapesOf(state, classesOf(context)) };
        part.group.matrixAutoUpdate = false;
        this.parts.set(path, part);
        this.content.add(part.group);
        this.addModel(part);
      }
      part.group.matrix.copy(worldOf(path, states));
      part.group.matrixWorldNeedsUpdate = true;
    }
    this.content.updateMatrixWorld(true);
    this.writeLabels();
    this.fitOnce();
    this.draw();
  }

  private addModel(part: Part): void {
    const bytes = firstArray(part.state, "Asset3D:blob") as Uint8Array | null;
    if (!bytes) return;
    const type = stringsOf(part.state, "Asset3D:media_type")[0];
    import("./models")
      .then(({ modelOf }) => modelOf(bytes, type))
      .then(
        (model) => {
          if (this.isClosed) return;
          part.group.add(model);
          if (!this.isMoved) this.fit();
          this.draw();
        },
        (error: unknown) => this.onProblem(`A model cannot be shown: ${error instanceof Error ? error.message : ""}`),
      );
  }

  private fitOnce(): void {
    if (!this.isFitted && !this.bounds().isEmpty()) this.fit();
  }

  private bounds(): Box3 {
    return new Box3().setFromObject(this.content);
  }

  private writeLabels(): void {
    const labels = [...this.parts.values()].flatMap((part) => part.labels).slice(0, MOST_LABELS);
    while (this.texts.childElementCount > labels.length) this.texts.lastElementChild!.remove();
    while (this.texts.childElementCount < labels.length) this.texts.append(document.createElement("span"));
    labels.forEach(({ text, color }, index) => {
      const element = this.texts.children[index] as HTMLElement;
      if (element.textContent !== text) element.textContent = text;
      element.style.background = color;
    });
  }

  private placeLabels(): void {
    const [width, height] = [this.element.clientWidth, this.element.clientHeight];
    const point = new Vector3();
    let index = 0;
    for (const part of this.parts.values()) {
      for (const { place } of part.labels) {
        const element = this.texts.children[index++] as HTMLElement | undefined;
        if (!element) return;
        point.copy(place).applyMatrix4(part.group.matrixWorld).project(this.camera);
        const isSeen = point.z < 1 && Math.abs(point.x) < 1.1 && Math.abs(point.y) < 1.1;
        element.style.display = isSeen ? "" : "none";
        element.style.transform = `translate(-50%, -130%) translate(${((point.x + 1) / 2) * width}px, ${((1 - point.y) / 2) * height}px)`;
      }
    }
  }

  /** Stand where everything is seen. */
  fit(): void {
    const box = this.bounds();
    if (box.isEmpty()) return;
    const center = box.getCenter(new Vector3());
    const radius = Math.max(box.getSize(new Vector3()).length() / 2, 1e-3);
    const half = Math.tan((this.camera.fov * Math.PI) / 360) * Math.min(this.camera.aspect, 1);
    this.camera.near = radius / 1000;
    this.camera.far = radius * 1000;
    this.camera.position.copy(center).add(new Vector3(0.75, -1, 0.6).normalize().multiplyScalar((radius * 1.1) / half));
    this.camera.updateProjectionMatrix();
    this.controls.target.copy(center);
    this.controls.update();
    this.scene.remove(...this.help);
    const cell = niceStep(radius / 2.5);
    const cells = 2 * Math.ceil((radius * 1.2) / cell);
    const grid = new GridHelper(cell * cells, cells, 0x808a96, 0x808a96);
    grid.material.transparent = true;
    grid.material.opacity = 0.28;
    grid.material.depthWrite = false;
    grid.rotateX(Math.PI / 2);
    grid.position.set(Math.round(center.x / cell) * cell, Math.round(center.y / cell) * cell, 0);
    this.help = [grid, new AxesHelper(cell / 2)];
    this.scene.add(...this.help);
    this.isFitted = true;
    this.draw();
  }
}

function niceStep(width: number): number {
  const power = 10 ** Math.floor(Math.log10(width));
  return power * (width / power >= 5 ? 5 : width / power >= 2 ? 2 : 1);
}

function dispose(group: Object3D): void {
  group.traverse((each: Object3D) => {
    const { geometry, material } = each as Mesh;
    geometry?.dispose();
    for (const one of Array.isArray(material) ? material : material ? [material] : []) one.dispose();
  });
}
