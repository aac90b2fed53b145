import type { Settings, StorageState } from "../worker/protocol.js";
import type { Asking } from "./asking.js";
import { earlier, forgetEarlier, type Earlier } from "./earlier.js";
import type { Message, Talk } from "./tree.js";

/** Choices that the page remembers. */
export interface Preferences {
  /** Whether large heads are rounded to Q8_0 while loading. */
  roundHeads?: boolean;
}

/** What the store is asked through: the engine's worker, which has it. */
export interface Keeper {
  store(method: string, values: object): Promise<unknown>;
}

/** A message that a search found; hits in its excerpt are between U+0002 and U+0003. */
export interface Found {
  conversation: string;
  message: string;
  excerpt: string;
}

/** A talk as the list has it. */
interface Listed extends Omit<Talk, "messages"> {
  first: string;
}

/**
 * What the page keeps on this machine: the talks and the settings, in the engine's store.
 *
 * Until that is open, what is to be kept waits. Where the browser refuses storage (a private
 * window), everything is kept in memory and `state` holds the reason.
 */
export class Store {
  state: StorageState = { persistent: true, reason: null, elsewhere: false };
  /** Why the last change could not be kept, in one sentence. */
  problem: string | null = null;
  #keeper: Keeper | null = null;
  /** Asked while the engine is on its way. */
  #earlier: Promise<Earlier | null> | null = earlier();
  #waiting: (() => Promise<void>)[] = [];
  /** What was kept last of each message, so that only changes are sent. */
  #kept = new Map<string, string>();

  /** Goes on with an engine whose store is open; what has waited is kept now. */
  async attach(keeper: Keeper): Promise<void> {
    this.#keeper = keeper;
    this.#kept.clear();
    await this.#takeEarlier();
    const waiting = this.#waiting;
    this.#waiting = [];
    await Promise.all(waiting.map((work) => work()));
  }

  /** The engine is gone; what is to be kept waits for the next one. */
  detach(): void {
    this.#keeper = null;
  }

  /** The store has moved; what is on the screen is to be kept there whole. */
  moved(): void {
    this.#kept.clear();
  }

  /** All talks without their messages, the most recently used first. */
  async talks(): Promise<Talk[]> {
    const talks = ((await this.#ask("talks", {})) ?? []) as Listed[];
    return talks.map((talk) => ({ ...talk, messages: {} }));
  }

  /** A talk with its messages; `null` if it is not there. */
  async talk(id: string): Promise<Talk | null> {
    return (await this.#ask("talk", { talk: id })) as Talk | null;
  }

  /** Messages with all these words, best first; the last word may be a beginning. */
  async search(text: string): Promise<Found[]> {
    return ((await this.#ask("search", { text })) ?? []) as Found[];
  }

  /** Keeps a talk. */
  saveTalk(talk: Talk): void {
    const { id, title, created, updated, leaf } = talk;
    const facts = { id, title, created, updated, leaf };
    const messages: Message[] = [];
    for (const message of Object.values(talk.messages)) {
      const text = JSON.stringify(message);
      if (this.#kept.get(message.id) === text) continue;
      this.#kept.set(message.id, text);
      messages.push(JSON.parse(text) as Message);
    }
    this.#tell("save", { talk: facts, messages });
  }

  deleteTalk(id: string): void {
    this.#tell("delete", { talk: id });
  }

  /** The sampling settings, if they were ever changed. */
  async settings(): Promise<Partial<Settings> | undefined> {
    return ((await this.#ask("choice", { name: "settings" })) ?? undefined) as
      Partial<Settings> | undefined;
  }

  saveSettings(settings: Settings): void {
    this.#tell("choose", { name: "settings", value: settings });
  }

  /** How answers are asked for, if that was ever changed. */
  async asking(): Promise<unknown> {
    return await this.#ask("choice", { name: "asking" });
  }

  saveAsking(asking: Asking): void {
    this.#tell("choose", { name: "asking", value: asking });
  }

  /** What was chosen once for everything that follows. */
  async preferences(): Promise<Preferences> {
    return ((await this.#ask("choice", { name: "preferences" })) ?? {}) as Preferences;
  }

  savePreferences(preferences: Preferences): void {
    this.#tell("choose", { name: "preferences", value: preferences });
  }

  /** What an earlier version of this page has kept elsewhere comes along, once. */
  async #takeEarlier(): Promise<void> {
    const found = await (this.#earlier ?? earlier());
    this.#earlier = null;
    if (!found || !this.state.persistent) return;
    for (const talk of found.talks) this.saveTalk(talk);
    if (found.settings) this.saveSettings(found.settings);
    if (found.preferences) this.savePreferences(found.preferences);
    // Answered after what came before it, so it is all kept.
    const there = new Set((await this.talks()).map(({ id }) => id));
    if (found.talks.every(({ id }) => there.has(id))) forgetEarlier();
  }

  async #ask(method: string, values: object): Promise<unknown> {
    try {
      return await this.#keeper?.store(method, values);
    } catch (error) {
      this.problem = (error as Error).message;
      return undefined;
    }
  }

  /** Keeps a change; in order, and before what the engine is asked next. */
  #tell(method: string, values: object): void {
    if (this.#keeper) void this.#change(this.#keeper, method, values);
    else this.#waiting.push(async () => this.#tell(method, values));
  }

  async #change(keeper: Keeper, method: string, values: object): Promise<void> {
    try {
      await keeper.store(method, values);
      if (method === "save") this.problem = null;
    } catch (error) {
      this.problem = (error as Error).message;
      this.#kept.clear();
    }
  }
}
