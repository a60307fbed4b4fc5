// One participant on screen.

import type { ComponentChildren, JSX } from "preact";
import { memo } from "preact/compat";
import { useEffect, useRef } from "preact/hooks";
import type { Call, Participant, Quality } from "../call/contract.ts";
import type { Rect } from "./grid.ts";
import * as icons from "./icons.tsx";
import { hueOf, initials } from "./person.ts";
import { ids } from "./testids.ts";
import { participantWords, qualityWords } from "./words.ts";

interface PictureProps {
  call: Call;
  sessionId: string; // "self" for one's own
  source: "camera" | "screen";
  mirrored?: boolean;
  testId: string;
}

/** The moving picture: a canvas that the engine draws into while it is on screen. */
export function Picture({ call, sessionId, source, mirrored, testId }: PictureProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => call.attach(sessionId, source, canvas.current!), [call, sessionId, source]);
  return <canvas ref={canvas} class={`picture ${mirrored ? "is-mirrored" : ""}`} data-testid={testId} />;
}

export function Avatar({ userId, name }: { userId: string; name: string }): JSX.Element {
  return (
    <span class="avatar" style={hueStyle(userId)} data-testid={ids.tileAvatar} aria-hidden="true">
      {initials(name)}
    </span>
  );
}

export function hueStyle(userId: string): Record<string, string> {
  return { "--hue": String(hueOf(userId)) };
}

export function place(rect: Rect): Record<string, string> {
  return { width: `${rect.w}px`, height: `${rect.h}px`, transform: `translate(${rect.x}px, ${rect.y}px)` };
}

/** Four bars; says in words what they mean. */
export function QualityBars({ quality }: { quality: Quality }): JSX.Element {
  return (
    <span class="quality" data-testid={ids.tileQuality} data-quality={quality} data-tip={qualityWords(quality)} role="img" aria-label={qualityWords(quality)}>
      <i /> <i /> <i /> <i />
    </span>
  );
}

interface TileProps {
  call: Call;
  participant: Participant;
  rect: Rect;
  pinned: boolean;
  tabIndex: number;
  menu: boolean; // there is something one may do to them
  onPin: (who: Participant, pinned: boolean) => void;
  onMenu: (anchor: HTMLElement, sessionId: string) => void;
}

function TileView({ call, participant: p, rect, pinned, tabIndex, menu, onPin, onMenu }: TileProps): JSX.Element {
  return (
    <article
      class={`tile ${p.speaking && p.audio ? "is-speaking" : ""}`}
      style={{ ...place(rect), ...hueStyle(p.userId) }}
      data-testid={ids.tile(p.sessionId)}
      data-session={p.sessionId}
      data-self={String(p.self)}
      data-audio={String(p.audio)}
      data-video={String(p.video)}
      data-speaking={String(p.speaking)}
      data-quality={p.quality}
      data-host={String(p.host)}
      data-hand={String(p.hand)}
      tabIndex={tabIndex}
      aria-label={participantWords(p)}
      onDblClick={() => onPin(p, !pinned)}
      onKeyDown={(event) => {
        if (event.key !== "Enter" || event.target !== event.currentTarget) return;
        event.preventDefault();
        onPin(p, !pinned);
      }}
    >
      <Avatar userId={p.userId} name={p.name} />
      {p.video && <Picture call={call} sessionId={p.self ? "self" : p.sessionId} source="camera" mirrored={p.self} testId={ids.tileVideo} />}
      <span class="tile-ring" />
      {p.hand && (
        <span class="tile-hand" role="img" aria-label="Hand raised" data-testid={ids.tileHand}>
          <icons.Hand />
        </span>
      )}
      <div class="plate">
        {p.audio ? (
          p.speaking && <Voice />
        ) : (
          <span class="plate-muted" data-testid={ids.tileMicOff}>
            <icons.MicOff />
          </span>
        )}
        {p.host && (
          <span class="plate-host" role="img" aria-label="Host" data-testid={ids.tileHost}>
            <icons.Star />
          </span>
        )}
        <span class="plate-name">
          <span data-testid={ids.tileName}>{p.name}</span>
          {p.self && <span class="plate-you"> · you</span>}
        </span>
        {!p.self && <QualityBars quality={p.quality} />}
      </div>
      <button
        type="button"
        class="tile-pin"
        data-testid={ids.tilePin}
        tabIndex={-1}
        aria-pressed={pinned}
        aria-label={pinned ? `Unpin ${p.name}` : `Pin ${p.name}`}
        data-tip={pinned ? "Unpin" : "Pin"}
        onClick={() => onPin(p, !pinned)}
      >
        {pinned ? <icons.PinOff /> : <icons.Pin />}
      </button>
      {menu && (
        <button
          type="button"
          class="tile-pin tile-menu"
          data-testid={ids.tileMenu}
          tabIndex={-1}
          aria-haspopup="menu"
          aria-label={`What to do with ${p.name}`}
          onClick={(event) => onMenu(event.currentTarget, p.sessionId)}
          onDblClick={(event) => event.stopPropagation()}
        >
          <icons.More />
        </button>
      )}
    </article>
  );
}

/** Three dancing bars beside the name of who speaks. */
function Voice(): JSX.Element {
  return (
    <span class="voice" aria-hidden="true">
      <i />
      <i />
      <i />
    </span>
  );
}

export const Tile = memo(TileView, (a, b) => {
  return (
    a.call === b.call &&
    a.pinned === b.pinned &&
    a.tabIndex === b.tabIndex &&
    a.menu === b.menu &&
    a.onPin === b.onPin &&
    a.onMenu === b.onMenu &&
    sameRect(a.rect, b.rect) &&
    samePerson(a.participant, b.participant)
  );
});

function sameRect(a: Rect, b: Rect): boolean {
  return a.x === b.x && a.y === b.y && a.w === b.w && a.h === b.h;
}

function samePerson(a: Participant, b: Participant): boolean {
  return (
    a.sessionId === b.sessionId &&
    a.userId === b.userId &&
    a.name === b.name &&
    a.self === b.self &&
    a.audio === b.audio &&
    a.video === b.video &&
    a.screen === b.screen &&
    a.speaking === b.speaking &&
    a.quality === b.quality &&
    a.host === b.host &&
    a.hand === b.hand
  );
}

/** Stands for those who do not fit on screen. */
export function Overflow({ rect, names, onOpen }: { rect: Rect; names: readonly Participant[]; onOpen: () => void }): JSX.Element {
  return (
    <button type="button" class="tile tile-more" style={place(rect)} data-testid={ids.tileOverflow} onClick={onOpen}>
      <span class="tile-more-faces">
        {names.slice(0, 3).map((p) => (
          <Avatar key={p.sessionId} userId={p.userId} name={p.name} />
        ))}
      </span>
      <span>+{names.length} more</span>
    </button>
  );
}

/** A place in the grid that holds something else than a person. */
export function Card({ rect, testId, children }: { rect: Rect; testId: string; children: ComponentChildren }): JSX.Element {
  return (
    <section class="tile tile-card" style={place(rect)} data-testid={testId}>
      {children}
    </section>
  );
}
