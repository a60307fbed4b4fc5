import assert from "node:assert/strict";
import { test } from "node:test";
import { chosen } from "./choice.ts";

const ada = { sessionId: "1", userId: "ada" };
const bob = { sessionId: "2", userId: "bob" };

test("the session that was chosen is, whoever else is here", () => {
  assert.equal(chosen([{ sessionId: "3", userId: "ada" }, ada, bob], ada), ada);
  assert.equal(chosen([ada, bob], undefined), undefined);
});

test("who comes back as another session is still chosen", () => {
  assert.equal(chosen([bob], ada), undefined);
  const again = { sessionId: "3", userId: "ada" };
  assert.equal(chosen([bob, again], ada), again);
});
