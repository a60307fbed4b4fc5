// What everybody's microphone hears: a tone in syllables, because a steady one would be taken
// for noise and removed before it is sent.

export const toneHz = 440;

const rate = 48_000;
const syllable = { on: 0.3, off: 0.2 }; // seconds

/** One second of it as a WAV file; Chromium repeats it for ever. */
export function toneFile(): Buffer {
  const samples = Buffer.alloc(rate * 2);
  for (let i = 0; i < rate; i++) {
    const at = (i / rate) % (syllable.on + syllable.off);
    const edge = Math.min(1, at / 0.01, Math.max(0, syllable.on - at) / 0.01); // no clicks
    samples.writeInt16LE(Math.round(0.4 * 32_767 * edge * Math.sin((2 * Math.PI * toneHz * i) / rate)), 2 * i);
  }
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + samples.length, 4);
  head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20); // PCM
  head.writeUInt16LE(1, 22); // mono
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(rate * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write("data", 36);
  head.writeUInt32LE(samples.length, 40);
  return Buffer.concat([head, samples]);
}
