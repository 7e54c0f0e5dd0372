// Videos: a file's content as the browser plays it, at the frame that is referred to; of streams only what they are.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { firstArray, numbersOf, stringsOf } from "../archetypes";
import { held } from "../state";
import { formatBytes } from "../times";
import type { TileProps } from "./index";

const CODECS: Record<number, string> = { 1635135537: "AV1", 1635148593: "H.264", 1751479857: "H.265", 1987063864: "VP8", 1987063865: "VP9" };
const PLAYED = /^video\/(mp4|webm|ogg)$/;

export function VideoTile({ tile }: TileProps) {
  const element = useRef<HTMLVideoElement>(null);
  const problem = useSignal("");
  const path = tile.entities[0]!;
  const state = held.value.get(path);
  const bytes = firstArray(state, "AssetVideo:blob") as Uint8Array<ArrayBuffer> | null;
  const type = stringsOf(state, "AssetVideo:media_type")[0] ?? "video/mp4";
  const sample = firstArray(state, "VideoStream:sample");
  const reference = tile.entities
    .map((each) => ({ each, found: held.value.get(each) }))
    .find(({ each, found }) => found?.has("VideoFrameReference:timestamp") && (stringsOf(found, "VideoFrameReference:video_reference")[0] ?? each).replace(/^\//, "") === path);
  const time = numbersOf(reference?.found, "VideoFrameReference:timestamp")?.[0];

  useEffect(() => {
    const video = element.current;
    if (!video || !bytes) return;
    problem.value = PLAYED.test(type) ? "" : `Videos of type ${type} are not played here.`;
    if (problem.value) return;
    const address = URL.createObjectURL(new Blob([bytes], { type }));
    video.src = address;
    return () => {
      video.removeAttribute("src");
      URL.revokeObjectURL(address);
    };
  }, [bytes, type]);
  useEffect(() => {
    if (element.current && time !== undefined) element.current.currentTime = Number(time) / 1e9;
  }, [time, bytes]);

  if (sample) {
    const codec = CODECS[Number(numbersOf(state, "VideoStream:codec")?.[0])] ?? "unknown codec";
    return <p class="muted pad fill">A stream of video ({codec}): this page does not decode streams. The sample at this time has {formatBytes(sample.length)}.</p>;
  }
  if (!bytes) return <p class="muted pad fill">No video at this time.</p>;
  return (
    <>
      <div class="raster fill">
        <video ref={element} muted playsInline controls={time === undefined} hidden={problem.value !== ""} onError={() => (problem.value = "This browser cannot play the video.")} />
        {problem.value && <p class="muted pad">{problem.value}</p>}
      </div>
      <div class="legend">
        <span class="muted">
          {type} · {formatBytes(bytes.length)}
          {time !== undefined && ` · frame at ${(Number(time) / 1e9).toFixed(3)} s`}
        </span>
      </div>
    </>
  );
}
