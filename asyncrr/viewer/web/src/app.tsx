// The frame of the page: header, tree, tiles, logs, selection, time.
import { IconButton } from "./buttons";
import { DropVeil } from "./drop";
import { isHelpOpen, KEYS } from "./keys";
import { LogPanel } from "./logs";
import { counts, ERROR, hasTexts, least, toggleLeast } from "./logview";
import { SelectionPanel } from "./selection";
import { listRecordings, openRecording } from "./live";
import { connection, current, damage, dark, endings, gaps, isTreeOpen, lostFile, openedLine, recordingId, shownRecordings, selection } from "./state";
import { hasTiles, TileGrid } from "./tiles";
import { TimeBar } from "./timebar";
import { counted, formatBytes, formatDate } from "./times";
import { Tree } from "./tree";
import { Welcome } from "./welcome";

export function App() {
  return (
    <>
      <Header />
      {recordingId.value === null ? <Welcome /> : <Workspace />}
      {isHelpOpen.value && <Help />}
      <DropVeil />
    </>
  );
}

function Workspace() {
  return (
    <div class={selection.value === null ? "workspace" : "workspace selecting"}>
      <Tree />
      {isTreeOpen.value && <div class="scrim" onClick={() => (isTreeOpen.value = false)} />}
      <main>
        {(hasTiles.value || !hasTexts.value) && <TileGrid />}
        {hasTexts.value && <LogPanel isAlone={!hasTiles.value} />}
      </main>
      {selection.value !== null && <SelectionPanel />}
      <TimeBar />
    </div>
  );
}

function Header() {
  const facts = current.value;
  const dropped = gaps.value.reduce((sum, each) => sum + each.rows, 0);
  return (
    <header>
      {recordingId.value !== null && (
        <IconButton label="Entities" class="icon menu" onClick={() => (isTreeOpen.value = !isTreeOpen.value)}>
          ☰
        </IconButton>
      )}
      <button class="brand" onClick={listRecordings} title="All recordings" aria-label="asyncrr: all recordings">
        <span class="dot" />
        <span class="word">asyncrr</span>
      </button>
      {recordingId.value !== null && (
        <>
          <span class="crumb">/</span>
          <select
            aria-label="Recording"
            value={recordingId.value}
            onChange={(event) => openRecording(event.currentTarget.value)}
          >
            {!facts && <option value={recordingId.value}>{lostFile.value ?? recordingId.value}</option>}
            {shownRecordings.value?.map((each) => (
              <option key={each.recording_id} value={each.recording_id}>
                {each.application_id} · {formatDate(BigInt(each.created_ns))}
              </option>
            ))}
          </select>
          <Chip />
          {counts.value.errors > 0 && (
            <button class={least.value === ERROR ? "chip bad on" : "chip bad"} aria-pressed={least.value === ERROR} title="Show the errors in the log" onClick={showErrors}>
              {counted(counts.value.errors, "error")}
            </button>
          )}
          {facts && (
            <span class="muted">
              {counted(facts.rows, "row")} · {formatBytes(facts.bytes)}
            </span>
          )}
          {dropped > 0 && (
            <span class="chip warn" title={gaps.value.map((each) => `${counted(each.rows, "row")}: ${each.reason}`).join("\n")}>
              {counted(dropped, "row")} dropped
            </span>
          )}
          {damage.value.length > 0 && (
            <span class="chip bad" title={damage.value.map((each) => each.reason).join("\n")}>
              {damage.value.length} damaged
            </span>
          )}
        </>
      )}
      <span class="spring" />
      <IconButton label="Dark or light" onClick={toggleTheme}>
        {dark.value ? "☾" : "☀"}
      </IconButton>
      <IconButton label="Keyboard (?)" class="icon keyboard" onClick={() => (isHelpOpen.value = true)}>
        ?
      </IconButton>
    </header>
  );
}

/** The log with errors alone, and the last of them in sight. */
function showErrors() {
  toggleLeast(ERROR);
  openedLine.value = null;
  endings.value++;
}

function toggleTheme() {
  dark.value = !dark.value;
  localStorage.setItem("asyncrr.theme", dark.value ? "dark" : "light");
}

function Chip() {
  if (connection.value === "away") return <span class="chip warn">reconnecting…</span>;
  if (connection.value === "missing") return <span class="chip bad">not here yet</span>;
  if (connection.value === "undropped") return <span class="chip warn">drop it again</span>;
  const facts = current.value;
  if (!facts) return null;
  if (facts.is_live) return <span class="chip live">live</span>;
  return facts.is_complete ? <span class="chip">complete</span> : <span class="chip warn">left open</span>;
}

function Help() {
  return (
    <div class="veil" onClick={() => (isHelpOpen.value = false)}>
      <div class="dialog" role="dialog" aria-modal="true" aria-label="Keyboard" onClick={(event) => event.stopPropagation()}>
        <div class="bar">
          <h2>Keyboard</h2>
          <span class="spring" />
          <button class="icon" aria-label="Close" ref={(button) => button?.focus()} onClick={() => (isHelpOpen.value = false)}>
            ×
          </button>
        </div>
        <table>
          <tbody>
            {KEYS.map(([key, meaning]) => (
              <tr key={key}>
                <td>
                  <kbd>{key}</kbd>
                </td>
                <td>{meaning}</td>
              </tr>
            ))}
          </tbody>
        </table>
        <p class="muted">In plots: drag to zoom, double-click for everything, click to move the time there.</p>
      </div>
    </div>
  );
}
