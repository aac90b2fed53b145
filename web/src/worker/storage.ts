import type { SAHPoolUtil, Sqlite3Static } from "@sqlite.org/sqlite-wasm";

import sqliteUrl from "@sqlite.org/sqlite-wasm/sqlite3.wasm?url";

import type { StorageState } from "./protocol.js";
import { Sqlite } from "./sqlite.mjs";

/** The folder in the browser's private file system, and what the tabs call the lock on it. */
const NAME = "chats";
const FILE = "/chats.db";

/** How long a tab that reloads may take to let go of the file. */
const PATIENCE_MS = 1500;

/** How long the browser may take to give SQLite its files, or the program; busy machines are slow. */
const LIMIT_MS = 15_000;

const AGAIN = `within ${LIMIT_MS / 1000} seconds; reload the page to try again`;
const LATE = `its file system gave no answer ${AGAIN}`;
const NO_PROGRAM = `SQLite did not come ${AGAIN}`;

/** Nothing, after so many milliseconds. */
const pause = (ms: number) => new Promise<undefined>((resolve) => setTimeout(resolve, ms));

type Instantiated = (instance: WebAssembly.Instance, code: WebAssembly.Module) => void;

/**
 * SQLite's program. Not fetched by itself, for Pyodide, which starts at the same time, has the
 * ordinary way to WebAssembly for itself meanwhile.
 */
async function compile(): Promise<WebAssembly.Module> {
  const response = await fetch(sqliteUrl);
  if (!response.ok) throw new Error(`SQLite could not be fetched (${response.status})`);
  return response.headers.get("content-type") === "application/wasm"
    ? await WebAssembly.compileStreaming(response)
    : await WebAssembly.compile(await response.arrayBuffer());
}

/** Puts what is kept into another database. */
export type Use = (sqlite: Sqlite, persistent: boolean, move: boolean) => void;

/**
 * Where the talks are kept: in the browser's private file system, which one tab at a time can
 * write, else in memory. A tab that has to wait takes over once the other one lets go.
 */
export class Storage {
  state: StorageState = {
    persistent: false,
    reason: "It has not been opened yet.",
    elsewhere: false,
  };
  #sqlite3: Promise<Sqlite3Static> | null = null;
  #pool: SAHPoolUtil | null = null;
  /** Whether the lock is ours; asked before anybody can use the file. */
  #granted: Promise<boolean> | null = null;
  /** Ends our hold of the lock. */
  #release: (() => void) | null = null;
  #use: Use = () => undefined;
  #idle: () => Promise<void> = () => Promise.resolve();
  #tell: (state: StorageState) => void = () => undefined;
  #ready!: () => void;
  /** Once it is known where the talks are. */
  readonly opened = new Promise<void>((resolve) => (this.#ready = resolve));
  readonly #others = new BroadcastChannel(NAME);

  constructor() {
    this.#others.onmessage = () => void this.opened.then(() => this.#letGo());
  }

  /**
   * Begins what opening takes, so that it is there when Python is. The file itself waits for
   * Python: in Chromium a handle asked for while the worker is starting Python may never come.
   */
  begin(): void {
    this.#granted = this.#lock();
    // Whether it came is asked when the store opens.
    this.#program().catch(() => undefined);
  }

  /** There will be nothing to keep: other tabs may have the file. */
  end(): void {
    this.#others.close();
    void this.#granted?.then(() => this.#release?.());
  }

  #program(): Promise<Sqlite3Static> {
    return (this.#sqlite3 ??= this.#start());
  }

  async #start(): Promise<Sqlite3Static> {
    const compiled = compile();
    compiled.catch(() => undefined);
    const silent = () => undefined;
    // The ways to a disk that are not ours, and its own reports: what fails is told by Python.
    const vfs = { opfs: true, "opfs-vfs": true, "opfs-wl": true, kvvfs: true };
    Object.assign(globalThis, {
      sqlite3ApiConfig: { disable: { vfs }, error: silent, warn: silent },
    });
    const { default: start } = await import("@sqlite.org/sqlite-wasm");
    const code = await compiled;
    return await new Promise((resolve, reject) => {
      const instantiateWasm = (imports: WebAssembly.Imports, use: Instantiated) => {
        WebAssembly.instantiate(code, imports).then((instance) => use(instance, code), reject);
        return {};
      };
      const begin = start as (settings: object) => Promise<Sqlite3Static>;
      begin({ instantiateWasm }).then(resolve, reject);
    });
  }

  /**
   * Opens the file, or memory where it cannot be had.
   *
   * @param use - Called whenever the place changes, once `idle` is over.
   * @param tell - Hears where the talks are, then and whenever that changes.
   */
  async open(
    use: Use,
    idle: () => Promise<void>,
    tell: (state: StorageState) => void,
  ): Promise<void> {
    this.#use = use;
    this.#idle = idle;
    if (!this.#granted) this.begin();
    try {
      if (await this.#granted) await this.#takeFile(false);
      else
        await this.#takeMemory(
          { reason: "Your chats are open in another tab", elsewhere: true },
          false,
        );
      this.#tell = tell;
      tell(this.state);
    } finally {
      this.#ready();
    }
  }

  /** Asks the tab that has the file to let it go; this one gets it then. */
  askForFile(): void {
    this.#others.postMessage("let go");
  }

  /** The lock is ours within a moment, or later, which takes the file then. */
  async #lock(): Promise<boolean> {
    let late = false;
    const granted = new Promise<boolean>((resolve) => {
      const hold = () =>
        new Promise<void>((release) => {
          this.#release = release;
          if (late) void this.opened.then(() => this.#takeFile(true));
          resolve(true);
        });
      navigator.locks.request(NAME, hold).catch(() => resolve(true));
    });
    const waited = new Promise<boolean>((resolve) => {
      setTimeout(() => resolve(false), PATIENCE_MS);
    });
    const result = await Promise.race([granted, waited]);
    late = !result;
    return result;
  }

  async #file(): Promise<Sqlite> {
    const sqlite3 = await this.#program();
    this.#pool ??= await sqlite3.installOpfsSAHPoolVfs({ name: NAME, directory: `.${NAME}` });
    if (this.#pool.isPaused()) await this.#pool.unpauseVfs();
    return new Sqlite(sqlite3, FILE, NAME);
  }

  async #takeFile(move: boolean): Promise<void> {
    const coming = this.#file();
    const state = { persistent: true, reason: null, elsewhere: false };
    try {
      const sqlite = await Promise.race([coming, pause(LIMIT_MS)]);
      if (sqlite) return await this.#put(sqlite, state, move);
    } catch (error) {
      this.#release?.();
      const reason = error instanceof Error ? error.message : String(error);
      return await this.#takeMemory({ reason, elsewhere: false }, move);
    }
    await this.#takeMemory({ reason: LATE, elsewhere: false }, move);
    // Should it come after all, it takes what memory holds by then.
    coming.then((sqlite) => this.#put(sqlite, state, true)).catch(() => this.#release?.());
  }

  async #takeMemory(state: { reason: string; elsewhere: boolean }, move: boolean): Promise<void> {
    const sqlite3 = await Promise.race([this.#program(), pause(LIMIT_MS)]);
    if (!sqlite3) throw new Error(NO_PROGRAM);
    await this.#put(new Sqlite(sqlite3, ":memory:"), { persistent: false, ...state }, move);
  }

  async #put(sqlite: Sqlite, state: StorageState, move: boolean): Promise<void> {
    try {
      await this.#idle();
      this.#use(sqlite, state.persistent, move);
    } catch (error) {
      sqlite.close();
      throw error;
    }
    this.state = state;
    this.#tell(state);
  }

  /** Another tab wants the file. What is shown here stays, in memory. */
  #letGo(): void {
    if (!this.state.persistent) return;
    void this.#takeMemory(
      { reason: "Your chats went to another tab", elsewhere: true },
      false,
    ).then(() => {
      this.#pool?.pauseVfs();
      this.#release?.();
      // Once that tab has closed, the file comes back.
      void this.#lock().then((granted) => (granted ? this.#takeFile(true) : undefined));
    });
  }
}
