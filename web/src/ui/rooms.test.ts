import { test } from "node:test";
import assert from "node:assert/strict";
import { newRoom, parseInvitation, pathOfQuality, pathOfRoom, qualityOfPath, roomOfPath } from "./rooms.ts";

test("made-up rooms are readable, valid and many", () => {
  const rooms = new Set<string>();
  for (let i = 0; i < 500; i++) {
    const room = newRoom();
    assert.match(room, /^[a-z]+-[a-z]+-\d\d$/);
    assert.deepEqual(parseInvitation(room), { room });
    rooms.add(room);
  }
  assert.ok(rooms.size > 490);
});

test("a page of call quality has an address of its own", () => {
  assert.equal(qualityOfPath(pathOfQuality("amber-river-42")), "amber-river-42");
  assert.equal(qualityOfPath("/quality/amber-river-42/"), "amber-river-42");
  for (const other of ["/", "/quality", "/quality/", "/quality/a/b", "/quality/%", "/quality/a%20b", "/m/amber-river-42", "/x/quality/a"]) {
    assert.equal(qualityOfPath(other), undefined, other);
  }
});

test("the random source decides", () => {
  assert.equal(newRoom(() => 0), "amber-acorn-10");
  assert.match(newRoom((n) => n - 1), /^zesty-wren-99$/);
});

test("codes, paths and links name a room", () => {
  const same = { room: "amber-river-42" };
  for (const text of ["amber-river-42", "  amber-river-42\n", "amber river 42", "/m/amber-river-42", "/m/amber-river-42/"]) {
    assert.deepEqual(parseInvitation(text), same, text);
  }
  const linked = { room: "amber-river-42", host: "meet.example.org:8080" };
  for (const text of [
    "https://meet.example.org:8080/m/amber-river-42",
    "http://Meet.example.org:8080/m/amber-river-42/?x=1#y",
    "meet.example.org:8080/m/amber-river-42",
    "<https://meet.example.org:8080/m/amber-river-42>",
  ]) {
    assert.deepEqual(parseInvitation(text), linked, text);
  }
});

test("what is no invitation is refused", () => {
  for (const text of ["", "   ", "https://example.org/", "https://example.org/m/", "/m/a%20b", "/m/%", "ünder", "a".repeat(256), "javascript:alert(1)", "https://example.org/m/a/b"]) {
    assert.equal(parseInvitation(text), undefined, text);
  }
});

test("a page address and its room are inverse", () => {
  assert.equal(roomOfPath(pathOfRoom("Team_7-x")), "Team_7-x");
  assert.equal(roomOfPath("/"), undefined);
  assert.equal(roomOfPath("/amber-river-42"), undefined);
});
