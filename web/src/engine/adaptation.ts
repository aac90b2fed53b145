import { path } from "../talk/tree.js";
import type { AdaptationState } from "../worker/protocol.js";
import type { Session } from "./session.js";

/** What the engine learns from what was written: the switch, the gauge, and snapshots. */
export class Adaptation {
  /** `null` until the store is open. */
  state: AdaptationState | null = null;
  #seen = "";

  constructor(private readonly session: Session) {
    const look = () => void this.look().catch(() => undefined);
    session.addEventListener("ready", look);
    session.addEventListener("change", () => {
      // Another chat, another model, or an answer that has ended.
      const now = JSON.stringify([this.#chat, session.loaded?.model, session.answering === null]);
      if (now === this.#seen || session.phase !== "ready") return;
      this.#seen = now;
      if (session.answering === null) look();
    });
  }

  /** Its first message names a chat. */
  get #chat(): string {
    return path(this.session.talk)[0]?.id ?? "";
  }

  /** Asks how things stand. */
  look(): Promise<void> {
    return this.#do("state");
  }

  choose(mode: AdaptationState["mode"]): Promise<void> {
    return this.#do("choose", { mode });
  }

  /** Forgets all that was learned. */
  reset(): Promise<void> {
    return this.#do("reset");
  }

  /** What was learned, as bytes. */
  async export(): Promise<Uint8Array<ArrayBuffer>> {
    const text = (await this.#ask("export")) as string;
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  }

  async import(bytes: Uint8Array): Promise<void> {
    let text = "";
    for (let at = 0; at < bytes.length; at += 8192) {
      text += String.fromCharCode(...bytes.subarray(at, at + 8192));
    }
    await this.#do("import", { data: btoa(text) });
  }

  async #do(method: string, values: object = {}): Promise<void> {
    this.state = (await this.#ask(method, values)) as AdaptationState;
    this.session.changed();
  }

  #ask(method: string, values: object = {}): Promise<unknown> {
    return this.session.engine.adaptation(method, { ...values, chat: this.#chat });
  }
}
