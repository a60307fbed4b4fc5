import { test } from "node:test";
import assert from "node:assert/strict";
import { cleanName, hueOf, initials } from "./person.ts";

test("initials take the first and the last word", () => {
  assert.equal(initials("Ada Lovelace"), "AL");
  assert.equal(initials("ada"), "A");
  assert.equal(initials("Juan Carlos de la Cruz"), "JC");
  assert.equal(initials("mary-jane"), "MJ");
  assert.equal(initials("  émile   zola "), "ÉZ");
  assert.equal(initials("李 小龙"), "李小");
  assert.equal(initials("🙂"), "?");
  assert.equal(initials(""), "?");
});

test("a name is trimmed, collapsed and bounded without cutting a character", () => {
  assert.equal(cleanName("  Ada \t Lovelace\n"), "Ada Lovelace");
  assert.equal(cleanName("   "), "");
  assert.equal([...cleanName("𝒜".repeat(80))].length, 50);
});

test("a colour is stable and people differ", () => {
  assert.equal(hueOf("ada-k3x9"), hueOf("ada-k3x9"));
  const hues = new Set(Array.from({ length: 200 }, (_, i) => hueOf(`user-${i}`)));
  assert.ok(hues.size >= 10);
});
