// What a call leaves behind in the database.
import assert from "node:assert/strict";
import { eventually } from "./patience.ts";
import { rows } from "./rows.ts";
import { scenario } from "./scenario.ts";
import { node } from "./world.ts";

interface Attendance {
  user_id: string;
  left: boolean;
}

interface Meeting {
  state: string;
  ended: boolean;
  creator_id: string;
}

scenario("meetings and who took part are in the database", async (s) => {
  const [one, two] = [await node("one"), await node("two")];
  const attendance = () =>
    rows<Attendance>(one, `select user_id, left_at is not null as left from session_participants where room_id = '${s.room}' order by joined_at, id`);
  const meeting = () =>
    rows<Meeting>(one, `select state, ended_at is not null as ended, creator_id from meetings where room_id = '${s.room}' and deleted_at is null`);
  const become = (reason: string, want: { left: boolean[]; state: string }) =>
    eventually(() => `${reason}; there is ${JSON.stringify([attendance(), meeting()])}`, () => {
      const left = attendance().map((row) => row.left);
      return JSON.stringify(left) === JSON.stringify(want.left) && meeting()[0]?.state === want.state;
    });

  const ada = await s.person("Ada");
  const bob = await s.person("Bob");
  await ada.join({ node: one, room: s.room, transport: "webtransport" });
  await become("the first participant to create the meeting", { left: [false], state: "active" });
  await bob.join({ node: two, room: s.room, transport: "websocket" });
  await Promise.all([ada.isWith(bob), bob.isWith(ada)]);
  await become("both to be recorded", { left: [false, false], state: "active" });

  await ada.leave();
  await become("the one who left to be recorded as gone", { left: [true, false], state: "active" });
  await bob.page.close();
  await become("the last one to end the meeting", { left: [true, true], state: "ended" });

  const [first] = attendance();
  assert.match(first!.user_id, /^ada-/);
  assert.deepEqual(meeting(), [{ state: "ended", ended: true, creator_id: first!.user_id }]);
});
