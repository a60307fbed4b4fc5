// What a test arranges without clicking: meetings with options, and flags.
import type { MeetingOptions } from "../src/server/meetings.ts";
import { writeChange, type Draft } from "../src/server/meetings.ts";
import type { ParleyNode } from "./node.ts";
import type { Person } from "./person.ts";

/** Somebody signs in and sets a meeting up that they own; they are still to join it. */
export async function setsUp(person: Person, node: ParleyNode, room: string, draft: Omit<Draft, "id"> = {}): Promise<void> {
  await person.page.goto(node.url);
  const usual: Partial<MeetingOptions> = { waitingRoom: true, endOnHostLeave: false };
  await person.page.evaluate(
    async ({ name, body }) => {
      const post = async (path: string, what: unknown, token = "") => {
        const answer = await fetch(path, {
          method: "POST",
          headers: { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) },
          body: JSON.stringify(what),
        });
        const { success, result } = await answer.json();
        if (!success) throw new Error(`${path}: ${result.code}`);
        return result;
      };
      const { token } = await post("/login/demo", { name });
      sessionStorage.setItem("parley.session", token);
      await post("/api/v1/meetings", body, token);
    },
    { name: person.name, body: { meeting_id: room, ...writeChange({ ...usual, ...draft }) } },
  );
}

/** An admin sets a flag for one room; nobody else's tests notice. */
export async function setFlag(node: ParleyNode, name: string, value: boolean | number | string, room: string): Promise<void> {
  const answer = await fetch(`${node.url}/api/v1/admin/flags/${name}`, {
    method: "PUT",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${node.ready.admin_token}` },
    body: JSON.stringify({ value, room, reason: "end-to-end test" }),
  });
  if (!answer.ok) throw new Error(`flag ${name}: ${answer.status} ${await answer.text()}`);
}
