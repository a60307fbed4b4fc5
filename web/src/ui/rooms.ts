// Names of rooms: made up, read from what somebody pastes, and turned into links.

const ADJECTIVES = (
  "amber ample azure balmy bold brave breezy bright brisk calm candid cedar clear clever coral cosy crisp curious " +
  "daring deep dewy eager early easy fair fleet fond free fresh gentle gilded glad golden grand happy hazel honest " +
  "humble indigo ivory jade jolly keen kind lilac lively lucid lucky lunar mellow merry mild mint misty modest neat " +
  "nimble noble olive opal patient pearl placid plucky polar proud quick quiet rapid ready rosy ruby rustic sandy " +
  "serene sharp silent silver sincere sleek smooth snowy snug solar spry steady still sunny swift tender tidy topaz " +
  "tranquil true upbeat velvet violet vivid warm wise witty young zesty"
).split(" ");

const NOUNS = (
  "acorn anchor apple arbor aspen badger bay beach beacon birch bloom bridge brook canyon castle cave cliff cloud " +
  "clover comet compass cove creek crest dale dawn delta dolphin dune eagle echo ember falcon fern field fjord flame " +
  "forest fox garden glacier glade grove gull harbor haven hawk heath heron hill island jetty juniper kite lagoon " +
  "lake lantern lark laurel leaf ledge linden lotus maple marsh meadow mesa mill moon moss oak ocean orchard osprey " +
  "otter owl palm path peak pebble pier pine plain pond poplar prairie quarry rain raven reef ridge river robin " +
  "sail sea shore sky sparrow spring spruce star stone stream summit swan thicket tide trail valley wave willow wind wren"
).split(" ");

/** Names the server accepts: 1 to 255 letters, digits, "_" and "-". */
const ROOM = /^[A-Za-z0-9_-]{1,255}$/;

export function isRoom(name: string): boolean {
  return ROOM.test(name);
}

/**
 * A room name that can be read out over the phone, like amber-river-42; about a million of them.
 * random gives integers in [0, n).
 */
export function newRoom(random: (n: number) => number = secureRandom): string {
  return `${ADJECTIVES[random(ADJECTIVES.length)]}-${NOUNS[random(NOUNS.length)]}-${10 + random(90)}`;
}

function secureRandom(n: number): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]! % n;
}

/** What a pasted code or link means. host is set when the link names a server. */
export interface Invitation {
  room: string;
  host?: string;
}

/**
 * Reads a room from a code ("amber-river-42", also with spaces), a path ("/m/...") or a link with
 * or without scheme, query and fragment. Undefined when it is none of these.
 */
export function parseInvitation(text: string): Invitation | undefined {
  const input = text.trim().replace(/^<|>$/g, "");
  if (input === "") return undefined;
  const link = /^(?:https?:\/\/)?([^/\s?#]*)\/m\/([^/?#\s]+)\/?(?:[?#]\S*)?$/i.exec(input);
  if (link) {
    const room = decode(link[2]!);
    if (!room || !ROOM.test(room)) return undefined;
    return link[1] ? { room, host: link[1].toLowerCase() } : { room };
  }
  const code = input.replace(/\s+/g, "-");
  return ROOM.test(code) ? { room: code } : undefined;
}

function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined; // a lone "%"
  }
}

/** The room of a page address, or undefined for every other page. */
export function roomOfPath(path: string): string | undefined {
  return path.startsWith("/m/") ? parseInvitation(path)?.room : undefined;
}

/** The room whose call quality a page shows, or undefined for every other page. */
export function qualityOfPath(path: string): string | undefined {
  const found = /^\/quality\/([^/]+)\/?$/.exec(path);
  const room = found && decode(found[1]!);
  return room && ROOM.test(room) ? room : undefined;
}

export function pathOfQuality(room: string): string {
  return `/quality/${encodeURIComponent(room)}`;
}

export function pathOfRoom(room: string): string {
  return `/m/${encodeURIComponent(room)}`;
}
