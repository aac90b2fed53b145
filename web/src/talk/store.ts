import type { Settings } from "../worker/protocol.js";
import type { Talk } from "./tree.js";

const DATABASE = "deep-tree-echo";
const TALKS = "talks";
const VALUES = "values";

/** Choices that the page remembers. */
export interface Preferences {
  /** Whether large heads are rounded to Q8_0 while loading. */
  roundHeads?: boolean;
}

function request<T>(work: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    work.onsuccess = () => resolve(work.result);
    work.onerror = () => reject(work.error ?? new Error("IndexedDB failed without a reason."));
  });
}

/**
 * What the page keeps on this machine: the text of the talks and the settings, in IndexedDB.
 *
 * Where the browser refuses storage (a private window), everything is kept in memory and
 * `refused` holds the reason.
 */
export class Store {
  refused: string | null = null;
  #database: IDBDatabase | null = null;

  /** Opens the store; never fails. */
  static async open(): Promise<Store> {
    const store = new Store();
    try {
      const opening = indexedDB.open(DATABASE, 1);
      opening.onupgradeneeded = () => {
        opening.result.createObjectStore(TALKS, { keyPath: "id" });
        opening.result.createObjectStore(VALUES);
      };
      store.#database = await request(opening);
    } catch (error) {
      store.#refuse(error);
    }
    return store;
  }

  #refuse(error: unknown): void {
    this.refused = error instanceof Error ? error.message : String(error);
    this.#database = null;
  }

  #objects(name: string, mode: IDBTransactionMode): IDBObjectStore | null {
    return this.#database?.transaction(name, mode).objectStore(name) ?? null;
  }

  /** All talks, the most recently used first. */
  async talks(): Promise<Talk[]> {
    const talks = await this.#read<Talk[]>(TALKS, (objects) => objects.getAll());
    return (talks ?? []).sort((a, b) => b.updated - a.updated);
  }

  /** Keeps a talk. Storage that is full makes the store refuse from then on. */
  async saveTalk(talk: Talk): Promise<void> {
    await this.#write(TALKS, (objects) => objects.put(talk));
  }

  async deleteTalk(id: string): Promise<void> {
    await this.#write(TALKS, (objects) => objects.delete(id));
  }

  /** The sampling settings, if they were ever changed. */
  async settings(): Promise<Partial<Settings> | undefined> {
    return this.#read<Partial<Settings>>(VALUES, (objects) => objects.get("settings"));
  }

  async saveSettings(settings: Settings): Promise<void> {
    await this.#write(VALUES, (objects) => objects.put(settings, "settings"));
  }

  /** What was chosen once for everything that follows. */
  async preferences(): Promise<Preferences> {
    const found = await this.#read<Preferences>(VALUES, (objects) => objects.get("preferences"));
    return found ?? {};
  }

  async savePreferences(preferences: Preferences): Promise<void> {
    await this.#write(VALUES, (objects) => objects.put(preferences, "preferences"));
  }

  async #read<T>(
    name: string,
    work: (objects: IDBObjectStore) => IDBRequest,
  ): Promise<T | undefined> {
    try {
      const objects = this.#objects(name, "readonly");
      return objects ? await request(work(objects) as IDBRequest<T | undefined>) : undefined;
    } catch (error) {
      this.#refuse(error);
      return undefined;
    }
  }

  async #write(name: string, work: (objects: IDBObjectStore) => IDBRequest): Promise<void> {
    try {
      // Throws where the user has cleared the page's data meanwhile.
      const objects = this.#objects(name, "readwrite");
      if (!objects) return;
      const written = request(work(objects));
      // Without this the browser commits when it finds the time, and a reload may come first.
      objects.transaction.commit();
      await written;
    } catch (error) {
      this.#refuse(error);
    }
  }
}
