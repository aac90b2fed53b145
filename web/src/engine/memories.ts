import type { MemoriesState, Memory, MemoryList } from "../worker/protocol.js";
import type { Session } from "./session.js";

/** What the list of memories is asked for. */
export interface MemoryQuery {
  text: string;
  type: string;
  tag: string;
  sort: "newest" | "oldest" | "important" | "used";
  start: number;
  count: number;
}

/** What of a memory can be changed by hand. */
export type MemoryChange = Partial<Pick<Memory, "content" | "memory_type" | "tags" | "importance">>;

/** What is remembered of what was said: the switch, and everything by hand. */
export class Memories {
  /** `null` until the store is open. */
  state: MemoriesState | null = null;
  #answered: unknown = null;

  constructor(private readonly session: Session) {
    const look = () => void this.look().catch(() => undefined);
    session.addEventListener("ready", look);
    session.addEventListener("change", () => {
      const { answering } = session;
      if (this.#answered !== null && answering === null) look();
      this.#answered = answering;
    });
  }

  /** Asks how things stand. */
  async look(): Promise<void> {
    this.#take((await this.#ask("state")) as MemoriesState);
  }

  async choose(
    changes: Partial<Pick<MemoriesState, "on" | "recall" | "exchanges">>,
  ): Promise<void> {
    this.#take((await this.#ask("choose", changes)) as MemoriesState);
  }

  list(query: MemoryQuery): Promise<MemoryList> {
    return this.#ask("list", query) as Promise<MemoryList>;
  }

  /** Memories by their ids; those that are gone are left out. */
  some(ids: string[]): Promise<Memory[]> {
    return this.#ask("some", { ids }) as Promise<Memory[]>;
  }

  add(text: string): Promise<unknown> {
    return this.#change("store", { text });
  }

  edit(id: string, changes: MemoryChange): Promise<unknown> {
    return this.#change("edit", { id, changes });
  }

  /** Deletes a memory; what it was, for {@link restore}. */
  delete(id: string): Promise<Memory> {
    return this.#change("delete", { id }) as Promise<Memory>;
  }

  restore(memory: Memory): Promise<unknown> {
    return this.#change("restore", { memory });
  }

  associate(first: string, second: string): Promise<unknown> {
    return this.#change("associate", { first, second });
  }

  dissociate(first: string, second: string): Promise<unknown> {
    return this.#change("dissociate", { first, second });
  }

  consolidate(): Promise<{ groups: number; merged: number }> {
    return this.#change("consolidate") as Promise<{ groups: number; merged: number }>;
  }

  export(): Promise<string> {
    return this.#ask("export") as Promise<string>;
  }

  import(text: string): Promise<number> {
    return this.#change("import", { text }) as Promise<number>;
  }

  /** Deletes all; how many there were. */
  forget(): Promise<number> {
    return this.#change("forget") as Promise<number>;
  }

  async #change(method: string, values: object = {}): Promise<unknown> {
    const result = await this.#ask(method, values);
    await this.look();
    return result;
  }

  #ask(method: string, values: object = {}): Promise<unknown> {
    return this.session.engine.memories(method, values);
  }

  #take(state: MemoriesState): void {
    this.state = state;
    this.session.changed();
  }
}
