import assert from "node:assert/strict";
import test from "node:test";
import { readMeeting, readPerson, writeChange } from "./meetings.ts";

test("what a list leaves out has its usual value", () => {
  const m = readMeeting({ meeting_id: "r", state: "active", host: "ada", is_owner: true, participant_count: 2, last_active_at: 5 }, 1_000);
  assert.deepEqual([m.id, m.owner, m.mine, m.present, m.waiting, m.activeAt], ["r", "ada", true, 2, 0, 5_000]);
  assert.deepEqual([m.options.waitingRoom, m.options.endOnHostLeave, m.options.allowGuests], [true, true, false]);
});

test("times of a single meeting are in milliseconds", () => {
  assert.equal(readMeeting({ meeting_id: "r", started_at: 7_000, ended_at: 9_000 }, 1).activeAt, 9_000);
});

test("only what changes is written", () => {
  assert.deepEqual(writeChange({}), {});
  assert.deepEqual(writeChange({ locked: false, password: "", attendees: ["a"] }), { locked: false, password: "", attendees: ["a"] });
  assert.deepEqual(writeChange({ waitingRoom: true, attendeesOnly: true }), { waiting_room_enabled: true, attendees_only: true });
});

test("who has no name is called by their identity", () => {
  assert.deepEqual(readPerson({ user_id: "bob", status: "waiting", is_guest: true, joined_at: 3 }), { user: "bob", name: "bob", status: "waiting", host: false, guest: true, since: 3_000 });
});
