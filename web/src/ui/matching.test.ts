import assert from "node:assert/strict";
import test from "node:test";
import { readMeeting } from "../server/meetings.ts";
import { matching } from "./matching.ts";
import { readAttendees } from "./options.tsx";

const meeting = (id: string, owner = "ada") => readMeeting({ meeting_id: id, host: owner, host_display_name: owner.toUpperCase() }, 1_000);

test("every word counts, in any case, and what the server found beyond comes last", () => {
  const list = [meeting("weekly-team"), meeting("weekly-board", "bob"), meeting("other")];
  const found = [meeting("old-weekly"), meeting("weekly-team")];
  const ids = (words: string, more = found) => matching(list, more, words).map((m) => m.id);
  assert.deepEqual(ids("  ", []), ["weekly-team", "weekly-board", "other"]);
  assert.deepEqual(ids("WEEKLY"), ["weekly-team", "weekly-board", "old-weekly"]);
  assert.deepEqual(ids("weekly bob", []), ["weekly-board"]);
});

test("a list of people is read however it was pasted", () => {
  assert.deepEqual(readAttendees(" a@x.org, b@x.org;c\n\n a@x.org "), ["a@x.org", "b@x.org", "c"]);
});
