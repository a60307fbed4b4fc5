import assert from "node:assert/strict";
import test from "node:test";
import { Keys } from "./keys.ts";

function box() {
  const kept = new Map<string, string>();
  return { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => void kept.set(k, v), removeItem: (k: string) => void kept.delete(k) };
}

test("who signs in by joining is it in this tab, who signs in on the start page in all", () => {
  const browser = box();
  const one = new Keys(box(), browser);
  one.keep("A", "tab");
  assert.equal(new Keys(box(), browser).token, "");
  one.keep("B", "browser");
  assert.equal(new Keys(box(), browser).token, "B");
  const two = new Keys(box(), browser);
  two.keep("C", "tab");
  two.drop();
  assert.equal(new Keys(box(), browser).token, "B", "signing out as somebody else is no business of other tabs");
  one.drop();
  assert.deepEqual([one.token, new Keys(box(), browser).token], ["", ""]);
});

test("without storage it works until the page is left", () => {
  const broken = { getItem: () => { throw new Error("no"); }, setItem: () => { throw new Error("full"); }, removeItem: () => {} };
  for (const keys of [new Keys(undefined, undefined), new Keys(broken, broken)]) {
    keys.keep("A", "browser");
    assert.equal(keys.token, "A");
    keys.drop();
    assert.equal(keys.token, "");
  }
});
