import { PLAIN, wholeAsking, type Asking } from "../talk/asking.js";
import { completed, DEFAULTS } from "../talk/settings.js";
import type { Store } from "../talk/store.js";
import { newTalk, path, showBranch, type Message, type Talk } from "../talk/tree.js";
import type { Loaded, Part, PartProgress, Settings, StorageState } from "../worker/protocol.js";
import { callback, startWorker, type Link } from "./link.js";
import { Adaptation } from "./adaptation.js";
import { Answers } from "./answers.js";
import { Memories } from "./memories.js";
import { MemoryWatch } from "./memory.js";
import { Models } from "./models.js";
import { Replay } from "./replay.js";
import { Transfers } from "./transfers.js";

/** How long a new chat waits for the store, in milliseconds; a later one does not hold it up. */
const STORE_MS = 250;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** What the engine does now. */
export type Phase = "opening" | "ready" | "broken";

/** Live figures of the status line. */
export interface Live {
  tokensPerSecond: number | null;
  contextTokens: number;
}

/**
 * Everything the page shows, and everything a visitor can do; the elements draw it and call it.
 *
 * Fires `change` after every change, at most once a frame.
 */
export class Session extends EventTarget {
  phase: Phase = "opening";
  /** Why the engine is broken, in one sentence. */
  problem = "";
  parts = new Map<Part, PartProgress>();
  loaded: Loaded | null = null;
  live: Live = { tokensPerSecond: null, contextTokens: 0 };
  settings: Settings = { ...DEFAULTS };
  /** How answers are asked for. */
  asking: Asking = PLAIN;
  talks: Talk[] = [];
  talk: Talk = newTalk();
  openedAt = performance.now();
  readyAfter: number | null = null;
  /** Having messages answered. */
  readonly answers = new Answers(this);
  /** Models on their way in. */
  readonly models = new Models(this);
  /** What holds memory. */
  readonly memory = new MemoryWatch(
    () => (this.loaded && this.phase !== "broken" ? this.engine : null),
    () => this.changed(),
  );
  /** What is remembered of what was said. */
  readonly memories = new Memories(this);
  /** What is learned from what was written. */
  readonly adaptation = new Adaptation(this);
  /** Files of talks, out and in. */
  readonly transfers = new Transfers(this);
  /** Going through the talk word by word. */
  readonly replay = new Replay(this);
  /** This browser has no WebAssembly SIMD, which the fast backend needs. */
  noSimd = false;

  #link: Link;
  #scheduled = false;

  constructor(
    readonly store: Store,
    simd: boolean,
  ) {
    super();
    if (!simd) this.noSimd = true;
    this.#link = this.#start();
  }

  /** The engine, for what needs no bookkeeping here. */
  get engine(): Link["engine"] {
    return this.#link.engine;
  }

  /** The message being answered into, if any. */
  get answering(): Message | null {
    return this.answers.current;
  }

  /** Says that something changed; the elements draw it with the next frame. */
  changed(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const fire = () => {
      if (!this.#scheduled) return;
      this.#scheduled = false;
      this.replay.check();
      this.dispatchEvent(new Event("change"));
    };
    requestAnimationFrame(fire);
    // A hidden page has no frames.
    if (document.hidden) setTimeout(fire, 250);
  }

  // ------------------------------------------------------------------ the engine

  #start(): Link {
    const link = startWorker((reason) => {
      if (link === this.#link) this.died(reason);
    });
    const boot = async () => {
      const loaded = await link.engine.boot(
        callback((part: PartProgress) => {
          this.parts.set(part.part, part);
          this.changed();
        }),
      );
      this.use(loaded);
      const opening = this.#openStore(link);
      // A new chat can begin without what is kept; a kept one cannot.
      if (this.wanted === null) await Promise.race([opening, pause(STORE_MS)]);
      else await opening;
      await this.models.restore();
      this.phase = "ready";
      this.readyAfter = performance.now() - this.openedAt;
      this.#announce();
      this.answers.begin();
    };
    // After the constructor, so that a failure finds `#link` set.
    queueMicrotask(() => boot().catch((error: Error) => this.#broke(error.message)));
    return link;
  }

  /** The worker is gone; what it was doing ends with a sentence. */
  died(reason: string): void {
    this.#broke(`The engine stopped: ${reason.replace(/\.?$/, ".")}`);
  }

  #broke(problem: string): void {
    this.phase = "broken";
    this.problem = problem;
    this.store.detach();
    this.models.clear();
    this.answers.cut("The engine stopped; restart it and regenerate.");
    this.changed();
  }

  /** Starts a fresh engine after the old one died; the talks are kept. */
  restart(): void {
    this.#link.end();
    this.answers.cut("The engine was restarted meanwhile; regenerate this answer.");
    this.store.detach();
    this.phase = "opening";
    this.problem = "";
    this.loaded = null;
    this.memory.forget();
    this.models.clear();
    this.parts.clear();
    this.openedAt = performance.now();
    this.#link = this.#start();
    this.changed();
  }

  /** Another model answers from now on. */
  use(loaded: Loaded): void {
    this.loaded = loaded;
    this.memory.heapBytes = loaded.memoryBytes;
    this.live.tokensPerSecond = null;
    this.changed();
  }

  #announce(): void {
    performance.mark("engine-ready");
    void this.memory.ask().then(() => this.memory.measure());
    this.dispatchEvent(new Event("ready"));
    this.changed();
  }

  // ------------------------------------------------------------------- the talks

  /** The talk to show once the store has been read. */
  wanted: string | null = null;

  /** Whether it is known what is kept. */
  #storeOpen = false;

  async #openStore(link: Link): Promise<void> {
    let opening = true;
    this.#storeOpen = false;
    try {
      await link.engine.openStore(
        callback((state: StorageState) => {
          this.store.state = state;
          if (!opening) void this.#storeMoved();
          this.changed();
        }),
      );
      opening = false;
      await this.store.attach(link.engine);
      // All at once: each by itself would wait for the one before it.
      await Promise.all([
        this.store.settings().then((kept) => (this.settings = completed(kept))),
        this.store.asking().then((kept) => (this.asking = wholeAsking(kept))),
        this.models.restorePreferences(),
        this.list(),
      ]);
      this.#storeOpen = true;
      if (this.wanted !== null) await this.openTalk(this.wanted);
    } catch (error) {
      // It answers all the same.
      const reason = (error as Error).message;
      this.store.state = { persistent: false, reason, elsewhere: false };
    }
    this.#storeOpen = true;
    // The talk of the address may be where the chats are: it is shown once they are here.
    if (!this.store.state.elsewhere) this.wanted = null;
    this.changed();
  }

  /** The talks went to another tab, or came back. */
  async #storeMoved(): Promise<void> {
    this.store.moved();
    const { talk } = this;
    if (talk.leaf !== null) {
      this.store.saveTalk(talk);
      // What the other tab has added to it.
      const whole = await this.store.talk(talk.id);
      if (whole) talk.messages = { ...whole.messages, ...talk.messages };
    }
    await this.list();
    if (this.store.state.persistent) {
      const { wanted } = this;
      this.wanted = null;
      if (wanted !== null && talk.leaf === null) await this.openTalk(wanted);
    }
    this.changed();
  }

  /** Reads the list anew; the talk on the screen stays what it is. */
  async list(): Promise<void> {
    const listed = await this.store.talks();
    this.talks = listed.map((talk) => (talk.id === this.talk.id ? this.talk : talk));
  }

  /** Opens a talk, on the branch with the message `at` if that is given. */
  async openTalk(id: string, at?: string): Promise<void> {
    const talk = this.talks.find((other) => other.id === id);
    if (!talk) {
      // Before the store is open nobody knows what is there.
      if (!this.#storeOpen || this.store.state.elsewhere) this.wanted = id;
      return;
    }
    if (talk === this.talk) return this.#showAt(talk, at);
    if (Object.keys(talk.messages).length === 0) {
      const whole = await this.store.talk(id);
      if (!whole) return;
      Object.assign(talk, whole);
    }
    this.#showAt(talk, at);
    this.#show(talk);
  }

  #showAt(talk: Talk, at: string | undefined): void {
    const message = at === undefined ? undefined : talk.messages[at];
    if (!message || path(talk).includes(message)) return;
    // The answer under way stays on the screen.
    if (this.answering && this.answering.id in talk.messages) return;
    showBranch(talk, message.id);
    this.keep(talk);
  }

  newTalk(): void {
    this.wanted = null;
    if (this.talk.leaf !== null) this.#show(newTalk());
  }

  #show(talk: Talk): void {
    this.talk = talk;
    const answers = path(talk).flatMap(({ figures }) => figures ?? []);
    this.live.contextTokens = answers.at(-1)?.context_tokens ?? 0;
    this.changed();
  }

  renameTalk(talk: Talk, title: string): void {
    talk.title = title.trim();
    this.keep(talk);
  }

  deleteTalk(talk: Talk): void {
    if (this.answering && this.answering.id in talk.messages) this.answers.stop();
    this.talks = this.talks.filter((other) => other !== talk);
    if (this.talk === talk) this.#show(newTalk());
    this.store.deleteTalk(talk.id);
    void this.engine.forget(Object.keys(talk.messages));
    this.changed();
  }

  showBranch(message: Message): void {
    showBranch(this.talk, message.id);
    this.keep(this.talk);
  }

  /** Keeps a talk, the first of the list from now on. */
  keep(talk: Talk): void {
    if (!this.talks.includes(talk)) this.talks.unshift(talk);
    else this.talks.sort((a, b) => b.updated - a.updated);
    if (talk.leaf !== null) this.store.saveTalk(talk);
    this.changed();
  }

  saveSettings(settings: Settings): void {
    this.settings = settings;
    this.store.saveSettings(settings);
    this.changed();
  }

  saveAsking(change: Partial<Asking>): void {
    this.asking = { ...this.asking, ...change };
    this.store.saveAsking(this.asking);
    this.changed();
  }

  // ------------------------------------------------------------- what is looked at

  /** The answer that was asked about last, by its id. */
  looked: string | null = null;

  /** The answer whose inside is shown: where the replay is, the one asked about, or the last. */
  get lookedAt(): Message | null {
    const answers = path(this.talk).filter(({ role }) => role === "assistant");
    const { at } = this.replay;
    if (at !== null) return this.replay.locate(at)?.answer ?? null;
    const chosen = this.answering ? undefined : answers.find(({ id }) => id === this.looked);
    return chosen ?? answers.at(-1) ?? null;
  }

  /** Shows the inside of an answer from now on. */
  look(answer: Message): void {
    this.replay.leave();
    this.looked = answer.id;
    this.changed();
  }

  /** Why no answer can be in the form that is asked for, in one sentence. */
  formProblem: string | null = null;

  /** Compiles the form that is asked for; why it cannot be followed, `null` if it can. */
  async checkForm(): Promise<string | null> {
    const { form, sources } = this.asking;
    const source = form === "none" ? "" : sources[form];
    let problem: string | null = null;
    if (form !== "none" && this.phase === "ready") {
      problem = await this.engine
        .checkForm(form, source)
        .catch((error: unknown) => (error as Error).message);
    }
    // Something else may have been written meanwhile.
    if (form === this.asking.form && (form === "none" || source === this.asking.sources[form])) {
      this.formProblem = problem;
      this.changed();
    }
    return problem;
  }
}
