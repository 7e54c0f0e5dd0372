// Paths as people read them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { hasLetters, shownPart, shownPath } from "../src/paths";

test("what was escaped is read as it was meant", () => {
  assert.equal(shownPath("requests/GET\\ \\/items\\/\\{item_id\\}/seconds"), "requests/GET /items/{item_id}/seconds");
  assert.equal(shownPath("/"), "/");
  assert.equal(shownPart("\\u{262E}\\u{1F600}"), "☮😀");
  assert.equal(shownPart("back\\\\slash"), "back\\slash");
});

test("what cannot be seen stays escaped", () => {
  for (const part of ["line\\nbreak\\t", "\\u{202E}gpj.exe", "\\u{0}", "\\u{A0}", "\\u{110000}", "\\u{D800}"]) assert.equal(shownPart(part), part);
});

test("an entity is found as it is written and as it is read", () => {
  for (const letters of ["/items/{item", "\\{item", "get /"]) assert.ok(hasLetters("requests/GET\\ \\/items\\/\\{item_id\\}", letters), letters);
  assert.ok(!hasLetters("requests/GET", "post"));
});
