// What is heard and felt: done, refused, a code was read. Short tones are made here; no file is loaded.

let context;
const muted = () => localStorage.getItem("scanner-muted") === "yes";

// A browser lets a page sound only after somebody touched it.
addEventListener("pointerdown", () => {
  context ??= globalThis.AudioContext ? new AudioContext() : undefined;
  context?.resume();
}, { capture: true });

export const isMuted = muted;

export function mute(yes) {
  localStorage.setItem("scanner-muted", yes ? "yes" : "no");
}

const SIGNALS = {
  read: { tones: [[1320, 0.06]], shake: [30] },
  green: { tones: [[880, 0.09], [1320, 0.16]], shake: [60, 40, 60] },
  red: { tones: [[220, 0.16], [165, 0.3]], shake: [300] },
};

export function signal(name) {
  const { tones, shake } = SIGNALS[name];
  navigator.vibrate?.(shake);
  if (!context || context.state !== "running" || muted()) return;
  let at = context.currentTime;
  for (const [pitch, seconds] of tones) {
    const tone = context.createOscillator();
    const loudness = context.createGain();
    tone.type = name === "red" ? "square" : "sine";
    tone.frequency.value = pitch;
    loudness.gain.setValueAtTime(name === "red" ? 0.12 : 0.25, at);
    loudness.gain.exponentialRampToValueAtTime(0.001, at + seconds);
    tone.connect(loudness).connect(context.destination);
    tone.start(at);
    tone.stop(at + seconds);
    at += seconds;
  }
}
