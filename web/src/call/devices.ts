// Cameras, microphones and loudspeakers of this machine.
import type { Device } from "./contract.ts";

export interface DeviceLists {
  cameras: Device[];
  microphones: Device[];
  speakers: Device[];
}

export async function listDevices(): Promise<DeviceLists> {
  const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  const of = (kind: MediaDeviceKind, word: string): Device[] =>
    all
      .filter((d) => d.kind === kind && d.deviceId !== "")
      .map((d, i) => ({ id: d.deviceId, label: d.label || `${word} ${i + 1}` }));
  return {
    cameras: of("videoinput", "Camera"),
    microphones: of("audioinput", "Microphone"),
    speakers: of("audiooutput", "Speaker"),
  };
}

/** Opens a camera; id undefined means the browser's choice. height is what is worth asking for. */
export async function openCamera(id: string | undefined, height: number): Promise<MediaStreamTrack> {
  const stream = await navigator.mediaDevices.getUserMedia({ video: camera(id, height) });
  return stream.getVideoTracks()[0]!;
}

export async function openMicrophone(id: string | undefined): Promise<MediaStreamTrack> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: microphone(id) });
  return stream.getAudioTracks()[0]!;
}

/** Opens both with one question to the person; fails when either cannot be had. */
export async function openBoth(height: number): Promise<{ camera: MediaStreamTrack; microphone: MediaStreamTrack }> {
  const stream = await navigator.mediaDevices.getUserMedia({
    video: camera(undefined, height),
    audio: microphone(undefined),
  });
  return { camera: stream.getVideoTracks()[0]!, microphone: stream.getAudioTracks()[0]! };
}

const camera = (id: string | undefined, height: number): MediaTrackConstraints => ({
  ...(id ? { deviceId: { exact: id } } : { facingMode: "user" }),
  width: { ideal: Math.round((height * 16) / 9) },
  height: { ideal: height },
  frameRate: { ideal: 30, max: 30 },
});

const microphone = (id: string | undefined): MediaTrackConstraints => ({
  ...(id && { deviceId: { exact: id } }),
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
  channelCount: 1,
});

/** Asks which screen or window to share. Must be called from a click. */
export async function openScreen(): Promise<MediaStreamTrack> {
  const stream = await navigator.mediaDevices.getDisplayMedia({
    video: { frameRate: { max: 15 } },
    audio: false,
  });
  const track = stream.getVideoTracks()[0]!;
  track.contentHint = "detail";
  return track;
}
