// The frame of the page: header, tree, tiles, logs, selection, time.
import { DropVeil, openFiles } from "./drop";
import { isHelpOpen, KEYS } from "./keys";
import { LogPanel } from "./logs";
import { SelectionPanel } from "./selection";
import { openRecording } from "./live";
import { access, connection, current, damage, dark, gaps, recordingId, shownRecordings, selection } from "./state";
import { TileGrid } from "./tiles";
import { TimeBar } from "./timebar";
import { formatBytes, formatDate } from "./times";
import { isTreeOpen, Tree } from "./tree";

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
      <main>
        <TileGrid />
        <LogPanel />
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
        <button class="icon menu" title="Entities" onClick={() => (isTreeOpen.value = !isTreeOpen.value)}>
          ☰
        </button>
      )}
      <button class="brand" onClick={() => openRecording(null)} title="All recordings">
        <span class="dot" />
        asyncrr
      </button>
      {recordingId.value !== null && (
        <>
          <span class="crumb">/</span>
          <select
            aria-label="Recording"
            value={recordingId.value}
            onChange={(event) => openRecording(event.currentTarget.value)}
          >
            {!facts && <option value={recordingId.value}>{recordingId.value}</option>}
            {shownRecordings.value?.map((each) => (
              <option key={each.recording_id} value={each.recording_id}>
                {each.application_id} · {formatDate(BigInt(each.created_ns))}
              </option>
            ))}
          </select>
          <Chip />
          {facts && (
            <span class="muted">
              {facts.rows.toLocaleString("en")} rows · {formatBytes(facts.bytes)}
            </span>
          )}
          {dropped > 0 && (
            <span class="chip warn" title={gaps.value.map((each) => `${each.rows} rows: ${each.reason}`).join("\n")}>
              {dropped.toLocaleString("en")} rows dropped
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
      <button class="icon" title="Dark or light" onClick={toggleTheme}>
        {dark.value ? "☾" : "☀"}
      </button>
      <button class="icon" title="Keyboard (?)" onClick={() => (isHelpOpen.value = true)}>
        ?
      </button>
    </header>
  );
}

function toggleTheme() {
  dark.value = !dark.value;
  localStorage.setItem("asyncrr.theme", dark.value ? "dark" : "light");
}

function Chip() {
  if (connection.value === "away") return <span class="chip warn">reconnecting…</span>;
  if (connection.value === "missing") return <span class="chip bad">not here yet</span>;
  const facts = current.value;
  if (!facts) return null;
  if (facts.is_live) return <span class="chip live">live</span>;
  return facts.is_complete ? <span class="chip">complete</span> : <span class="chip warn">left open</span>;
}

function Welcome() {
  const all = shownRecordings.value;
  const address = location.origin.replace(/^http/, "ws");
  if (access.value === "token") {
    return (
      <section class="welcome">
        <h1>This collector asks for its token</h1>
        <p>Open the address that it printed when it started; it ends in #token=…</p>
      </section>
    );
  }
  return (
    <section class="welcome">
      {access.value === "page" && <h1>This page is served alone, without a collector</h1>}
      {access.value === "away" && <p class="chip warn">The collector does not answer; trying again.</p>}
      {all !== null && all.length > 0 && (
        <>
          <h1>Recordings</h1>
          <div class="cards">
            {all.map((each) => (
              <button key={each.recording_id} class="card" onClick={() => openRecording(each.recording_id)}>
                <span class="card-title">
                  {each.application_id}
                  {each.is_live ? (
                    <span class="chip live">live</span>
                  ) : each.is_complete ? (
                    <span class="chip">complete</span>
                  ) : (
                    <span class="chip warn">left open</span>
                  )}
                </span>
                <span class="muted">{formatDate(BigInt(each.created_ns))}</span>
                <code>{each.recording_id}</code>
                <span>
                  {each.rows.toLocaleString("en")} rows · {formatBytes(each.bytes)}
                  {each.dropped_rows > 0 && (
                    <span class="warn-text"> · {each.dropped_rows.toLocaleString("en")} dropped</span>
                  )}
                </span>
              </button>
            ))}
          </div>
        </>
      )}
      {all !== null && (
        <div class="connect">
          <h2>{all.length ? "Connect another program" : "No recordings yet: connect a program"}</h2>
          <pre>{`import asyncrr as rr

async with rr.new_recording("my_app") as rec:
    await rec.connect("${address}")
    await rec.log("hello", rr.TextLog("Hello from Python"))`}</pre>
        </div>
      )}
      <p class="muted drop-hint">
        {access.value === "page" ? "Drop" : "Or drop"} a .arrd file anywhere on this page, or{" "}
        <label class="link">
          choose one
          <input type="file" accept=".arrd" multiple hidden onChange={(event) => void openFiles([...(event.currentTarget.files ?? [])])} />
        </label>
        . It is read here and sent nowhere.
      </p>
    </section>
  );
}

function Help() {
  return (
    <div class="veil" onClick={() => (isHelpOpen.value = false)}>
      <div class="dialog" role="dialog" aria-label="Keyboard" onClick={(event) => event.stopPropagation()}>
        <h2>Keyboard</h2>
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
