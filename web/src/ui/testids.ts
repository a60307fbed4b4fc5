// Handles for end-to-end tests. They are a promise: a test may rely on the value and on the
// meaning, whatever the screens look like.
//
// | id                        | what it marks                                                        |
// | ------------------------- | -------------------------------------------------------------------- |
// | home                      | home screen                                                          |
// | home-name                 | text field: own name                                                 |
// | home-start                | button: make a new room and go to its lobby                          |
// | home-code                 | text field: code or link of a room                                   |
// | home-join                 | button: go to the lobby of the entered room                          |
// | home-error                | why the entered code was not accepted                                |
// | home-recent               | list of rooms visited on this device                                 |
// | home-recent-item          | one of them; data-room                                               |
// | lobby                     | preview screen; data-room                                            |
// | lobby-preview             | canvas with the own camera                                           |
// | lobby-meter               | microphone level, role meter, aria-valuenow 0..100                   |
// | lobby-mic, lobby-camera   | toggles, aria-pressed = on                                           |
// | lobby-name                | text field: name shown to others                                     |
// | lobby-name-error          | why the name was not accepted                                        |
// | lobby-advanced            | summary that opens the transport choice                              |
// | lobby-transport-<choice>  | radio: auto, webtransport, websocket                                 |
// | lobby-join                | button; disabled while joining                                       |
// | select-camera, select-microphone, select-speaker | device pickers (lobby and settings)           |
// | call                      | call screen; data-phase = joined or reconnecting                     |
// | call-room                 | button: room name, copies the invite link                            |
// | call-timer                | time since the meeting started, m:ss or h:mm:ss                      |
// | transport-badge           | button: transport and delay; data-transport, data-rtt                |
// | transport-details         | the badge's explanation                                              |
// | tile-<sessionId>          | tile of a participant; data-session, data-self, data-audio,          |
// |                           | data-video, data-speaking, data-quality (all "true"/"false" or 0..4) |
// | tile-video                | in a tile: canvas with the camera picture                            |
// | tile-name                 | in a tile: name                                                      |
// | tile-mic-off              | in a tile: microphone is off                                         |
// | tile-avatar               | in a tile: initials, behind the picture                              |
// | tile-quality              | in a tile: connection quality, label in words                        |
// | tile-pin                  | in a tile: put it on the stage, or back                              |
// | tile-overflow             | "+N others", opens the people panel                                  |
// | stage-screen              | shared screen on the stage; data-session                             |
// | stage-screen-video        | its canvas                                                           |
// | stage-stop                | button: stop sharing the own screen                                  |
// | stage-switch-<sessionId>  | button: show this participant's screen when several share            |
// | alone                     | shown while nobody else is in the meeting                            |
// | dock-mic, dock-camera, dock-screen, dock-hand, dock-react, dock-chat, dock-people, dock-settings, dock-invite, dock-more, dock-leave |
// |                           | buttons; toggles carry aria-pressed = on                             |
// | participants-panel        | list of people                                                       |
// | participant-<sessionId>   | row of the list                                                      |
// | participants-close        | button                                                               |
// | participants-invite       | button: copy the invite link                                         |
// | settings, settings-close  | dialog for devices                                                   |
// | settings-preview          | canvas with the own camera in that dialog                            |
// | shortcuts, shortcuts-close| dialog with keyboard shortcuts                                       |
// | notices                   | polite live region                                                   |
// | notice                    | one message; data-kind                                               |
// | banner                    | "reconnecting"                                                       |
// | problem                   | what is wrong; data-code                                             |
// | problem-action            | button: what to do about it                                          |
// | problem-dismiss           | button                                                               |
// | ended                     | screen after the call; data-reason = left or failed                  |
// | ended-rejoin, ended-home  | buttons                                                              |
// | signin                    | the server needs sign-in                                             |
// | signin-link               | link to the server's provider                                        |
//
// Meetings, hosts and admins:
//
// | id                        | what it marks                                                        |
// | ------------------------- | -------------------------------------------------------------------- |
// | home-signin               | button: sign in under the typed name, where the server permits that  |
// | account                   | button: who is signed in, data-user; opens account-menu              |
// | account-signout, account-admin | its items                                                       |
// | meetings                  | one's meetings; meetings-create, -search, -list, -empty, -said       |
// | meeting-<id>              | one of them; data-state, data-mine; in it meeting-open, meeting-more |
// | meeting-menu              | its menu: meeting-copy, -options, -end, -delete                        |
// | create                    | dialog: create-name, -password, -attendees, -error, -submit, -close  |
// | option-<name>             | switch of an option: waitingRoom, locked, allowGuests …              |
// | confirm                   | question before what cannot be taken back: confirm-yes, confirm-no   |
// | waiting, not-begun        | screens before the call; data-room                                   |
// | password                  | the same; data-why; password-field, -why, -submit                    |
// | entrance-leave            | button: give up waiting                                              |
// | call-locked               | the meeting is locked                                                |
// | waiting-list              | who waits, in the people panel; admit-all                            |
// | waiting-row               | one of them, data-user; in it admit, reject                          |
// | notice-show               | in a notice that somebody waits: opens the people panel              |
// | tile-host, tile-hand, tile-menu | in a tile: host, raised hand, menu of hosts                    |
// | participant-menu, rename  | in a row of the people panel                                         |
// | host-menu                 | menu of a participant; host-act-<power>, see hostpowers.ts           |
// | mute-all                  | button                                                               |
// | leave-menu                | for hosts: leave-only, leave-end                                     |
// | more-menu                 | more-hand, -react, -chat, -rename, -options, -quality, -shortcuts    |
// | options                   | dialog: option-<name>, options-password, -password-set, -password-clear, -end, -close |
// | rename-dialog             | rename-field, rename-submit, rename-close                            |
// | chat                      | panel: chat-lines, chat-line (data-user, data-state), chat-again, chat-take-back, chat-field, chat-send, chat-close |
// | reaction-menu             | reaction-<kind>                                                      |
// | reactions                 | live region; reaction-shown, data-kind                               |
// | admin                     | admin page; admin-tab-<tab>, admin-said                              |
// | admin-stranger            | shown to others; admin-token, admin-token-submit                     |
// | admin-room-<id>           | a live meeting; in it admin-end, admin-person (data-user, data-node), admin-remove |
// | quality                   | how calls are; quality-room, quality-view-<view>                     |
// | quality-dialog            | the same beside a call, for hosts; quality-close                     |
// | quality-page              | the same as a page; quality-empty; quality-refused with data-code for others |
// | flow-table                | who sends what to whom; in it flow, data-from, data-to, data-media   |
// | finding                   | something bad; data-cause, data-direction; findings-none when nothing is; unknown |
// | chart-<name>              | a chart over time                                                    |
// | timeline                  | events of timeline-session; in it timeline-event, data-name          |
// | funnel-<kind>             | what became of beginnings; in it funnel-stage, data-name             |
// | flag-<name>               | a flag; data-value, data-source                                      |
// | flag-dialog               | flag-value, flag-choice-<value>, flag-room, flag-reason, flag-set, flag-clear, flag-error, flag-history |
// | flag-change               | an entry of the record; data-flag                                    |

import type { JoinOptions, ReactionKind } from "../call/contract.ts";
import type { MeetingOptions } from "../server/meetings.ts";
import type { Power } from "./hostpowers.ts";

export const ids = {
  home: "home",
  homeName: "home-name",
  homeStart: "home-start",
  homeCode: "home-code",
  homeJoin: "home-join",
  homeError: "home-error",
  homeRecent: "home-recent",
  homeRecentItem: "home-recent-item",
  lobby: "lobby",
  lobbyPreview: "lobby-preview",
  lobbyMeter: "lobby-meter",
  lobbyMic: "lobby-mic",
  lobbyCamera: "lobby-camera",
  lobbyName: "lobby-name",
  lobbyNameError: "lobby-name-error",
  lobbyAdvanced: "lobby-advanced",
  lobbyTransport: (choice: JoinOptions["transport"]) => `lobby-transport-${choice}`,
  lobbyJoin: "lobby-join",
  selectCamera: "select-camera",
  selectMicrophone: "select-microphone",
  selectSpeaker: "select-speaker",
  call: "call",
  callRoom: "call-room",
  callTimer: "call-timer",
  transportBadge: "transport-badge",
  transportDetails: "transport-details",
  tile: (sessionId: string) => `tile-${sessionId}`,
  tileVideo: "tile-video",
  tileName: "tile-name",
  tileMicOff: "tile-mic-off",
  tileAvatar: "tile-avatar",
  tileQuality: "tile-quality",
  tilePin: "tile-pin",
  tileOverflow: "tile-overflow",
  stageScreen: "stage-screen",
  stageScreenVideo: "stage-screen-video",
  stageStop: "stage-stop",
  stageSwitch: (sessionId: string) => `stage-switch-${sessionId}`,
  alone: "alone",
  dockMic: "dock-mic",
  dockCamera: "dock-camera",
  dockScreen: "dock-screen",
  dockPeople: "dock-people",
  dockSettings: "dock-settings",
  dockInvite: "dock-invite",
  dockHand: "dock-hand",
  dockReact: "dock-react",
  dockChat: "dock-chat",
  dockMore: "dock-more",
  dockLeave: "dock-leave",
  participantsPanel: "participants-panel",
  participant: (sessionId: string) => `participant-${sessionId}`,
  participantsClose: "participants-close",
  participantsInvite: "participants-invite",
  settings: "settings",
  settingsClose: "settings-close",
  settingsPreview: "settings-preview",
  shortcuts: "shortcuts",
  shortcutsClose: "shortcuts-close",
  notices: "notices",
  notice: "notice",
  banner: "banner",
  problem: "problem",
  problemAction: "problem-action",
  problemDismiss: "problem-dismiss",
  ended: "ended",
  endedRejoin: "ended-rejoin",
  endedHome: "ended-home",
  signin: "signin",
  signInLink: "signin-link",

  homeSignIn: "home-signin",
  account: "account",
  accountMenu: "account-menu",
  accountSignOut: "account-signout",
  accountAdmin: "account-admin",
  meetings: "meetings",
  meetingsCreate: "meetings-create",
  meetingsSearch: "meetings-search",
  meetingsList: "meetings-list",
  meetingsEmpty: "meetings-empty",
  meetingsSaid: "meetings-said",
  meeting: (id: string) => `meeting-${id}`,
  meetingOpen: "meeting-open",
  meetingMore: "meeting-more",
  meetingMenu: "meeting-menu",
  meetingCopy: "meeting-copy",
  meetingOptions: "meeting-options",
  meetingQuality: "meeting-quality",
  meetingEnd: "meeting-end",
  meetingDelete: "meeting-delete",
  create: "create",
  createClose: "create-close",
  createName: "create-name",
  createPassword: "create-password",
  createAttendees: "create-attendees",
  createError: "create-error",
  createSubmit: "create-submit",
  option: (name: keyof MeetingOptions) => `option-${name}`,
  confirm: "confirm",
  confirmClose: "confirm-close",
  confirmYes: "confirm-yes",
  confirmNo: "confirm-no",
  waiting: "waiting",
  notBegun: "not-begun",
  password: "password",
  passwordField: "password-field",
  passwordWhy: "password-why",
  passwordSubmit: "password-submit",
  entranceLeave: "entrance-leave",
  callLocked: "call-locked",
  waitingList: "waiting-list",
  waitingRow: "waiting-row",
  admit: "admit",
  admitAll: "admit-all",
  reject: "reject",
  noticeShow: "notice-show",
  tileHost: "tile-host",
  tileHand: "tile-hand",
  tileMenu: "tile-menu",
  participantMenu: "participant-menu",
  rename: "rename",
  hostMenu: "host-menu",
  hostAct: (power: Power) => `host-act-${power}`,
  muteAll: "mute-all",
  leaveMenu: "leave-menu",
  leaveOnly: "leave-only",
  leaveEnd: "leave-end",
  moreMenu: "more-menu",
  moreHand: "more-hand",
  moreReact: "more-react",
  moreChat: "more-chat",
  moreRename: "more-rename",
  moreOptions: "more-options",
  moreQuality: "more-quality",
  moreShortcuts: "more-shortcuts",
  options: "options",
  optionsClose: "options-close",
  optionsPassword: "options-password",
  optionsPasswordSet: "options-password-set",
  optionsPasswordClear: "options-password-clear",
  optionsEnd: "options-end",
  renameDialog: "rename-dialog",
  renameField: "rename-field",
  renameSubmit: "rename-submit",
  renameClose: "rename-close",
  chat: "chat",
  chatClose: "chat-close",
  chatLines: "chat-lines",
  chatLine: "chat-line",
  chatAgain: "chat-again",
  chatTakeBack: "chat-take-back",
  chatField: "chat-field",
  chatSend: "chat-send",
  reactionMenu: "reaction-menu",
  reaction: (kind: ReactionKind) => `reaction-${kind}`,
  reactions: "reactions",
  reactionShown: "reaction-shown",

  admin: "admin",
  adminTab: (tab: string) => `admin-tab-${tab}`,
  adminSaid: "admin-said",
  adminStranger: "admin-stranger",
  adminToken: "admin-token",
  adminTokenSubmit: "admin-token-submit",
  adminRooms: "admin-rooms",
  adminNoRooms: "admin-no-rooms",
  adminRoom: (id: string) => `admin-room-${id}`,
  adminPerson: "admin-person",
  adminEnd: "admin-end",
  adminRemove: "admin-remove",
  adminRecord: "admin-record",
  quality: "quality",
  qualityDialog: "quality-dialog",
  qualityClose: "quality-close",
  qualityPage: "quality-page",
  qualityEmpty: "quality-empty",
  qualityRefused: "quality-refused",
  qualityRoom: "quality-room",
  qualityView: (view: string) => `quality-view-${view}`,
  flowTable: "flow-table",
  flow: "flow",
  finding: "finding",
  findingsNone: "findings-none",
  unknown: "unknown",
  chart: (name: string) => `chart-${name}`,
  timelineSession: "timeline-session",
  timeline: "timeline",
  timelineEvent: "timeline-event",
  funnel: (kind: number) => `funnel-${kind}`,
  funnelStage: "funnel-stage",
  flag: (name: string) => `flag-${name}`,
  flagDialog: "flag-dialog",
  flagClose: "flag-close",
  flagValue: "flag-value",
  flagChoice: (value: string) => `flag-choice-${value}`,
  flagRoom: "flag-room",
  flagReason: "flag-reason",
  flagSet: "flag-set",
  flagClear: "flag-clear",
  flagError: "flag-error",
  flagHistory: "flag-history",
  flagChange: "flag-change",
} as const;
