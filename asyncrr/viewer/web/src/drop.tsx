// Dropping files onto the page.
import { signal } from "@preact/signals";
import { IconButton } from "./buttons";
import { openRecording, reopenRecording } from "./live";
import { dropped, recordingId } from "./state";

export const isDragging = signal(false);
export const problem = signal("");

/** Files may be dropped anywhere; what is dragged within the page is no file. */
export function installDrop(): void {
  const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    isDragging.value = true;
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) isDragging.value = false;
  });
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    isDragging.value = false;
    void openFiles([...(event.dataTransfer?.files ?? [])]);
  });
}

export async function openFiles(files: File[]): Promise<void> {
  const { MAX_FILE_BYTES, readDropped } = await import("./dropped");
  for (const file of files) {
    try {
      if (file.size > MAX_FILE_BYTES) throw new Error(`it has more than ${MAX_FILE_BYTES / 2 ** 20} MiB: asyncrr view shows it`);
      const found = readDropped(new Uint8Array(await file.arrayBuffer()), file.name);
      dropped.value = new Map([...dropped.value, ...found.map((each) => [each.facts.recording_id, each] as const)]);
      problem.value = "";
      if (found.some((each) => each.facts.recording_id === recordingId.value)) reopenRecording();
      else openRecording(found[0]!.facts.recording_id);
    } catch (error) {
      problem.value = `${file.name} cannot be shown: ${error instanceof Error ? error.message : ""}`;
    }
  }
}

export function DropVeil() {
  return (
    <>
      {isDragging.value && <div class="veil dropping">Drop a .arrd file to look at it; it stays on this machine</div>}
      {problem.value && (
        <div class="toast" role="alert">
          {problem.value}
          <IconButton label="Close" onClick={() => (problem.value = "")}>
            ×
          </IconButton>
        </div>
      )}
    </>
  );
}

/** Where files are chosen; what is written in it is what it says. */
export function FileChoice({ children }: { children: string }) {
  return (
    <label class="link">
      {children}
      <input class="unseen" type="file" accept=".arrd" multiple onChange={(event) => void openFiles([...(event.currentTarget.files ?? [])])} />
    </label>
  );
}
