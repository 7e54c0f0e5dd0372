// What is in space; the part that draws it is loaded when it is first needed.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { dark, held } from "../state";
import type { Scene3D } from "../scene";
import type { TileProps } from "./index";

export function SpatialTile({ tile }: TileProps) {
  const place = useRef<HTMLDivElement>(null);
  const scene = useRef<Scene3D | null>(null);
  const problem = useSignal("");
  const note = useSignal("");
  const loaded = useSignal(0);
  useEffect(() => {
    let isClosed = false;
    import("../scene").then(
      (module) => {
        if (isClosed) return;
        try {
          scene.current = new module.Scene3D(place.current!, (text) => (note.value = text));
          loaded.value++;
        } catch (error) {
          problem.value = `3D needs WebGL, which this browser does not have: ${error instanceof Error ? error.message : ""}`;
        }
      },
      () => (problem.value = "The 3D part of the page could not be loaded."),
    );
    return () => {
      isClosed = true;
      scene.current?.close();
      scene.current = null;
    };
  }, []);
  useEffect(() => scene.current?.show(tile.entities, held.value), [loaded.value, held.value, dark.value, tile.entities.join("\0")]);
  return (
    <>
      <div class="spatial-view fill" ref={place}>
        {problem.value && <p class="muted pad">{problem.value}</p>}
      </div>
      <div class="legend">
        <span class="muted">{note.value || "Drag to turn, right-drag to move, wheel to zoom"}</span>
        <span class="spring" />
        <button onClick={() => scene.current?.fit()}>Fit</button>
      </div>
    </>
  );
}
