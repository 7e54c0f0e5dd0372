// Models: the content of 3D files. Loaded only where there is one; nothing in a file makes the page ask for anything.
import { Group, LoadingManager, Mesh, MeshLambertMaterial, type Object3D } from "three";
import { GLTFLoader } from "three/examples/jsm/loaders/GLTFLoader.js";
import { OBJLoader } from "three/examples/jsm/loaders/OBJLoader.js";
import { STLLoader } from "three/examples/jsm/loaders/STLLoader.js";

const MAX_BYTES = 2 ** 28;

/** What a file holds.
 *
 * @param bytes its content
 * @param type its media type, if that is known
 */
export async function modelOf(bytes: Uint8Array, type: string | undefined): Promise<Object3D> {
  if (bytes.length > MAX_BYTES) throw new Error("the model is too large");
  const content = bytes.slice().buffer;
  const text = () => new TextDecoder().decode(bytes);
  if (type === "model/stl") return new Mesh(new STLLoader().parse(content), new MeshLambertMaterial({ color: 0xb8c4d4 }));
  if (type === "model/obj") return new OBJLoader(confined([])).parse(text());
  if (type !== "model/gltf-binary" && type !== "model/gltf+json" && !starts(bytes, "glTF")) throw new Error(`models of type ${type ?? "unknown"} are not shown`);
  const made: string[] = [];
  try {
    const found = await new GLTFLoader(confined(made)).parseAsync(type === "model/gltf+json" ? text() : content, "");
    return new Group().add(found.scene);
  } finally {
    for (const each of made) URL.revokeObjectURL(each);
  }
}

function starts(bytes: Uint8Array, magic: string): boolean {
  return [...magic].every((character, index) => bytes[index] === character.charCodeAt(0));
}

/** Parts that the file itself brings may be read; addresses of anything else lead nowhere. */
function confined(made: string[]): LoadingManager {
  const manager = new LoadingManager();
  manager.setURLModifier((url) => {
    if (url.startsWith("blob:")) return url;
    const data = /^data:([\w/+.-]*);base64,([A-Za-z0-9+/=\s]*)$/.exec(url);
    if (!data) return "blob:nothing";
    const blob = new Blob([Uint8Array.from(atob(data[2]!), (each) => each.charCodeAt(0))], { type: data[1]! });
    made.push(URL.createObjectURL(blob));
    return made[made.length - 1]!;
  });
  return manager;
}
