// The picture on the home screen: a conversation, drawn.

import type { JSX } from "preact";

interface Guest {
  x: number;
  y: number;
  w: number;
  h: number;
  hue: number;
  name: string;
  speaking?: boolean;
}

const GUESTS: Guest[] = [
  { x: 0, y: 46, w: 290, h: 226, hue: 158, name: "Amara", speaking: true },
  { x: 306, y: 0, w: 214, h: 272, hue: 48, name: "Jonas" },
  { x: 56, y: 288, w: 214, h: 250, hue: 262, name: "Yuki" },
  { x: 286, y: 288, w: 290, h: 206, hue: 208, name: "Leila" },
];

export function HomeArt(): JSX.Element {
  return (
    <div class="art" aria-hidden="true">
      <svg viewBox="0 0 576 538" focusable="false">
        <defs>
          {GUESTS.map((guest, i) => (
            <clipPath key={guest.name} id={`art-${i}`}>
              <rect x={guest.x} y={guest.y} width={guest.w} height={guest.h} rx="28" />
            </clipPath>
          ))}
        </defs>
        {GUESTS.map((guest, i) => (
          <Person key={guest.name} guest={guest} clip={`url(#art-${i})`} />
        ))}
      </svg>
    </div>
  );
}

function Person({ guest: g, clip }: { guest: Guest; clip: string }): JSX.Element {
  const middle = g.x + g.w / 2;
  const floor = g.y + g.h;
  const head = Math.min(g.w, g.h) * 0.19;
  const neck = floor - g.h * 0.4;
  const shoulders = Math.min(g.w, g.h) * 0.42;
  return (
    <g class={`art-guest ${g.speaking ? "is-speaking" : ""}`} style={{ "--hue": String(g.hue) }}>
      <g clip-path={clip}>
        <rect class="art-wall" x={g.x} y={g.y} width={g.w} height={g.h} />
        <circle class="art-light" cx={g.x + g.w * 0.78} cy={g.y + g.h * 0.16} r={g.h * 0.42} />
        <path
          class="art-body"
          d={`M${middle - shoulders} ${floor + 4}a${shoulders} ${floor + 4 - neck - head * 0.28} 0 0 1 ${shoulders * 2} 0z`}
        />
        <circle class="art-head" cx={middle} cy={neck - head * 0.98} r={head} />
      </g>
      <rect class="art-frame" x={g.x + 1.5} y={g.y + 1.5} width={g.w - 3} height={g.h - 3} rx="26.5" />
      <g class="art-name">
        <rect x={g.x + 14} y={floor - 42} width={g.name.length * 8.4 + (g.speaking ? 44 : 24)} height="28" rx="14" />
        {g.speaking && (
          <g class="art-voice">
            <rect x={g.x + 26} y={floor - 34} width="3" height="12" rx="1.5" />
            <rect x={g.x + 32} y={floor - 34} width="3" height="12" rx="1.5" />
            <rect x={g.x + 38} y={floor - 34} width="3" height="12" rx="1.5" />
          </g>
        )}
        <text x={g.x + (g.speaking ? 48 : 26)} y={floor - 23}>
          {g.name}
        </text>
      </g>
    </g>
  );
}
