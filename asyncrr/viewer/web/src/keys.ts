// The keyboard.
import { signal } from "@preact/signals";
import { follow, moveTo, step, togglePlay } from "./moving";
import { isPlaying, isTreeOpen, openedLine, selection, span } from "./state";

export const isHelpOpen = signal(false);

export const KEYS: [string, string][] = [
  ["Space", "Play, or stop"],
  ["←  →", "To the previous or next time at which something was logged"],
  ["Shift ← →", "Move the tile that has the focus"],
  ["Home", "To the beginning"],
  ["End", "Follow what is logged now"],
  ["/", "Search entities: Enter opens the first found, ↓ goes to them"],
  ["↑  ↓", "In the tree: from entity to entity; in the log: from line to line"],
  ["Enter", "Open an entity, or a line of the log"],
  ["Esc", "Close, empty a search, or select nothing"],
  ["?", "This help"],
];

export function installKeys(): void {
  addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) {
      if (event.key === "Escape") target.blur();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " && target.matches("button:focus-visible")) return; // whoever goes by keys presses the button
    if (event.shiftKey && event.key.startsWith("Arrow")) return;
    const actions: Record<string, () => void> = {
      " ": togglePlay,
      ArrowLeft: () => step(-1),
      ArrowRight: () => step(1),
      Home: () => {
        isPlaying.value = false;
        if (span.value) moveTo(span.value.min);
      },
      End: follow,
      "/": () => document.querySelector<HTMLInputElement>("#search")?.focus(),
      "?": () => (isHelpOpen.value = !isHelpOpen.value),
      Escape: () => {
        if (isHelpOpen.value) isHelpOpen.value = false;
        else if (isTreeOpen.value) isTreeOpen.value = false;
        else if (openedLine.value !== null) openedLine.value = null;
        else selection.value = null;
      },
    };
    const action = Object.hasOwn(actions, event.key) ? actions[event.key] : undefined;
    if (!action) return;
    event.preventDefault();
    action();
  });
}
