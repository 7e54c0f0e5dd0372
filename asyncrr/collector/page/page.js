"use strict";
// Lists the collector's recordings. Data reaches the page as text only.

const told = document.querySelector("#told");
const table = document.querySelector("#recordings");
const body = table.querySelector("tbody");

function cell(text, kind) {
  const td = document.createElement("td");
  td.textContent = text;
  if (kind) td.className = kind;
  return td;
}

function row(recording) {
  const tr = document.createElement("tr");
  const state = recording.is_live ? "live" : recording.is_complete ? "complete" : "left open";
  tr.append(
    cell(recording.application_id),
    cell(recording.recording_id),
    cell(new Date(recording.created_ns / 1e6).toLocaleString()),
    cell(recording.rows.toLocaleString(), "number"),
    cell(recording.dropped_rows.toLocaleString(), "number"),
    cell(`${(recording.bytes / 1024).toLocaleString(undefined, { maximumFractionDigits: 1 })} KiB`, "number"),
    cell(state, state),
  );
  return tr;
}

async function logIn() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return;
  history.replaceState(null, "", location.pathname);
  await fetch("/api/login", { method: "POST", body: token });
}

async function show() {
  const response = await fetch("/api/recordings");
  if (response.status === 401) {
    told.textContent = "This collector asks for its token: open the address that it printed when it started.";
    return;
  }
  const { recordings } = await response.json();
  table.hidden = recordings.length === 0;
  told.textContent = recordings.length
    ? `${recordings.length} recordings`
    : `No recordings yet. Connect one: await rec.connect("${location.origin.replace(/^http/, "ws")}")`;
  body.replaceChildren(...recordings.map(row));
}

async function follow() {
  try {
    await show();
  } catch {
    told.textContent = "The collector does not answer; trying again.";
  }
  setTimeout(follow, 1000);
}

logIn().then(follow, follow);
