import assert from "node:assert/strict";
import test from "node:test";
import { Door } from "./door.ts";
import { Denied, Http, Unreachable, type Fetch } from "./http.ts";
import { Keys } from "./keys.ts";

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
  const keys = (token: string) => {
    const kept = new Map(token ? [["parley.session", token]] : []);
    const box = { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => void kept.set(k, v), removeItem: (k: string) => void kept.delete(k) };
    return new Keys(box, undefined);
  };
  const door = (token = "") => new Door(new Http(keys(token), fetch as unknown as Fetch));
  return { asked, door, routes: () => asked.map((a) => `${a.route}${a.token ? ` ${a.token}` : ""}`) };
}

const ok = (result: unknown): Answer => [200, { success: true, result }];
const no = (status: number, code: string): Answer => [status, { success: false, result: { code, message: "" } }];
const login = ok({ user_id: "ada-1", name: "Ada", token: "T2" });
const joined = ok({ user_id: "ada-1", display_name: "Ada", status: "admitted", is_host: true, room_token: "R", host_user_id: "ada-1", host_display_name: "Ada" });
const config: Answer = [200, { demo_sign_in: true }];

test("the first join signs in and keeps the session", async () => {
  const s = server({
    "GET /profile": [no(401, "UNAUTHORIZED")],
    "GET /api/v1/meetings/a%20b/guest-info": [no(403, "GUESTS_NOT_ALLOWED")],
    "GET /client-config.json": [config],
    "POST /login/demo": [login],
    "POST /api/v1/meetings/a%20b/join": [joined, joined],
  });
  const door = s.door();
  const ticket = await door.join("a b", "Ada", undefined);
  assert.deepEqual(ticket, {
    userId: "ada-1", name: "Ada", status: "admitted", host: true, guest: false, roomToken: "R", observerToken: "", owner: "ada-1", ownerName: "Ada",
    features: { chat: true, reactions: true, screen: true, encryption: false },
  });
  await door.join("a b", "Ada", "pw");
  assert.deepEqual(s.routes().slice(3), ["POST /login/demo", "POST /api/v1/meetings/a%20b/join Bearer T2", "POST /api/v1/meetings/a%20b/join Bearer T2"]);
  assert.deepEqual(s.asked.at(-2)!.body, { display_name: "Ada" });
  assert.deepEqual(s.asked.at(-1)!.body, { display_name: "Ada", password: "pw" });
});

test("who has a cookie needs no token", async () => {
  const s = server({ "GET /profile": [ok({ user_id: "ada@x", name: "Ada" })], "POST /api/v1/meetings/r/join": [joined] });
  assert.equal((await s.door().join("r", "Ada", undefined)).roomToken, "R");
});

test("without an account one is a guest where the meeting takes them, and the same one later", async () => {
  const guest = ok({ user_id: "guest:7", display_name: "Ada", status: "waiting", observer_token: "O" });
  const s = server({
    "GET /profile": [no(401, ""), no(401, "")],
    "GET /api/v1/meetings/r/guest-info": [ok({ allow_guests: true }), ok({ allow_guests: true })],
    "POST /api/v1/meetings/r/join-guest": [guest, guest],
    "GET /api/v1/meetings/r/guest-status": [ok({ user_id: "guest:7", status: "admitted", room_token: "R" })],
    "POST /api/v1/meetings/r/leave-guest": [ok({})],
  });
  const door = s.door();
  const ticket = await door.join("r", "Ada", undefined);
  assert.deepEqual([ticket.guest, ticket.status], [true, "waiting"]);
  const now = await door.status("r", ticket);
  assert.deepEqual([now.guest, now.status, now.observerToken], [true, "admitted", "O"]);
  await door.leave("r", now);
  assert.deepEqual(s.asked.slice(-2).map((a) => a.token), ["Bearer O", "Bearer O"]);
  await door.join("r", "Ada", "pw");
  assert.deepEqual(s.asked.at(-1)!.body, { display_name: "Ada", guest_session_id: "guest:7", password: "pw" });
});

test("a server that wants an account says so", async () => {
  const s = server({
    "GET /profile": [no(401, "")],
    "GET /api/v1/meetings/r/guest-info": [no(404, "MEETING_NOT_FOUND")],
    "GET /client-config.json": [[200, { demo_sign_in: false }]],
  });
  await assert.rejects(s.door().join("r", "Ada", undefined), (err) => err instanceof Denied && err.code === "SIGN_IN_NEEDED");
});

test("a session the server does not know is replaced once", async () => {
  const unknown = no(401, "UNAUTHORIZED");
  const routes = (...answers: Answer[]) => ({
    "GET /profile": [unknown],
    "GET /api/v1/meetings/r/guest-info": [no(403, "")],
    "GET /client-config.json": [config],
    "POST /login/demo": [login],
    "POST /api/v1/meetings/r/join": answers,
  });
  assert.equal((await server(routes(unknown, joined)).door("T1").join("r", "Ada", undefined)).roomToken, "R");
  await assert.rejects(server(routes(unknown, unknown)).door("T1").join("r", "Ada", undefined), Denied);
});

test("what passes by itself is told from what does not", async () => {
  const failures: [Answer[], new (...args: never[]) => Error, string?][] = [
    [[], Unreachable],
    [[[503, {}]], Unreachable],
    [[[429, {}]], Unreachable],
    [[no(429, "TOO_MANY_ATTEMPTS")], Denied, "TOO_MANY_ATTEMPTS"],
    [[no(400, "MEETING_NOT_ACTIVE")], Denied, "MEETING_NOT_ACTIVE"],
    [[no(403, "MEETING_LOCKED")], Denied, "MEETING_LOCKED"],
  ];
  for (const [answers, kind, code] of failures) {
    await assert.rejects(server({ "POST /api/v1/meetings/r/join": answers }).door("T1").join("r", "Ada", undefined), (err: unknown) => {
      assert.ok(err instanceof kind);
      if (code) assert.equal((err as Denied).code, code);
      return true;
    });
  }
});

test("whether a meeting has begun is looked up; guests have to ask again", async () => {
  const s = server({ "GET /api/v1/meetings/r": [ok({ state: "idle" }), ok({ state: "active" })], "POST /api/v1/meetings/r/join": [joined] });
  const door = s.door("T1");
  const ticket = await door.join("r", "Ada", undefined);
  assert.deepEqual([await door.begun("r", ticket), await door.begun("r", ticket), await door.begun("r", { ...ticket, guest: true })], [false, true, true]);
});

test("who comes back while they are leaving is not taken for gone, and a place that is still to be given is given up", async () => {
  const s = server({
    "POST /api/v1/meetings/r/join": [joined, joined],
    "POST /api/v1/meetings/r/leave": [ok({}), ok({})],
  });
  const door = s.door("T");
  const first = door.join("r", "Ada", undefined);
  const left = door.leave("r", first);
  const again = door.join("r", "Ada", undefined);
  await Promise.all([left, again]);
  assert.deepEqual(
    s.asked.map((a) => a.route.split("/").at(-1)),
    ["join", "leave", "join"],
  );
});
