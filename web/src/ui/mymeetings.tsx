// One's meetings: live, with what one may do to each.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { pageClock } from "../call/clock.ts";
import { complaint } from "../call/desk.ts";
import { Feed } from "../server/feed.ts";
import type { Meeting } from "../server/meetings.ts";
import type { Server } from "../server/server.ts";
import { ago, count } from "./clock.ts";
import { useConfirm } from "./confirm.tsx";
import { copyText, Dialog } from "./controls.tsx";
import { CreateDialog } from "./create.tsx";
import { useNow } from "./hooks.ts";
import * as icons from "./icons.tsx";
import type { OpenMenu } from "./menu.tsx";
import { matching } from "./matching.ts";
import { OptionsForm } from "./meetingdialog.tsx";
import { pathOfRoom } from "./rooms.ts";
import { ids } from "./testids.ts";

interface Props {
  server: Server;
  onRoom: (room: string) => void;
  onQuality: (room: string) => void;
  onMenu: OpenMenu;
  /** Nobody is signed in any more. */
  onStranger: () => void;
}

export function MyMeetings({ server, onRoom, onQuality, onMenu, onStranger }: Props): JSX.Element {
  const [list, setList] = useState<Meeting[]>();
  const [trouble, setTrouble] = useState(false);
  const [words, setWords] = useState("");
  const [found, setFound] = useState<Meeting[]>([]);
  const [creating, setCreating] = useState(false);
  const [fresh, setFresh] = useState<string>();
  const [said, setSaid] = useState("");
  const [question, ask] = useConfirm();
  const [opened, setOpened] = useState<string>(); // whose options are shown
  const [feed, setFeed] = useState<Feed>();
  const now = useNow(30_000);

  useEffect(() => {
    const feed = new Feed(pageClock, server.meetings, {
      meetings: (meetings) => {
        setList(meetings);
        setTrouble(false);
      },
      trouble: () => setTrouble(true),
      stranger: onStranger,
    });
    setFeed(feed);
    return () => feed.stop();
  }, [server]);

  useEffect(() => {
    if (words.trim() === "") return setFound([]);
    const stop = new AbortController();
    const timer = setTimeout(() => {
      server.meetings.find(words.trim(), stop.signal).then((list) => !stop.signal.aborted && setFound(list), () => undefined); // what is listed is searched all the same
    }, 250);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [words, server]);

  const act = async (done: string, doing: Promise<unknown>) => {
    try {
      await doing;
      setSaid(done);
    } catch (err) {
      setSaid(complaint(err));
    }
    await feed?.look();
  };
  const copy = async (m: Meeting) => {
    const link = `${location.origin}${pathOfRoom(m.id)}`;
    setSaid((await copyText(link)) ? `Link to ${m.id} copied` : `Copy this link: ${link}`);
  };
  const menuOf = (m: Meeting, anchor: HTMLElement) =>
    onMenu(anchor, {
      testId: ids.meetingMenu,
      label: `What to do with ${m.id}`,
      items: [
        { testId: ids.meetingCopy, label: "Copy link", icon: <icons.Link />, onPick: () => void copy(m) },
        m.mine && { testId: ids.meetingOptions, label: "Options", icon: <icons.Settings />, onPick: () => setOpened(m.id) },
        m.mine && m.state !== "idle" && { testId: ids.meetingQuality, label: "Call quality", icon: <icons.Pulse />, onPick: () => onQuality(m.id) },
        m.mine &&
          m.state === "active" && {
            testId: ids.meetingEnd,
            label: "End for all",
            icon: <icons.Stop />,
            danger: true,
            onPick: () =>
              ask({
                title: `End ${m.id}?`,
                text: "The meeting is over for everybody who is in it.",
                action: "End for all",
                onYes: () => void act(`${m.id} is over`, server.meetings.all(m.id, "end")),
              }),
          },
        m.mine && {
          testId: ids.meetingDelete,
          label: "Delete",
          icon: <icons.Trash />,
          danger: true,
          onPick: () =>
            ask({
              title: `Delete ${m.id}?`,
              text: "Its link leads nowhere afterwards, and whoever is in it has to go.",
              action: "Delete",
              onYes: () => void act(`${m.id} is deleted`, server.meetings.delete(m.id)),
            }),
        },
      ],
    });

  const chosen = list?.find((m) => m.id === opened);
  const shown = matching(list ?? [], found, words);
  return (
    <section class="meetings" aria-label="My meetings" data-testid={ids.meetings}>
      <header class="meetings-head">
        <h2>My meetings</h2>
        <button type="button" class="button button-small" data-testid={ids.meetingsCreate} onClick={() => setCreating(true)}>
          <icons.Plus /> New meeting
        </button>
      </header>
      {(list?.length ?? 0) > 5 || words !== "" ? (
        <label class="search">
          <icons.Search />
          <input
            type="search"
            data-testid={ids.meetingsSearch}
            aria-label="Search my meetings"
            placeholder="Search"
            value={words}
            onInput={(event) => setWords(event.currentTarget.value)}
          />
        </label>
      ) : null}
      <p class="meetings-said" role="status" data-testid={ids.meetingsSaid}>
        {said || (trouble && "The list cannot be read now. It comes back by itself.")}
      </p>
      {list === undefined ? (
        !trouble && <span class="spinner" role="status" aria-label="Loading" />
      ) : shown.length === 0 ? (
        <p class="muted" data-testid={ids.meetingsEmpty}>
          {words ? "No meeting of that name." : "None yet. Start one, or make one for later."}
        </p>
      ) : (
        <ul class="meeting-list" data-testid={ids.meetingsList}>
          {shown.map((m) => (
            <li key={m.id} class={`meeting ${m.id === fresh ? "is-fresh" : ""}`} data-testid={ids.meeting(m.id)} data-state={m.state} data-mine={String(m.mine)}>
              <button type="button" class="meeting-open" data-testid={ids.meetingOpen} onClick={() => onRoom(m.id)}>
                <b>
                  {m.id}
                  {m.hasPassword && <Mark label="Has a password" icon={<icons.Lock />} />}
                </b>
                <small>{describe(m, now)}</small>
              </button>
              <span class={`state state-${m.state}`}>{stateWords(m)}</span>
              <button
                type="button"
                class="plain-round"
                data-testid={ids.meetingMore}
                aria-label={`What to do with ${m.id}`}
                aria-haspopup="menu"
                onClick={(event) => menuOf(m, event.currentTarget)}
              >
                <icons.More />
              </button>
            </li>
          ))}
        </ul>
      )}
      {question}
      {chosen && (
        <Dialog testId={ids.options} closeId={ids.optionsClose} title={chosen.id} onClose={() => setOpened(undefined)}>
          <OptionsForm options={chosen.options} hasPassword={chosen.hasPassword} change={(part) => act(`${chosen.id} is changed`, server.meetings.change(chosen.id, part))} />
          <p class="meetings-said" role="status">
            {said}
          </p>
        </Dialog>
      )}
      {creating && (
        <CreateDialog
          create={(draft) => server.meetings.create(draft)}
          onClose={() => setCreating(false)}
          onCreated={(m) => {
            setCreating(false);
            setFresh(m.id);
            void copy(m);
            void feed?.look();
          }}
        />
      )}
    </section>
  );
}

function Mark({ label, icon }: { label: string; icon: JSX.Element }): JSX.Element {
  return (
    <span class="meeting-mark" role="img" aria-label={label}>
      {icon}
    </span>
  );
}

function stateWords(m: Meeting): string {
  if (m.state === "active") return m.present > 0 ? count(m.present, "person here", "here") : "Running";
  return m.state === "ended" ? "Over" : "Not begun";
}

function describe(m: Meeting, now: number): string {
  const parts = [m.mine ? "Yours" : m.ownerName || m.owner || "Somebody's"];
  if (m.state === "active" && m.waiting > 0) parts.push(count(m.waiting, "waits", "wait"));
  else if (m.activeAt > 0) parts.push(ago(m.activeAt, now));
  return parts.join(" · ");
}
