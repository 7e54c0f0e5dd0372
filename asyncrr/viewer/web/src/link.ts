// Deep links: #recording=…&when=step@100&selection=/camera&line=…, kept up to date so that a reload keeps the place.
import { batch, effect } from "@preact/signals";
import { openRecording } from "./live";
import { cursor, dropped, isFollowing, isListed, lostFile, openedLine, recordingId, selection, timeline } from "./state";

export function readLink(): void {
  const given = new URLSearchParams(location.hash.slice(1));
  const recording = given.get("recording");
  batch(() => {
    isListed.value = given.has("all");
    openRecording(recording, given.get("file"));
    const when = given.get("when");
    if (when) {
      const split = when.lastIndexOf("@");
      const time = when.slice(split + 1);
      timeline.value = split < 0 ? when : when.slice(0, split);
      isFollowing.value = split < 0 || !/^-?\d+$/.test(time);
      cursor.value = isFollowing.value ? null : BigInt(time);
    }
    const selected = given.get("selection");
    selection.value = selected ? (selected === "/" ? "/" : selected.replace(/^\//, "")) : null;
    openedLine.value = given.get("line");
  });
}

export function linkNow(): string {
  const parts: string[] = [];
  if (recordingId.value !== null) parts.push(`recording=${encodeURIComponent(recordingId.value)}`);
  else if (isListed.value) parts.push("all");
  const file = lostFile.value ?? dropped.value.get(recordingId.value ?? "")?.file;
  if (file !== undefined) parts.push(`file=${encodeURIComponent(file)}`);
  if (timeline.value) {
    const time = isFollowing.value || cursor.value === null ? "" : `@${cursor.value}`;
    parts.push(`when=${encodeURIComponent(timeline.value)}${time}`);
  }
  if (selection.value !== null) parts.push(`selection=${encodeURIComponent(selection.value)}`);
  if (openedLine.value !== null) parts.push(`line=${encodeURIComponent(openedLine.value)}`);
  return parts.length ? `#${parts.join("&")}` : "";
}

export function watchLink(): void {
  let ours = location.hash;
  let timer = 0;
  effect(() => {
    const link = linkNow();
    clearTimeout(timer);
    timer = window.setTimeout(() => {
      // an address that is not ours has just been entered: it is read, not overwritten
      if (link === location.hash || location.hash !== ours) return;
      ours = link;
      history.replaceState(null, "", `${location.pathname}${link}`);
    }, 150);
  });
  addEventListener("hashchange", () => {
    if (location.hash === ours) return;
    if (new URLSearchParams(location.hash.slice(1)).has("token")) location.reload();
    ours = location.hash;
    readLink();
  });
}
