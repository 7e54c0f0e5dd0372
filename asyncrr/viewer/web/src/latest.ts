// Latest-at: what holds at the time, of what is shown.
import { effect } from "@preact/signals";
import { source } from "./requests";
import { at, changedAt, entities, held, isFollowing, news, recordingId, selection, timeline, timelines, wanted } from "./state";

let latestBusy = false;
let latestAgain = false;
let fetched = { id: "", timeline: "", at: null as bigint | null, follows: false, news: 0, entities: new Set<string>() };

export function want(key: string, paths: string[] | null): void {
  const next = new Map(wanted.value);
  if (paths) next.set(key, paths);
  else next.delete(key);
  wanted.value = next;
}

async function fetchLatest(): Promise<void> {
  const id = recordingId.value;
  const name = timeline.value;
  // where nothing has a time, what is static holds at any
  const time = at.value ?? (entities.value.size && !timelines.value.size ? 0n : null);
  if (id === null || time === null) return;
  const all = new Set<string>();
  for (const paths of wanted.value.values()) for (const path of paths) if (entities.value.has(path)) all.add(path);
  if (selection.value !== null && entities.value.has(selection.value)) all.add(selection.value);
  const count = news.value;
  // who follows has everything up to the end: only what changed since can differ
  const follows = isFollowing.value;
  const isSameTime = fetched.id === id && fetched.timeline === name && (fetched.at === time || (follows && fetched.follows));
  const stale = [...all].filter(
    (path) => !isSameTime || !fetched.entities.has(path) || (changedAt.get(path) ?? 0) > fetched.news,
  );
  const hasClear = stale.some((path) => "Clear:is_recursive" in (entities.value.get(path)?.components ?? {}));
  const asked = hasClear ? [...all] : stale;
  if (!asked.length) return;
  const found = await source().latest(name, time, asked);
  if (id !== recordingId.value || name !== timeline.value) return;
  const next = new Map(held.value);
  for (const path of asked) next.set(path, found.get(path) ?? new Map());
  fetched = { id, timeline: name, at: time, follows, news: count, entities: isSameTime ? new Set([...fetched.entities, ...asked]) : all };
  held.value = next;
}

async function pumpLatest(): Promise<void> {
  if (latestBusy) {
    latestAgain = true;
    return;
  }
  latestBusy = true;
  try {
    await fetchLatest();
  } catch {
    // the next change asks again
  }
  setTimeout(() => {
    latestBusy = false;
    if (latestAgain) {
      latestAgain = false;
      void pumpLatest();
    }
  }, 40);
}

effect(() => {
  void [at.value, timeline.value, wanted.value, news.value, selection.value, recordingId.value];
  void pumpLatest();
});
