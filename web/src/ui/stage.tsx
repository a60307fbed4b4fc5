// The area of the pictures: a grid of everybody, or one picture on the stage with a filmstrip.

import type { JSX } from "preact";
import { useCallback, useRef, useState } from "preact/hooks";
import type { Call, Participant } from "../call/contract.ts";
import { chosen, type Choice } from "./choice.ts";
import { fitGrid, fitStage, gridCapacity, pickVisible, type Area, type Rect } from "./grid.ts";
import { sameItems, useCall, useSize } from "./hooks.ts";
import * as icons from "./icons.tsx";
import { ids } from "./testids.ts";
import { Card, Overflow, Picture, Tile, place } from "./tile.tsx";

const GAP = 8;

interface Props {
  call: Call;
  link: string;
  onPeople: () => void;
  onInvite: () => void;
  onTileMenu: (anchor: HTMLElement, sessionId: string) => void;
}

export function Stage({ call, link, onPeople, onInvite, onTileMenu }: Props): JSX.Element {
  const people = useCall(call, (s) => s.participants, sameItems);
  const host = useCall(call, (s) => s.meeting.host);
  const openMenu = useRef(onTileMenu);
  openMenu.current = onTileMenu;
  const onMenu = useCallback((anchor: HTMLElement, sessionId: string) => openMenu.current(anchor, sessionId), []);
  const [measure, area] = useSize<HTMLDivElement>();
  const [pinned, setPinned] = useState<Choice>();
  const [chosenScreen, setChosenScreen] = useState<Choice>();
  const [current, setCurrent] = useState<string>();
  const spoke = useRef(new Map<string, number>());
  const turn = useRef(0);
  for (const p of people) if (p.speaking) spoke.current.set(p.sessionId, ++turn.current);

  const screens = people.filter((p) => p.screen);
  const star = chosen(people, pinned);
  const onPin = useCallback((who: Participant, on: boolean) => setPinned(on ? who : undefined), []);
  const sharer = star ? undefined : (chosen(screens, chosenScreen) ?? screens.findLast((p) => !p.self) ?? screens[0]);
  const alone = people.length === 1 && !star && !sharer;
  const scene = arrange(people, area, { star, sharer, alone }, (p) => spoke.current.get(p.sessionId));
  const hidden = people.filter((p) => !scene.tiles.some((t) => t.who === p));
  const focusable = scene.tiles.some((t) => t.who.sessionId === current) ? current : scene.tiles[0]?.who.sessionId;

  const onArrow = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const at = scene.tiles.findIndex((t) => t.who.sessionId === sessionOf(event.target));
    if (!step || at < 0) return;
    event.preventDefault();
    const next = scene.tiles[(at + step + scene.tiles.length) % scene.tiles.length]!.who.sessionId;
    const tiles = (event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("article");
    [...tiles].find((tile) => sessionOf(tile) === next)?.focus();
  };

  return (
    <section class="stage" aria-label="People in the meeting">
      <div class="stage-area" ref={measure} onKeyDown={onArrow} onFocusIn={(event) => setCurrent(sessionOf(event.target) ?? current)}>
        {sharer && scene.stage && (
          <SharedScreen
            key={`screen-${sharer.sessionId}`}
            call={call}
            sharer={sharer}
            others={screens.filter((p) => p !== sharer)}
            rect={scene.stage}
            onSwitch={setChosenScreen}
          />
        )}
        {scene.tiles.map(({ who, rect }) => (
          <Tile
            key={who.sessionId}
            call={call}
            participant={who}
            rect={rect}
            pinned={who === star}
            tabIndex={who.sessionId === focusable ? 0 : -1}
            menu={host && !who.self}
            onPin={onPin}
            onMenu={onMenu}
          />
        ))}
        {alone && scene.extra && <Alone rect={scene.extra} link={link} onInvite={onInvite} />}
        {!alone && scene.extra && <Overflow rect={scene.extra} names={hidden} onOpen={onPeople} />}
      </div>
    </section>
  );
}

/** The session of a focused tile. */
function sessionOf(target: EventTarget | null): string | undefined {
  return target instanceof HTMLElement && target.localName === "article" ? target.dataset.session : undefined;
}

interface Scene {
  stage?: Rect;
  tiles: { who: Participant; rect: Rect }[];
  extra?: Rect | undefined; // of the "+N more" tile, or of the card while one is alone
}

interface Focus {
  star: Participant | undefined;
  sharer: Participant | undefined;
  alone: boolean;
}

function arrange(people: readonly Participant[], area: Area, focus: Focus, spokeAt: (p: Participant) => number | undefined): Scene {
  if (area.w === 0 || area.h === 0) return { tiles: [] };
  if (focus.star || focus.sharer) {
    const rest = people.filter((p) => p !== focus.star);
    const { stage, strip } = fitStage(rest.length, area, GAP);
    const scene = fill(rest, strip, spokeAt);
    // The pinned tile keeps its place in the list, so that it is the same element and glides.
    if (focus.star) scene.tiles.push({ who: focus.star, rect: stage });
    scene.tiles.sort((a, b) => people.indexOf(a.who) - people.indexOf(b.who));
    return { ...scene, stage };
  }
  const wanted = people.length + (focus.alone ? 1 : 0);
  return fill(people, fitGrid(Math.min(wanted, gridCapacity(area, GAP)), area, GAP), spokeAt);
}

function fill(people: readonly Participant[], places: readonly Rect[], spokeAt: (p: Participant) => number | undefined): Scene {
  const visible = people.length > places.length ? pickVisible(people, places.length - 1, spokeAt) : [...people];
  return { tiles: visible.map((who, i) => ({ who, rect: places[i]! })), extra: places[visible.length] };
}

interface SharedScreenProps {
  call: Call;
  sharer: Participant;
  others: readonly Participant[];
  rect: Rect;
  onSwitch: (who: Participant) => void;
}

function SharedScreen({ call, sharer, others, rect, onSwitch }: SharedScreenProps): JSX.Element {
  return (
    <figure class="screen" style={place(rect)} data-testid={ids.stageScreen} data-session={sharer.sessionId}>
      <Picture call={call} sessionId={sharer.self ? "self" : sharer.sessionId} source="screen" testId={ids.stageScreenVideo} />
      <figcaption class="screen-bar">
        <span class="plate screen-plate">
          <icons.Screen />
          <span class="plate-name">{sharer.self ? "You are sharing your screen" : `${sharer.name} is sharing`}</span>
        </span>
        {sharer.self && (
          <button type="button" class="chip chip-danger" data-testid={ids.stageStop} onClick={() => void call.setScreen(false)}>
            Stop sharing
          </button>
        )}
        {others.map((p) => (
          <button key={p.sessionId} type="button" class="chip" data-testid={ids.stageSwitch(p.sessionId)} onClick={() => onSwitch(p)}>
            Show {p.self ? "yours" : p.name}
          </button>
        ))}
      </figcaption>
    </figure>
  );
}

function Alone({ rect, link, onInvite }: { rect: Rect; link: string; onInvite: () => void }): JSX.Element {
  return (
    <Card rect={rect} testId={ids.alone}>
      <div class="alone">
        <h2>You are the first one here</h2>
        <p>Send this link to whoever should join.</p>
        <div class="alone-link">
          <span class="alone-url">{link.replace(/^https?:\/\//, "")}</span>
          <button type="button" class="button button-primary" onClick={onInvite}>
            <icons.Link /> Copy link
          </button>
        </div>
      </div>
    </Card>
  );
}
