// The page: where it begins.
import { render } from "preact";
import { effect } from "@preact/signals";
import { App } from "./app";
import { installDrop } from "./drop";
import { installKeys } from "./keys";
import { readLink, watchLink } from "./link";
import { pollRecordings } from "./live";
import { login } from "./requests";
import { current, dark, isNarrow, recordingId } from "./state";
import "./latest";

const stored = localStorage.getItem("asyncrr.theme");
dark.value = stored ? stored === "dark" : !matchMedia("(prefers-color-scheme: light)").matches;
effect(() => {
  document.documentElement.dataset["theme"] = dark.value ? "dark" : "light";
});

const narrow = matchMedia("(max-width: 600px)");
const measure = () => (isNarrow.value = narrow.matches);
measure();
narrow.addEventListener("change", measure);
effect(() => {
  document.title = recordingId.value === null ? "asyncrr" : `${current.value?.application_id ?? recordingId.value} · asyncrr`;
});

await login().catch(() => undefined);
readLink();
watchLink();
installKeys();
installDrop();
void pollRecordings();
render(<App />, document.getElementById("app")!);
