// Icons on a 24-pixel grid, drawn with the colour of the text beside them. They are decoration:
// whoever uses one gives the button a label.

import type { ComponentChildren, JSX } from "preact";

function Icon({ children, fill }: { children: ComponentChildren; fill?: boolean }): JSX.Element {
  return (
    <svg
      class="icon"
      viewBox="0 0 24 24"
      fill={fill ? "currentColor" : "none"}
      stroke={fill ? "none" : "currentColor"}
      stroke-width="1.75"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {children}
    </svg>
  );
}

/** The mark of the product: two circles, and what they have in common. */
export const Mark = () => (
  <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
    <circle class="mark-left" cx="12" cy="14.5" r="9.5" />
    <circle class="mark-right" cx="20" cy="17.5" r="9.5" />
    <path class="mark-both" d="M18.98 8.06A9.5 9.5 0 0 1 13.02 23.94 9.5 9.5 0 0 1 18.98 8.06Z" />
  </svg>
);

export const Mic = () => (
  <Icon>
    <rect x="9" y="3" width="6" height="11.5" rx="3" />
    <path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3" />
  </Icon>
);

export const MicOff = () => (
  <Icon>
    <path d="M15 10.5V6a3 3 0 0 0-5.8-1.1M9 9.5v2a3 3 0 0 0 4.6 2.5M18.5 11.5a6.5 6.5 0 0 1-1 3.4M15.2 17.2A6.5 6.5 0 0 1 5.5 11.5M12 18v3M4 3.5l16 17" />
  </Icon>
);

export const Camera = () => (
  <Icon>
    <rect x="2" y="5.5" width="13.5" height="13" rx="3.2" />
    <path d="m15.5 11 4.8-3.4a1.1 1.1 0 0 1 1.7.9v7a1.1 1.1 0 0 1-1.7.9L15.5 13" />
  </Icon>
);

export const CameraOff = () => (
  <Icon>
    <path d="M10 5.5h2.3a3.2 3.2 0 0 1 3.2 3.2V11l4.8-3.4a1.1 1.1 0 0 1 1.7.9v7a1.1 1.1 0 0 1-1.3 1.1M15.4 16.200a3.2 3.2 0 0 1-3.1 2.300H5.200A3.2 3.2 0 0 1 2 15.300V8.700a3.2 3.2 0 0 1 2.7-3.200M4 3.500l16 17" />
  </Icon>
);

export const Screen = () => (
  <Icon>
    <rect x="2.5" y="4" width="19" height="13" rx="2.5" />
    <path d="M8.5 20.5h7M12 13.5V7.8M9.3 10.2 12 7.5l2.7 2.7" />
  </Icon>
);

export const ScreenStop = () => (
  <Icon>
    <rect x="2.5" y="4" width="19" height="13" rx="2.5" />
    <path d="M8.5 20.5h7m-5.6-12 4.2 4.2m0-4.2-4.2 4.2" />
  </Icon>
);

export const People = () => (
  <Icon>
    <circle cx="9" cy="8" r="3.5" />
    <path d="M2.5 19.5a6.5 6.5 0 0 1 13 0M15.5 4.9a3.5 3.5 0 0 1 0 6.2M18 14.2a6.5 6.5 0 0 1 3.5 5.3" />
  </Icon>
);

export const Settings = () => (
  <Icon>
    <path d="M4 7h9M19 7h1M4 17h1M11 17h9" />
    <circle cx="16" cy="7" r="2.6" />
    <circle cx="8" cy="17" r="2.6" />
  </Icon>
);

export const Link = () => (
  <Icon>
    <path d="M10 14a4.2 4.2 0 0 0 6 .3l3-3a4.2 4.2 0 0 0-6-6l-1.3 1.3M14 10a4.2 4.2 0 0 0-6-.3l-3 3a4.2 4.2 0 0 0 6 6l1.3-1.3" />
  </Icon>
);

export const Check = () => (
  <Icon>
    <path d="m5 12.5 4.5 4.5L19 7.5" />
  </Icon>
);

export const Leave = () => (
  <Icon fill>
    <path d="M12 8.5c-3.6 0-6.6 1-8.7 2.8-.9.8-1.2 2-.9 3.2l.3 1.2c.2.9 1.1 1.4 2 1.2l2.7-.7c.7-.2 1.2-.8 1.2-1.5v-1.6a12 12 0 0 1 6.8 0v1.6c0 .7.5 1.3 1.2 1.5l2.7.7c.9.2 1.8-.3 2-1.2l.3-1.2c.3-1.2 0-2.4-.9-3.2C18.6 9.5 15.6 8.5 12 8.500Z" />
  </Icon>
);

export const Close = () => (
  <Icon>
    <path d="m6 6 12 12M18 6 6 18" />
  </Icon>
);

export const Chevron = () => (
  <Icon>
    <path d="m7 10 5 5 5-5" />
  </Icon>
);

export const Keyboard = () => (
  <Icon>
    <rect x="2.5" y="5.5" width="19" height="13" rx="2.5" />
    <path d="M6.5 9.500h.01M10 9.500h.01M14 9.500h.01M17.5 9.500h.01M6.5 13h.01M17.5 13h.01M10 15h4" />
  </Icon>
);

export const Speaker = () => (
  <Icon>
    <path d="M11 5 6.5 9H4a1.5 1.5 0 0 0-1.5 1.500v3A1.5 1.5 0 0 0 4 15h2.500l4.5 4V5ZM15 9a4.2 4.2 0 0 1 0 6M17.8 6.200a8.2 8.2 0 0 1 0 11.6" />
  </Icon>
);

export const Pin = () => (
  <Icon>
    <path d="M9 3.500h6M10 3.500v6L6.5 13v1.500h11V13L14 9.500v-6M12 14.500v6" />
  </Icon>
);

export const PinOff = () => (
  <Icon>
    <path d="M9 3.500h6M10 6V3.500M14 3.500v6l3.5 3.500v1.500h-.8M13 14.500H6.500V13L9.6 9.900M12 14.500v6M4 3.500l16 17" />
  </Icon>
);

export const Warning = () => (
  <Icon>
    <path d="M12 9v4.500M12 17h.01M10.3 4.3 2.8 17.400A2 2 0 0 0 4.5 20.400h15a2 2 0 0 0 1.7-3L13.7 4.300a2 2 0 0 0-3.4 0Z" />
  </Icon>
);

export const Info = () => (
  <Icon>
    <circle cx="12" cy="12" r="9" />
    <path d="M12 11v5M12 8h.01" />
  </Icon>
);

export const Arrow = () => (
  <Icon>
    <path d="M5 12h14M13 6l6 6-6 6" />
  </Icon>
);

export const Plus = () => (
  <Icon>
    <path d="M12 5v14M5 12h14" />
  </Icon>
);

export const Enter = () => (
  <Icon>
    <path d="M14 4h3.500A2.5 2.5 0 0 1 20 6.500v11a2.5 2.5 0 0 1-2.5 2.500H14M4 12h11M11 8l4 4-4 4" />
  </Icon>
);

export const Exit = () => (
  <Icon>
    <path d="M10 4H6.500A2.5 2.5 0 0 0 4 6.500v11A2.5 2.5 0 0 0 6.5 20H10M9.5 12H20M16 8l4 4-4 4" />
  </Icon>
);

export const Chat = () => (
  <Icon>
    <path d="M12 4c5 0 9 3.300 9 7.500s-4 7.500-9 7.500a11 11 0 0 1-3.200-.5L4 20.500l1.500-3.600A7 7 0 0 1 3 11.500C3 7.300 7 4 12 4ZM8 11.500h.01M12 11.500h.01M16 11.500h.01" />
  </Icon>
);

export const Hand = () => (
  <Icon>
    <path d="M8 12.500V5.700a1.500 1.500 0 0 1 3 0V11m0-.5V4.200a1.500 1.500 0 0 1 3 0V11m0-.5V5.700a1.500 1.500 0 0 1 3 0v7.800c0 4-2.600 7-6.300 7-2.700 0-4.300-1.300-5.500-3.500l-2.500-4.600a1.500 1.500 0 0 1 2.600-1.500L8 14" />
  </Icon>
);

export const Smile = () => (
  <Icon>
    <circle cx="12" cy="12" r="9" />
    <path d="M8.500 14a4.200 4.200 0 0 0 7 0M9 9.500h.01M15 9.500h.01" />
  </Icon>
);

export const More = () => (
  <Icon>
    <path stroke-width="2.6" d="M5.500 12h.01M12 12h.01M18.500 12h.01" />
  </Icon>
);

export const Lock = () => (
  <Icon>
    <rect x="5" y="10.500" width="14" height="10" rx="2.500" />
    <path d="M8 10.500V8a4 4 0 0 1 8 0v2.500" />
  </Icon>
);

export const Star = () => (
  <Icon fill>
    <path d="m12 3.600 2.500 5.200 5.700.8-4.100 4 1 5.700-5.100-2.700-5.100 2.700 1-5.700-4.100-4 5.700-.8z" />
  </Icon>
);

export const Trash = () => (
  <Icon>
    <path d="M4.500 6.500h15M9.500 6.500V4.800c0-.7.6-1.300 1.300-1.300h2.400c.7 0 1.300.6 1.300 1.300v1.700M6.500 6.500l.8 12.200a1.800 1.800 0 0 0 1.800 1.700h5.800a1.800 1.800 0 0 0 1.800-1.700l.8-12.200M10.200 10.500v6M13.800 10.500v6" />
  </Icon>
);

export const Search = () => (
  <Icon>
    <circle cx="11" cy="11" r="6.500" />
    <path d="m16 16 4.500 4.500" />
  </Icon>
);

export const Clock = () => (
  <Icon>
    <circle cx="12" cy="12" r="9" />
    <path d="M12 7v5l3.200 2" />
  </Icon>
);

export const Stop = () => (
  <Icon>
    <circle cx="12" cy="12" r="9" />
    <path d="M5.700 5.700l12.600 12.600" />
  </Icon>
);

export const Send = () => (
  <Icon>
    <path d="M20.500 3.500 10.500 13.500M20.500 3.500 14 20.500l-3.500-7-7-3.500z" />
  </Icon>
);

export const Shield = () => (
  <Icon>
    <path d="M12 3.500 5 6v5.500c0 4.300 2.900 7.500 7 9 4.100-1.500 7-4.700 7-9V6zM9 12l2.200 2.200L15.200 10" />
  </Icon>
);

/** How well something goes, as a line over time. */
export const Pulse = () => (
  <Icon>
    <path d="M3 12.500h4l2.600-7 4.800 13 2.600-6h4" />
  </Icon>
);

export const Pencil = () => (
  <Icon>
    <path d="M4 20l1-4.200L16 4.800a1.900 1.900 0 0 1 2.700 0l.5.5a1.900 1.900 0 0 1 0 2.700L8.200 19zM14 7l3 3" />
  </Icon>
);
