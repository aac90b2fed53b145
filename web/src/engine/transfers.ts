import { fileName, keep } from "../file.js";
import { talkTitle, type Talk } from "../talk/tree.js";
import { callback } from "./link.js";
import type { Session } from "./session.js";

/** A file on its way, in whatever it is counted in. */
export interface Transfer {
  label: string;
  done: number;
  total: number;
}

/** Talks as files: out of the store to the visitor, and in again. One at a time. */
export class Transfers {
  current: Transfer | null = null;
  /** How the last one ended, in one sentence. */
  outcome: { text: string; failed: boolean } | null = null;

  constructor(private readonly session: Session) {}

  /** Gives the visitor a file with a talk, or with all of them. */
  save(talk: Talk | null): Promise<void> {
    const name = talk ? fileName(talkTitle(talk)) : `chats-${today()}`;
    return this.#do("Exporting", async (tell) => {
      const file = await this.session.engine.exportTalks(talk ? [talk.id] : null, tell);
      keep(`${name}.chats`, file, "application/octet-stream");
      return `${name}.chats has ${talk ? "the chat" : "all chats"} with branches and states.`;
    });
  }

  /** Adds the talks of a file that {@link save} gave. */
  take(file: File): Promise<void> {
    return this.#do("Importing", async (tell) => {
      const ids = await this.session.engine.importTalks(file, tell);
      await this.session.list();
      return ids.length === 1 ? "One chat was added." : `${ids.length} chats were added.`;
    });
  }

  async #do(
    label: string,
    work: (tell: (done: number, total: number) => void) => Promise<string>,
  ): Promise<void> {
    if (this.current) return;
    const show = (done: number, total: number) => {
      this.current = { label, done, total };
      this.session.changed();
    };
    show(0, 0);
    this.outcome = null;
    try {
      this.outcome = { text: await work(callback(show)), failed: false };
    } catch (error) {
      this.outcome = { text: (error as Error).message, failed: true };
    }
    this.current = null;
    this.session.changed();
  }
}

/** The day as file names have it. */
function today(): string {
  return new Date().toISOString().slice(0, 10);
}
