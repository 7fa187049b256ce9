// Two soft tones when a reminder comes: while driving in a strict market it says no more than a time.

const TONES_HZ = [660, 880];
const TONE_S = 0.18;
const LOUDNESS = 0.12;

export class Chime {
  constructor() {
    this.rung = null;
    this.sound = null;
  }

  /** Once for each reminder. A browser lets no page sound before it was touched, unless its kiosk says so. */
  ring(reminder) {
    const key = reminder?.key ?? null;
    if (key === this.rung) return;
    this.rung = key;
    if (key !== null && navigator.userActivation?.hasBeenActive) this.play();
  }

  play() {
    this.sound ??= new AudioContext();
    const volume = this.sound.createGain();
    volume.gain.value = LOUDNESS;
    volume.connect(this.sound.destination);
    TONES_HZ.forEach((frequency, index) => {
      const tone = this.sound.createOscillator();
      tone.frequency.value = frequency;
      tone.connect(volume);
      const start = this.sound.currentTime + index * TONE_S;
      tone.start(start);
      tone.stop(start + TONE_S);
    });
  }
}
