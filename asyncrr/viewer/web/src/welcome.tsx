// The page without a recording: which there are, how a program connects, where a file is dropped.
import { useSignal } from "@preact/signals";
import { FileChoice } from "./drop";
import { openRecording } from "./live";
import { access, shownRecordings, takesRows, type RecordingFacts } from "./state";
import { counted, formatBytes, formatDate } from "./times";

export function Welcome() {
  const all = shownRecordings.value;
  if (access.value === "token") {
    return (
      <section class="welcome">
        <h1>This collector asks for its token</h1>
        <p>Open the address that it printed when it started; it ends in #token=…</p>
      </section>
    );
  }
  return (
    <main class="welcome">
      {access.value === "page" && <h1>This page is served alone, without a collector</h1>}
      {access.value === "away" && <p class="chip warn">The collector does not answer; trying again.</p>}
      {all !== null && all.length > 0 && (
        <>
          <h1>Recordings</h1>
          <div class="cards">
            {all.map((each) => (
              <Card key={each.recording_id} facts={each} />
            ))}
          </div>
        </>
      )}
      {takesRows.value === true && <Connecting isFirst={!all?.length} />}
      {takesRows.value === false && !all?.length && <h1>There is nothing in it yet</h1>}
      <p class="muted drop-hint">
        {access.value === "page" ? "Drop" : "Or drop"} a .arrd file anywhere on this page, or <FileChoice>choose one</FileChoice>. It is read here and sent nowhere.
      </p>
    </main>
  );
}

function Card({ facts }: { facts: RecordingFacts }) {
  return (
    <button class="card" onClick={() => openRecording(facts.recording_id)}>
      <span class="card-title">
        <span class="title">{facts.application_id}</span>
        {facts.is_live ? <span class="chip live">live</span> : facts.is_complete ? <span class="chip">complete</span> : <span class="chip warn">left open</span>}
      </span>
      <span class="muted">{formatDate(BigInt(facts.created_ns))}</span>
      <code>{facts.recording_id}</code>
      <span>
        {counted(facts.rows, "row")} · {formatBytes(facts.bytes)}
        {facts.dropped_rows > 0 && <span class="warn-text"> · {facts.dropped_rows.toLocaleString("en")} dropped</span>}
      </span>
    </button>
  );
}

function Connecting({ isFirst }: { isFirst: boolean }) {
  const isCopied = useSignal(false);
  const program = `import asyncrr as rr

rr.init("my_app")
rr.connect("${location.origin.replace(/^http/, "ws")}")
rr.log("hello", rr.TextLog("Hello from Python"))
`;
  return (
    <div class="connect">
      <h2>{isFirst ? "No recordings yet: connect a program" : "Connect another program"}</h2>
      <pre>{program}</pre>
      <p class="muted">
        <button onClick={() => void navigator.clipboard?.writeText(program).then(() => (isCopied.value = true))}>{isCopied.value ? "Copied" : "Copy"}</button> The same
        calls may be awaited in asyncio. Where the collector asks for a token, set ASYNCRR_TOKEN.
      </p>
    </div>
  );
}
