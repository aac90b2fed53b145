import { path, type Message } from "../talk/tree.js";
import type { Spot } from "../worker/protocol.js";
import { callback } from "./link.js";
import type { Session } from "./session.js";

/** How many tokens a second a replay may show. */
export const SPEEDS = [2, 5, 10, 30] as const;

/** An answer that can be gone through, and the number of its first place. */
interface Stretch {
  answer: Message;
  first: number;
}

/**
 * Going through a talk word by word: every view shows the model as it was there.
 *
 * The places are numbered from 0 through all answers of the branch on the screen; an answer of n
 * words has n + 1, the first of them the end of its question.
 */
export class Replay {
  /** The place that is shown; `null`: now. */
  at: number | null = null;
  playing = false;
  speed: (typeof SPEEDS)[number] = 10;
  /** Tokens that are read again to get there, where that takes a moment. */
  progress: { done: number; total: number } | null = null;
  /** Why a place cannot be shown. */
  problem = "";

  #wanted: number | null = null;
  #going = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #shown = "";

  constructor(readonly session: Session) {}

  /** The answers of the branch on the screen whose words are known. */
  get stretches(): Stretch[] {
    let first = 0;
    const found: Stretch[] = [];
    for (const answer of path(this.session.talk)) {
      if (!answer.words?.length || answer === this.session.answering) continue;
      found.push({ answer, first });
      first += answer.words.length + 1;
    }
    return found;
  }

  /** How many places there are. */
  get length(): number {
    const last = this.stretches.at(-1);
    return last ? last.first + last.answer.words!.length + 1 : 0;
  }

  /** The answer and the number of its words before a place. */
  locate(at: number): { answer: Message; words: number } | null {
    const stretch = this.stretches.findLast(({ first }) => first <= at);
    if (!stretch) return null;
    const words = Math.min(at - stretch.first, stretch.answer.words!.length);
    return { answer: stretch.answer, words };
  }

  /** How many words of an answer are shown; `null` if the place is not in it. */
  wordsOf(answer: Message): number | null {
    if (this.at === null) return null;
    const here = this.locate(this.at);
    return here?.answer === answer ? here.words : null;
  }

  /** Ends the replay where the talk on the screen is no longer the one that is replayed. */
  check(): void {
    const { talk, answering, phase } = this.session;
    const shown = `${talk.id} ${talk.leaf}`;
    if (this.at !== null && (shown !== this.#shown || answering || phase !== "ready")) this.leave();
    this.#shown = shown;
  }

  /** Goes to a place; beyond the last one, to now. */
  go(at: number): void {
    this.pause();
    this.#go(at);
  }

  /** Goes to the place after some words of an answer. */
  goInto(answer: Message, words: number): void {
    const stretch = this.stretches.find((other) => other.answer === answer);
    if (stretch) this.go(stretch.first + words);
  }

  /** Back to now. */
  leave(): void {
    this.pause();
    if (this.at === null) return;
    this.at = null;
    this.progress = null;
    this.problem = "";
    this.#wanted = null;
    // At once, also while a place is still being read for.
    if (!this.session.answering && this.session.phase === "ready") {
      void this.session.engine.seek(
        null,
        callback(() => undefined),
      );
    }
    this.session.changed();
  }

  /** Goes to the same place once more, for a view that wants more of it. */
  again(): void {
    if (this.at !== null) this.go(this.at);
  }

  play(): void {
    if (this.at === null || this.at >= this.length - 1) this.#go(0);
    this.playing = true;
    this.#next();
    this.session.changed();
  }

  pause(): void {
    clearTimeout(this.#timer);
    if (!this.playing) return;
    this.playing = false;
    this.session.changed();
  }

  #next(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (!this.playing) return;
      // Words come as fast as the engine can show them, never faster.
      if (!this.#going) this.#go((this.at ?? -1) + 1);
      if (this.at === null || this.at >= this.length - 1) this.pause();
      else this.#next();
    }, 1000 / this.speed);
  }

  #go(at: number): void {
    const { length } = this;
    if (at >= length) return this.leave();
    if (this.session.answering || this.session.phase !== "ready") return;
    const { talk } = this.session;
    this.#shown = `${talk.id} ${talk.leaf}`;
    this.at = Math.max(0, at);
    this.session.changed();
    void this.#follow();
  }

  /** Has the engine follow, one place at a time and always the last one that was wanted. */
  async #follow(): Promise<void> {
    this.#wanted = this.at;
    if (this.#going) return;
    this.#going = true;
    try {
      let shown: number | null | undefined;
      while (shown !== this.#wanted) {
        shown = this.#wanted;
        const spot = shown === null ? null : this.#spot(shown);
        await this.session.engine.seek(
          spot,
          callback((done: number, total: number) => {
            if (this.at === null) return;
            this.progress = { done, total };
            this.session.changed();
          }),
        );
        this.problem = "";
      }
    } catch (error) {
      this.problem = (error as Error).message;
      this.pause();
    } finally {
      this.#going = false;
      this.progress = null;
      this.session.changed();
    }
  }

  /** Has the engine make the state after some words of an answer ready, for a branch there. */
  async prepare(answer: Message, words: number): Promise<void> {
    if (this.#going || this.session.answering || this.session.phase !== "ready") return;
    this.#going = true;
    try {
      await this.session.engine.seek(
        this.#spotIn(answer, words),
        callback(() => undefined),
        false,
      );
    } catch {
      // Whoever chooses the word is told.
    } finally {
      this.#going = false;
    }
    // Somebody may have gone elsewhere meanwhile.
    if (this.at !== null) void this.#follow();
  }

  #spot(at: number): Spot | null {
    const here = this.locate(at);
    return here && this.#spotIn(here.answer, here.words);
  }

  #spotIn(answer: Message, words: number): Spot {
    const turns = path(this.session.talk, answer.parent).map(({ id, role, text }) => ({
      id,
      role,
      text,
    }));
    const ids = answer.words!.slice(0, words).map(([id]) => id);
    return { turns, answerId: answer.id, ids };
  }
}
