// Videos: a file's content as the browser plays it, at the frame that is referred to; streams as they are decoded.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { firstArray, numbersOf, stringsOf } from "../archetypes";
import { CODECS } from "../codecs";
import { rowId } from "../requests";
import { held, isFollowing, timeline } from "../state";
import type { StreamPlayer } from "../streams";
import { formatBytes } from "../times";
import type { TileProps } from "./index";

const PLAYED = /^video\/(mp4|webm|ogg)$/;
/** Times of frames are rounded in files: a little later is surely within the frame. */
const WITHIN_FRAME_SECONDS = 5e-5;

export function VideoTile({ tile }: TileProps) {
  const state = held.value.get(tile.entities[0]!);
  if (state?.has("VideoStream:sample")) return <StreamView tile={tile} />;
  if (state?.has("AssetVideo:blob")) return <FileView tile={tile} />;
  return <p class="muted pad fill">No video at this time.</p>;
}

function FileView({ tile }: TileProps) {
  const element = useRef<HTMLVideoElement>(null);
  const problem = useSignal("");
  const path = tile.entities[0]!;
  const state = held.value.get(path);
  const bytes = firstArray(state, "AssetVideo:blob") as Uint8Array<ArrayBuffer>;
  const type = stringsOf(state, "AssetVideo:media_type")[0] ?? "video/mp4";
  const reference = tile.entities
    .map((each) => ({ each, found: held.value.get(each) }))
    .find(({ each, found }) => found?.has("VideoFrameReference:timestamp") && (stringsOf(found, "VideoFrameReference:video_reference")[0] ?? each).replace(/^\//, "") === path);
  const time = numbersOf(reference?.found, "VideoFrameReference:timestamp")?.[0];

  useEffect(() => {
    const video = element.current!;
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
    if (time !== undefined) element.current!.currentTime = Number(time) / 1e9 + WITHIN_FRAME_SECONDS;
  }, [time, bytes]);

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

function StreamView({ tile }: TileProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const player = useRef<StreamPlayer | null>(null);
  const isReady = useSignal(false);
  const problem = useSignal("");
  const size = useSignal("");
  const entity = tile.entities[0]!;
  const state = held.value.get(entity);
  const cell = state?.get("VideoStream:sample");
  const data = firstArray(state, "VideoStream:sample") as Uint8Array | null;
  const number = Number(numbersOf(state, "VideoStream:codec")?.[0]);
  const codec = CODECS[number] ?? (Number.isNaN(number) ? "a codec that is not told" : `codec ${number}`);
  const id = cell ? rowId(cell.writer, cell.row) : "";

  useEffect(() => {
    let isGone = false;
    void import("../streams").then(({ StreamPlayer }) => {
      if (isGone) return;
      player.current = new StreamPlayer(canvas.current!, (told) => {
        problem.value = told;
        size.value = `${canvas.current!.width} × ${canvas.current!.height}`;
      });
      isReady.value = true;
    });
    return () => {
      isGone = true;
      player.current?.close();
    };
  }, []);
  useEffect(() => {
    const time = cell?.times.get(timeline.value)?.value;
    if (!cell || !data || (time === undefined && !cell.isStatic)) return;
    const sample = { time: time ?? 0n, id, data };
    player.current?.show({ entity, timeline: timeline.value, codec, sample, isStatic: cell.isStatic, isFollowing: isFollowing.value });
  }, [id, entity, codec, timeline.value, isFollowing.value, isReady.value]);

  return (
    <>
      <div class="raster fill">
        <canvas ref={canvas} hidden={problem.value !== "" || size.value === ""} />
        {problem.value && <p class="muted pad">{problem.value}</p>}
      </div>
      <div class="legend">
        <span class="muted">{[codec, problem.value ? "" : size.value, data && formatBytes(data.length)].filter(Boolean).join(" · ")}</span>
      </div>
    </>
  );
}
