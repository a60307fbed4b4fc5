import assert from "node:assert/strict";
import test from "node:test";
import { Account } from "./account.ts";
import { Http, type Fetch } from "./http.ts";
import { Keys } from "./keys.ts";

const box = () => {
  const kept = new Map([["parley.session", "T"]]);
  return { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => void kept.set(k, v), removeItem: (k: string) => void kept.delete(k) };
};

test("signing out tells the server, and forgets the token whatever it says", async () => {
  for (const [status, told] of [[200, true], [503, false], [undefined, false]] as const) {
    const asked: string[] = [];
    const fetch = async (path: string, init: RequestInit = {}) => {
      asked.push(`${init.method} ${path} ${(init.headers as Record<string, string>)["Authorization"]}`);
      if (!status) throw new TypeError("network");
      return new Response("", { status });
    };
    const tab = box();
    const keys = new Keys(tab, box());
    assert.equal(await new Account(new Http(keys, fetch as unknown as Fetch)).signOut(), told);
    assert.deepEqual(asked, ["POST /logout Bearer T"]);
    assert.equal(keys.token, "");
    assert.equal(tab.getItem("parley.session"), null);
  }
});
