// A call without server, camera or people, to look at the screens. Not part of the product: only
// look.mjs bundles it.
//
// The page's query says what to show: n (people), screen (other, self, both), problem (a code),
// phase, kind (transport), rtt, cameras=0 (everybody's is off), quiet=1 (nobody speaks), host=1
// (one is host), waiting (people in the waiting room), entrance (password, wrong, waiting, closed),
// hands (raised), chat=1, reactions=1.

import { reactionKinds, type Call, type CallState, type ChatLine, type Entrance, type JoinOptions, type Participant, type Phase, type Powers, type Problem, type Quality } from "../../call/contract.ts";

const NAMES =
  "Ada Lovelace|Amara Okafor|Jonas Weber|Yuki Tanaka|Leila Haddad|Mateo García|Ingrid Solberg|Kofi Mensah|Priya Raman|Tomás Oliveira|Sofia Rossi|Noah Cohen|Mei-Lin Zhou|Fatima Zahra El Idrissi|Oskar Nowak|Zoë van den Berg|Chidi Eze|Hannah Kim|Luca Moretti|Anna-Maria Gräfin von Hohenstein|Ben|Aiko|Raj|Eva|Tim".split(
    "|",
  );

const PROBLEMS: Record<Problem["code"], [string, string]> = {
  no_camera: ["No camera found", "This device has no camera, or it is unplugged."],
  no_microphone: ["No microphone found", "This device has no microphone, or it is unplugged."],
  permission_denied: ["Camera and microphone are blocked", "This page is not allowed to use them."],
  device_busy: ["The camera is in use", "Another program holds the camera."],
  server_gone: ["The server does not answer", "We tried for a minute. It may be restarting, or your network is down."],
  refused: ["The server refused the meeting", "Your invitation is no longer valid."],
  unsupported_browser: ["This browser cannot take part", "It lacks WebCodecs, which carries picture and sound."],
  insecure_page: ["This page is not secure", "Browsers allow camera and microphone only over HTTPS."],
  screen_denied: ["The screen was not shared", "The browser or the system did not allow it."],
  meeting_ended: ["The host ended the meeting", "It is over for everybody."],
  removed: ["You were removed", "The host removed you from the meeting."],
  encryption: ["This meeting requires end-to-end encryption", "This page cannot encrypt yet."],
  rejected: ["The host did not let you in", "Talk to the host before you ask again."],
  banned: ["You cannot join this meeting", "The host has removed you for good."],
  locked: ["The meeting is locked", "The host lets nobody new in at the moment."],
  full: ["The meeting is full", "As many people are in it as it can hold."],
  not_invited: ["You are not on the list", "Only people whom the host has put on the list can join this meeting."],
  guests: ["This meeting takes no guests", "Sign in with an account to join."],
  sign_in: ["Sign in to join", "This meeting is for people with an account."],
  signed_out: ["You have signed out", "The call ended with that. Sign in to join it again."],
};

export function createFake(): Call {
  const query = new URLSearchParams(location.search);
  const n = Number(query.get("n") ?? 3);
  const screen = query.get("screen") ?? "";
  const code = query.get("problem") as Problem["code"] | null;
  const subscribers = new Set<(state: CallState) => void>();
  let others: Participant[] = [];
  let noticeId = 0;

  const people = (name: string, s: CallState): Participant[] => [
    { sessionId: "7001", userId: "ada-1", name, self: true, audio: s.micOn, video: s.cameraOn, screen: s.screenOn, speaking: false, quality: 4, transport: "webtransport", host: query.has("host"), guest: false, hand: s.handUp },
    ...others,
  ];
  const problem = (): Problem | undefined => (code ? { code, title: PROBLEMS[code][0], detail: PROBLEMS[code][1] } : undefined);

  let state: CallState = {
    phase: "idle",
    room: "",
    meeting: {
      host: query.has("host"),
      owner: query.has("host"),
      guest: false,
      mayAdmit: query.has("host"),
      hasPassword: true,
      options: { waitingRoom: true, admittedCanAdmit: false, allowGuests: true, attendeesOnly: false, endOnHostLeave: false, locked: query.has("shut") },
      waiting: Array.from({ length: Number(query.get("waiting") ?? 0) }, (_, i) => ({ userId: `w${i}`, name: NAMES[NAMES.length - 1 - i]!, guest: i % 2 === 1, since: Date.now() })),
    },
    offers: { chat: true, reactions: true, screen: true },
    chat: query.has("chat") ? LINES : [],
    reactions: [],
    participants: [],
    notices: [],
    micOn: query.get("mic") !== "0",
    cameraOn: query.get("cam") !== "0",
    screenOn: false,
    handUp: false,
    cameras: [],
    microphones: [],
    speakers: [],
    micLevel: 0,
  };
  let name = "You";
  const set = (change: Partial<CallState>) => {
    state = { ...state, ...change };
    if (state.phase === "joined" || state.phase === "reconnecting") state = { ...state, participants: people(name, state) };
    for (const fn of subscribers) fn(state);
  };

  const fake: Call = {
    get state() {
      return state;
    },
    subscribe(fn) {
      subscribers.add(fn);
      return () => subscribers.delete(fn);
    },
    async preview(_room: string) {
      await Promise.resolve();
      if (query.has("asking")) return new Promise<void>(() => set({ cameraOn: false }));
      if (code && query.get("when") !== "call" && query.get("when") !== "failed") return set({ problem: problem()!, cameraOn: false, micOn: false });
      set({
        cameras: [{ id: "c1", label: "Studio Display Camera" }, { id: "c2", label: "" }],
        microphones: [{ id: "m1", label: "Built-in Microphone" }],
        speakers: [{ id: "s1", label: "Headphones (very long name of a device, 2nd generation)" }],
        cameraId: "c1",
        microphoneId: "m1",
        micLevel: 0.55,
      });
    },
    async join(options: JoinOptions) {
      name = options.name;
      if (query.get("when") === "failed") return set({ phase: "failed", problem: problem()! });
      set({ phase: "connecting", room: options.room });
      if (query.has("slow")) return;
      const entrance = ENTRANCES[query.get("entrance") ?? ""];
      if (entrance) return set({ entrance });
      await new Promise((done) => setTimeout(done, 50));
      const dark = query.get("cameras") === "0";
      others = Array.from({ length: n - 1 }, (_, i) => ({
        sessionId: String(8000 + i),
        userId: `user-${i}`,
        name: NAMES[(i + 1) % NAMES.length]!,
        self: false,
        audio: i % 3 !== 1,
        video: !dark && i % 4 !== 2,
        screen: i === Math.min(1, n - 2) && (screen === "other" || screen === "both"),
        speaking: i === 0 && !query.has("quiet"),
        quality: ([4, 4, 3, 2, 4, 1, 4, 0] as const)[i % 8] as Quality,
        transport: i % 2 ? "websocket" : "webtransport",
        host: i === 1 && !query.has("host"),
        guest: i === 3,
        hand: i < Number(query.get("hands") ?? 0),
      }));
      const extra = query.get("when") === "call" && code ? { problem: problem()! } : {};
      set({
        phase: (query.get("phase") as Phase | null) ?? "joined",
        transport: (query.get("kind") as "websocket" | null) ?? "webtransport",
        rttMs: Number(query.get("rtt") ?? 24),
        startedAt: Date.now() - 754_000,
        reactions: query.has("reactions") ? reactionKinds.map((kind, i) => ({ id: i, sessionId: String(8000 + i), name: NAMES[i + 1]!, kind })) : [],
        screenOn: screen === "self" || screen === "both",
        notices: query.has("notices")
          ? [
              { id: ++noticeId, kind: "joined", text: "Amara Okafor joined" },
              { id: ++noticeId, kind: "left", text: "Tim left" },
              { id: ++noticeId, kind: "warning", text: "Your connection is slow; pictures are smaller" },
            ]
          : [],
        ...extra,
      });
    },
    async leave() {
      set({ phase: "left", participants: [] });
    },
    close() {
      set({ phase: "left", participants: [] });
    },
    givePassword() {
      set({ entrance: { at: "password", why: "wrong" } });
    },
    say(text) {
      const line = { id: String(Math.random()), userId: "ada-1", name, self: true, at: Date.now(), text };
      set({ chat: [...state.chat, line] });
      return true;
    },
    sayAgain() {},
    takeBack(id) {
      set({ chat: state.chat.filter((line) => line.id !== id) });
    },
    react(kind) {
      set({ reactions: [...state.reactions, { id: ++noticeId, sessionId: "self", name, kind }] });
    },
    raiseHand(up) {
      set({ handUp: up });
    },
    powers: new Proxy({} as Powers, { get: () => async () => true }),
    async setMic(on) {
      set({ micOn: on });
    },
    async setCamera(on) {
      set({ cameraOn: on });
    },
    async setScreen(on) {
      set({ screenOn: on });
    },
    async selectCamera(id) {
      set({ cameraId: id });
    },
    async selectMicrophone(id) {
      set({ microphoneId: id });
    },
    async selectSpeaker(id) {
      set({ speakerId: id });
    },
    dismissProblem() {
      const { problem: _, ...rest } = state;
      state = rest;
      set({});
    },
    dismissNotice(id) {
      set({ notices: state.notices.filter((notice) => notice.id !== id) });
    },
    attach(sessionId, source, canvas) {
      if (query.has("asking")) return () => undefined;
      let frame = 0;
      canvas.width = source === "screen" ? 1600 : 640;
      canvas.height = source === "screen" ? 900 : 360;
      const draw = source === "screen" ? paintSlides : paintFace;
      const seed = sessionId === "self" ? 3 : Number(sessionId);
      const tick = () => {
        draw(canvas.getContext("2d")!, canvas.width, canvas.height, seed, performance.now());
        frame = requestAnimationFrame(tick);
      };
      tick();
      return () => cancelAnimationFrame(frame);
    },
  };
  Object.assign(window, { fake: { set, get state() { return state; } } });
  return fake;
}

const ENTRANCES: Record<string, Entrance> = {
  password: { at: "password", why: "required" },
  wrong: { at: "password", why: "wrong" },
  waiting: { at: "waiting", host: "Amara Okafor" },
  closed: { at: "closed", host: "Amara Okafor" },
};

const LINES: ChatLine[] = [
  ["user-0", "Amara Okafor", "Good morning! The agenda is in the invitation."],
  ["user-0", "Amara Okafor", "We begin with the numbers of last quarter, then everybody says what is on their mind."],
  ["user-1", "Jonas Weber", "Can you hear me? My microphone is new."],
  ["ada-1", "Ada Lovelace", "Loud and clear"],
  ["user-2", "Yuki Tanaka", "https://example.org/a-very-long-address-that-has-to-be-broken-somewhere/because-it-does-not-fit"],
].map(([userId, name, text], i) => ({ id: String(i), userId: userId!, name: name!, self: userId === "ada-1", at: Date.now() - (6 - i) * 50_000, text: text! }));

function paintFace(g: CanvasRenderingContext2D, w: number, h: number, seed: number, t: number): void {
  const hue = (seed * 47) % 360;
  const sway = Math.sin(t / 900 + seed) * 8;
  const room = g.createLinearGradient(0, 0, w, h);
  room.addColorStop(0, `oklch(0.62 0.04 ${hue})`);
  room.addColorStop(1, `oklch(0.3 0.03 ${hue + 40})`);
  g.fillStyle = room;
  g.fillRect(0, 0, w, h);
  g.fillStyle = `oklch(0.78 0.05 ${hue} / 0.55)`;
  g.fillRect(w * 0.08, h * 0.1, w * 0.2, h * 0.42);
  const x = w / 2 + sway;
  g.fillStyle = `oklch(0.45 0.08 ${hue + 180})`;
  g.beginPath();
  g.ellipse(x, h * 1.08, w * 0.24, h * 0.42, 0, 0, 7);
  g.fill();
  const skin = [0.8, 0.6, 0.48, 0.72][seed % 4]!;
  g.fillStyle = `oklch(${skin - 0.06} 0.07 50)`;
  g.fillRect(x - 26, h * 0.56, 52, 60);
  g.fillStyle = `oklch(${skin} 0.07 55)`;
  g.beginPath();
  g.ellipse(x, h * 0.43, 62, 78, 0, 0, 7);
  g.fill();
  g.fillStyle = `oklch(0.28 0.04 ${40 + (seed % 3) * 12})`;
  g.beginPath();
  g.ellipse(x, h * 0.3, 70, 48, 0, Math.PI, 0);
  g.fill();
}

function paintSlides(g: CanvasRenderingContext2D, w: number, h: number, seed: number, t: number): void {
  g.fillStyle = "#fbfaf7";
  g.fillRect(0, 0, w, h);
  g.fillStyle = "#1c2b26";
  g.font = "600 64px sans-serif";
  g.fillText("What we learned this quarter", 100, 160);
  g.font = "400 34px sans-serif";
  g.fillStyle = "#55635e";
  g.fillText("Time from link to first word, seconds", 100, 220);
  for (let i = 0; i < 12; i++) {
    const tall = 120 + 320 * Math.abs(Math.sin(i * 0.7 + seed + t / 4000));
    g.fillStyle = i === 7 ? "#1f8a63" : "#c9ddd4";
    g.fillRect(110 + i * 115, 780 - tall, 78, tall);
  }
}
