import type { Frame } from "../viz/frame.js";
import type { Advanced } from "./frames.js";

/** Steps made in one go on the way to the end. */
const STRIDE = 40;
/** How long Python may compute before the page gets its turn. */
const SLICE_S = 0.04;

/** Asks for more steps. */
export type Advance = (most: number, seconds: number) => Promise<Advanced>;

/**
 * The steps that have been made and the one that is shown. It plays, pauses, goes back to what was
 * seen and on to what was not; `changed` is told after every change.
 */
export class Playback {
  frames: Frame[] = [];
  /** Which frame is shown. */
  at = 0;
  playing = false;
  /** On its way to the end at full speed. */
  running = false;
  halted = false;
  /** Why it cannot go on although it has not halted. */
  limit: string | null = null;
  /** The last change was one step forward. */
  forward = false;
  /** Steps a second. */
  speed = 2;

  #timer: ReturnType<typeof setTimeout> | undefined;
  #generation = 0;
  #asking = false;

  constructor(
    private readonly advance: Advance,
    private readonly changed: () => void,
  ) {}

  /** The frame that is shown. */
  get frame(): Frame | undefined {
    return this.frames[this.at];
  }

  /** The last step has been seen, and there is no other. */
  get ended(): boolean {
    return this.at === this.frames.length - 1 && (this.halted || this.limit !== null);
  }

  /** Begins with a start. */
  open(frame: Frame): void {
    this.pause();
    this.#generation++;
    // An engine that is gone never answers.
    this.#asking = false;
    this.frames = [frame];
    this.at = 0;
    this.halted = false;
    this.limit = null;
    this.forward = false;
    this.changed();
  }

  /** Shows a step that was made. */
  show(at: number): void {
    this.pause();
    this.forward = false;
    this.at = Math.max(0, Math.min(this.frames.length - 1, at));
    this.changed();
  }

  pause(): void {
    clearTimeout(this.#timer);
    this.playing = this.running = false;
    this.changed();
  }

  /** One step on; whether there was one. */
  async step(): Promise<boolean> {
    if (this.at === this.frames.length - 1) {
      if (!(await this.#more(1))) return false;
      if (this.at === this.frames.length - 1) {
        this.changed();
        return false;
      }
    }
    this.forward = true;
    this.at++;
    this.changed();
    return true;
  }

  async play(): Promise<void> {
    if (this.playing || this.running) return;
    this.playing = true;
    this.changed();
    const next = async () => {
      const begin = performance.now();
      if (!(await this.step()) || this.ended) {
        this.pause();
        return;
      }
      if (!this.playing) return;
      const spent = performance.now() - begin;
      this.#timer = setTimeout(() => void next(), Math.max(0, 1000 / this.speed - spent));
    };
    await next();
  }

  /** Makes all steps to the end, and shows the last. */
  async toEnd(): Promise<void> {
    this.pause();
    this.running = true;
    this.changed();
    while (this.running && !this.halted && this.limit === null) {
      if (!(await this.#more(STRIDE))) break;
      if (!this.running) return;
      this.at = this.frames.length - 1;
      this.forward = false;
      this.changed();
    }
    if (!this.running) return;
    this.running = false;
    this.at = this.frames.length - 1;
    this.changed();
  }

  /** Has steps made; false if another system has come, or another question is under way. */
  async #more(most: number): Promise<boolean> {
    if (this.#asking) return false;
    const generation = this.#generation;
    this.#asking = true;
    try {
      if (this.halted || this.limit !== null) return true;
      const { frames, halted, limit } = await this.advance(most, SLICE_S);
      if (generation !== this.#generation) return false;
      this.frames.push(...frames);
      this.halted = halted;
      this.limit = limit;
      return true;
    } finally {
      if (generation === this.#generation) this.#asking = false;
    }
  }
}
