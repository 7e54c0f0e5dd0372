// What is selected: raw values, types, where the row comes from, and a line of Python that logs it again.
import { useSignal } from "@preact/signals";
import { IconButton } from "./buttons";
import { shownPath } from "./paths";
import { entities, held, selection, type Cell } from "./state";
import { counted, formatTime, formatWhole } from "./times";
import type { Batch, Numbers, Plain } from "./wire";

export function SelectionPanel() {
  const path = selection.value!;
  const facts = entities.value.get(path);
  const state = held.value.get(path);
  const copied = useSignal(false);
  const snippet = snippetOf(path, state ?? new Map());
  return (
    <aside aria-label="Selected entity">
      <div class="bar">
        <strong class="path" title={path}>
          {shownPath(path)}
        </strong>
        <span class="spring" />
        <IconButton label="Select nothing (Esc)" onClick={() => (selection.value = null)}>
          ×
        </IconButton>
      </div>
      {!facts && entities.value.size > 0 && <p class="muted pad">There is no such entity in this recording.</p>}
      {facts && (
        <div class="scroll">
          <p class="muted">
            {counted(facts.rows, "row")} · {facts.timelines.length ? `on ${facts.timelines.join(", ")}` : "static"}
          </p>
          {Object.keys(facts.components)
            .sort()
            .map((id) => (
              <Component key={id} id={id} isLoading={!state} cell={state?.get(id)} dtype={facts.components[id]!.dtype} type={facts.components[id]!.type} />
            ))}
          <h3>In Python</h3>
          <pre class="snippet">{snippet}</pre>
          <button
            onClick={() => {
              void navigator.clipboard?.writeText(snippet).then(() => (copied.value = true));
            }}
          >
            {copied.value ? "Copied" : "Copy"}
          </button>
        </div>
      )}
    </aside>
  );
}

function Component(props: { id: string; isLoading: boolean; cell: Cell | undefined; dtype: string; type: string | null }) {
  const { id, isLoading, cell, dtype, type } = props;
  return (
    <div class="component">
      <div class="component-head">
        <strong>{id}</strong>
        <code title={type ?? ""}>{type ? type.slice(type.lastIndexOf(".") + 1) : dtype}</code>
      </div>
      {cell ? (
        <>
          <pre>{shownBatch(cell.batch, type)}</pre>
          <p class="muted small" title={[...cell.times].map(([name, { kind, value }]) => `${name} ${formatWhole(kind, value)}`).join("\n")}>
            {cell.isStatic ? "static" : [...cell.times].map(([name, { kind, value }]) => `${name} ${formatTime(kind, value, 6)}`).join(" · ")}
            <br />
            row {String(cell.row)} of writer <span title={cell.writer}>{cell.writer.slice(0, 8)}…</span>
          </p>
        </>
      ) : (
        <p class="muted small">{isLoading ? "loading…" : "nothing at this time"}</p>
      )}
    </div>
  );
}

const LIMIT = 64;

export function shownBatch(batch: Batch, type: string | null = null): string {
  if (type?.endsWith(".Color") && batch.kind === "numbers") {
    const hex = [...batch.values.slice(0, LIMIT)].map((each) => `#${Number(each).toString(16).padStart(8, "0")}`);
    return `${hex.join(", ")}${batch.count > LIMIT ? ", …" : ""}`;
  }
  switch (batch.kind) {
    case "numbers":
      return `${describe(batch.dtype, [batch.count, ...batch.shape])}${shownNumbers(batch.values, batch.shape, batch.dtype)}`;
    case "arrays":
      return batch.items
        .slice(0, 4)
        .map((each) => `${describe(batch.dtype, [each.length])}${shownNumbers(each, batch.shape, batch.dtype)}`)
        .join("\n");
    case "strings":
      return batch.items.slice(0, LIMIT).map((each) => (each.length > 4000 ? `${each.slice(0, 4000)}…` : each)).join("\n");
    case "structs":
      return batch.items.slice(0, LIMIT).map(shownPlain).join("\n");
    case "tensors":
      return batch.items.map((each) => `${describe(each.dtype, each.shape)}${shownNumbers(each.values, [], each.dtype)}`).join("\n");
  }
}

function describe(dtype: string, shape: number[]): string {
  return shape.length === 1 && shape[0] === 1 ? "" : `${dtype} ${shape.join("×")}\n`;
}

function shownNumbers(values: Numbers, shape: number[], dtype: string): string {
  const each = shape.reduce((product, n) => product * n, 1) || 1;
  const shownNumber = dtype === "bool" ? (value: number | bigint) => (value ? "true" : "false") : plainNumber;
  const rows: string[] = [];
  for (let i = 0; i < Math.min(values.length, LIMIT); i += each) {
    const numbers = Array.from({ length: Math.min(each, values.length - i) }, (_, k) => shownNumber(values[i + k]!));
    rows.push(each > 1 ? `[${numbers.join(", ")}]` : numbers[0]!);
  }
  const text = rows.join(each > 1 ? "\n" : ", ");
  return values.length > LIMIT ? `${text}, …` : text;
}

function plainNumber(value: number | bigint): string {
  if (typeof value === "bigint" || Number.isInteger(value)) return String(value);
  return String(Number(value.toPrecision(7)));
}

export function shownPlain(value: Plain): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? Number(each) : each)) ?? "";
}

/** A Python string literal: only printable ASCII, the rest escaped. */
export function pythonString(value: string): string {
  let out = '"';
  for (const character of value) {
    const code = character.codePointAt(0)!;
    if (character === '"' || character === "\\") out += `\\${character}`;
    else if (character === "\n") out += "\\n";
    else if (code >= 32 && code < 127) out += character;
    else out += code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
  }
  return `${out}"`;
}

const pythonBool = (value: unknown) => (value ? "True" : "False");

function pythonNumbers(values: Numbers, most = 12): string {
  const numbers = [...values.slice(0, most)].map((each) => (typeof each === "number" && !Number.isFinite(each) ? `float("${each}")`.replace("Infinity", "inf").replace("NaN", "nan") : String(each)));
  return values.length === 1 ? numbers[0]! : `[${numbers.join(", ")}${values.length > most ? ", ..." : ""}]`;
}

export function snippetOf(path: string, state: Map<string, Cell>): string {
  const byArchetype = Map.groupBy([...state], ([id]) => (id.includes(":") ? id.slice(0, id.indexOf(":")) : "AnyValues"));
  const values: string[] = [];
  for (const [archetype, cells] of byArchetype) {
    if (!/^[A-Za-z][A-Za-z0-9]*$/.test(archetype)) continue;
    const given = cells.map(([id, { batch }]) => {
      const field = id.slice(id.indexOf(":") + 1);
      const value =
        batch.kind === "strings" ? (batch.count === 1 ? pythonString(batch.items[0]!) : `[${batch.items.slice(0, 8).map(pythonString).join(", ")}]`)
        : batch.kind === "numbers" && batch.dtype === "bool" ? (batch.count === 1 ? pythonBool(batch.values[0]) : `[${[...batch.values].slice(0, 12).map(pythonBool).join(", ")}]`)
        : batch.kind === "numbers" ? pythonNumbers(batch.values)
        : "...";
      return /^[A-Za-z_]\w*$/.test(field) ? `${field}=${value}` : `**{${pythonString(field)}: ${value}}`;
    });
    const call = archetype === "AnyValues" || archetype === "Scalars" || archetype === "TextLog" || archetype === "TextDocument" ? archetype : `${archetype}.from_fields`;
    values.push(`rr.${call}(${given.join(", ")})`);
  }
  const times = new Map([...state.values()].filter((each) => !each.isStatic).flatMap((each) => [...each.times]));
  times.delete("log_time");
  times.delete("log_tick");
  const setting = [...times].map(([name, { kind, value }]) => {
    const given = kind === "sequence" ? `sequence=${value}` : kind === "duration" ? `duration=np.timedelta64(${value}, "ns")` : `timestamp=np.datetime64(${value}, "ns")`;
    return `rr.set_time(${pythonString(name)}, ${given})\n`;
  });
  const isStatic = state.size > 0 && [...state.values()].every((each) => each.isStatic);
  return `${setting.join("")}rr.log(${[pythonString(path), ...values].join(", ")}${isStatic ? ", static=True" : ""})`;
}
