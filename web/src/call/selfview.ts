/**
 * Draws the frames of an own camera or screen as they are captured. Returns how to stop.
 */
export function watchTrack(track: MediaStreamTrack, draw: (video: HTMLVideoElement) => void): () => void {
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.srcObject = new MediaStream([track]);
  void video.play().catch(() => {}); // muted video may always play; a stopped one need not
  let stopped = false;
  const next = () => {
    if (stopped) return;
    if (video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) draw(video);
    schedule();
  };
  const schedule = () => {
    if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(next);
    else requestAnimationFrame(next);
  };
  schedule();
  return () => {
    stopped = true;
    video.srcObject = null;
  };
}
