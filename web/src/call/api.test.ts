import assert from "node:assert/strict";
import test from "node:test";
import { Api, Unreachable } from "./api.ts";
import { Refused } from "./problem.ts";

type Answer = [status: number, body: unknown];

/** A server that gives the answers of each route in turn and remembers what it was asked. */
function server(routes: Record<string, Answer[]>) {
  const asked: { route: string; token: string | undefined; body: unknown }[] = [];
  const fetch = async (path: string, init: RequestInit = {}) => {
    const route = `${init.method} ${path}`;
    const headers = init.headers as Record<string, string>;
    asked.push({ route, token: headers["Authorization"], body: init.body && JSON.parse(String(init.body)) });
    const answer = routes[route]?.shift();
    if (!answer) throw new TypeError("network");
    return new Response(JSON.stringify(answer[1]), { status: answer[0] });
  };
  return { asked, fetch: fetch as unknown as typeof globalThis.fetch };
}

const box = (token = "") => {
  const kept = new Map(token ? [["parley.session", token]] : []);
  return { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => void kept.set(k, v) };
};

const login: Answer = [200, { success: true, result: { user_id: "ada-1", name: "Ada", token: "T2" } }];
const joined: Answer = [200, { success: true, result: { user_id: "ada-1", display_name: "Ada", status: "admitted", room_token: "R" } }];

test("the first join signs in and keeps the session", async () => {
  const s = server({ "POST /login/demo": [login], "POST /api/v1/meetings/a%20b/join": [joined, joined] });
  const api = new Api(s.fetch, box());
  const ticket = await api.join("a b", "Ada");
  assert.deepEqual(ticket, { userId: "ada-1", name: "Ada", status: "admitted", roomToken: "R" });
  await api.join("a b", "Ada");
  assert.deepEqual(s.asked.map((a) => [a.route.split(" ")[1], a.token]), [
    ["/login/demo", undefined],
    ["/api/v1/meetings/a%20b/join", "Bearer T2"],
    ["/api/v1/meetings/a%20b/join", "Bearer T2"],
  ]);
});

test("a session the server does not know is replaced once", async () => {
  const unknown: Answer = [401, { success: false, result: { code: "UNAUTHORIZED", message: "" } }];
  const s = server({ "POST /login/demo": [login, login], "POST /api/v1/meetings/r/join": [unknown, joined] });
  assert.equal((await new Api(s.fetch, box("T1")).join("r", "Ada")).roomToken, "R");
  const s2 = server({ "POST /login/demo": [login, login], "POST /api/v1/meetings/r/join": [unknown, unknown] });
  await assert.rejects(new Api(s2.fetch, box("T1")).join("r", "Ada"), Refused);
});

test("what passes by itself is told from what does not", async () => {
  const failures: [Answer[], new (...args: never[]) => Error, string?][] = [
    [[], Unreachable],
    [[[503, {}]], Unreachable],
    [[[429, {}]], Unreachable],
    [[[400, { success: false, result: { code: "MEETING_NOT_ACTIVE", message: "over" } }]], Refused, "meeting_ended"],
    [[[403, { success: false, result: { code: "NOT_HOST", message: "no" } }]], Refused, "refused"],
  ];
  for (const [answers, kind, code] of failures) {
    const s = server({ "POST /api/v1/meetings/r/join": answers });
    await assert.rejects(new Api(s.fetch, box("T1")).join("r", "Ada"), (err: unknown) => {
      assert.ok(err instanceof kind);
      if (code) assert.equal((err as Refused).problem.code, code);
      return true;
    });
  }
});
