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
// | dock-mic, dock-camera, dock-screen, dock-people, dock-settings, dock-invite, dock-shortcuts, dock-leave |
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
// | signin                    | the server needs sign-in and offers none here                        |

import type { JoinOptions } from "../call/contract.ts";

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
  dockShortcuts: "dock-shortcuts",
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
} as const;
