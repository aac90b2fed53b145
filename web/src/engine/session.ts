import { PLAIN, wholeAsking, type Asking } from "../talk/asking.js";
import { completed, DEFAULTS } from "../talk/settings.js";
import type { Store } from "../talk/store.js";
import {
  append,
  newTalk,
  path,
  showBranch,
  siblings,
  type Message,
  type Talk,
} from "../talk/tree.js";
import { begunWith, fitted, textOf } from "../talk/words.js";
import type {
  Begun,
  DoneEvent,
  EngineEvent,
  Loaded,
  Other,
  Part,
  PartProgress,
  Question,
  Settings,
  StorageState,
  Word,
} from "../worker/protocol.js";
import { callback, startWorker, type Link } from "./link.js";
import { Adaptation } from "./adaptation.js";
import { Memories } from "./memories.js";
import { MemoryWatch } from "./memory.js";
import { Models } from "./models.js";
import { Replay } from "./replay.js";
import { Transfers } from "./transfers.js";

/** How often an answer under way is kept, in milliseconds. */
const SAVE_MS = 1000;

/** How long a new chat waits for the store, in milliseconds; a later one does not hold it up. */
const STORE_MS = 250;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** What there is of an answer before it begins or goes on. */
interface Beginning {
  text: string;
  words: Word[];
  /** The same with all spaces. */
  shown: string;
}

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
  /** The message being answered into, if any. */
  answering: Message | null = null;
  openedAt = performance.now();
  readyAfter: number | null = null;
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
  #waiting: (() => void)[] = [];
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
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const go of waiting) go();
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
    if (this.answering) {
      this.#settle(this.answering, "The engine stopped; restart it and regenerate.");
    }
    this.changed();
  }

  /** Starts a fresh engine after the old one died; the talks are kept. */
  restart(): void {
    this.#link.end();
    this.store.detach();
    this.phase = "opening";
    this.problem = "";
    this.loaded = null;
    this.memory.forget();
    this.models.clear();
    this.answering = null;
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
    this.#keep(talk);
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
    this.#keep(talk);
  }

  deleteTalk(talk: Talk): void {
    if (this.answering && this.answering.id in talk.messages) this.stop();
    this.talks = this.talks.filter((other) => other !== talk);
    if (this.talk === talk) this.#show(newTalk());
    this.store.deleteTalk(talk.id);
    void this.engine.forget(Object.keys(talk.messages));
    this.changed();
  }

  showBranch(message: Message): void {
    showBranch(this.talk, message.id);
    this.#keep(this.talk);
  }

  #keep(talk: Talk): void {
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

  // ------------------------------------------------------------------ the answers

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

  /** Another candidate for an answer becomes a branch beside it, and is shown. */
  async takeCandidate(answer: Message, number: number): Promise<void> {
    const { drawn } = answer.membranes ?? {};
    const one = drawn?.candidates[number];
    if (!drawn || !one || this.answering || this.phase !== "ready") return;
    const text = one.text.trim();
    const there = siblings(this.talk, answer).find(
      (other) => other.text === text && other.membranes?.drawn?.nodes.length === drawn.nodes.length,
    );
    if (there) {
      this.looked = there.id;
      return this.showBranch(there);
    }
    const taken = append(this.talk, answer.parent, "assistant", text, "done");
    const known = await this.engine.take(answer.id, number, one.text, taken.id);
    taken.membranes = { ...answer.membranes!, drawn: { ...drawn, chosen: number } };
    if (known.words) {
      taken.words = fitted(known.words, one.text, text) ?? undefined;
    }
    if (answer.figures) {
      const more = one.tokens - (drawn.candidates[drawn.chosen]?.tokens ?? 0);
      taken.figures = {
        ...answer.figures,
        stop_reason: one.stop_reason,
        n_tokens: one.tokens,
        context_tokens: known.context_tokens ?? answer.figures.context_tokens + more,
      };
    }
    this.looked = taken.id;
    this.#keep(this.talk);
  }

  /** Says something after `parent` (the end of the talk on the screen) and has it answered. */
  send(text: string, parent: string | null = this.talk.leaf): void {
    if (!text.trim() || this.answering) return;
    const question = append(this.talk, parent, "user", text, "done");
    this.#ask(this.talk, question, false);
  }

  /** Says the same place anew: the talk branches there. */
  edit(message: Message, text: string): void {
    this.send(text, message.parent);
  }

  /** Answers the same question once more, as a branch beside the old answer. */
  regenerate(answer: Message): void {
    const question = answer.parent === null ? undefined : this.talk.messages[answer.parent];
    if (question) this.#ask(this.talk, question, false);
  }

  /** Answers the same question with the same words up to `at`, and `other` in place of that one. */
  branchAt(answer: Message, at: number, other: Other): void {
    const question = answer.parent === null ? undefined : this.talk.messages[answer.parent];
    if (question) this.#ask(this.talk, question, false, begunWith(answer, at, other));
  }

  /** Goes on with an answer that ended early. */
  continueAnswer(answer: Message): void {
    this.#ask(this.talk, answer, true);
  }

  /** Stops the answer under way; what it has said so far stays. */
  stop(): void {
    const message = this.answering;
    if (!message) return;
    if (message.status === "waiting") {
      this.#waiting = [];
      this.#settle(message, "Stopped before it began.");
      return;
    }
    void this.engine.stop();
  }

  #ask(talk: Talk, last: Message, continues: boolean, begun?: Begun): void {
    if (this.answering) return;
    this.wanted = null;
    const ready = this.phase === "ready";
    const status = ready ? "reading" : "waiting";
    const answer = continues ? last : append(talk, last.id, "assistant", "", status);
    const from = begun ? talk.messages[begun.answerId] : undefined;
    if (begun && from) {
      answer.text = begun.text.trimStart();
      answer.words = from.words!.slice(0, begun.ids.length);
    } else if (continues && answer.words) {
      const ids = answer.words.map(([id]) => id);
      begun = { answerId: answer.id, ids, then: [], text: textOf(answer.words) };
    }
    answer.status = status;
    this.answering = answer;
    this.#keep(talk);
    const go = () => void this.#answer(talk, answer, continues, begun);
    if (ready) go();
    else this.#waiting.push(go);
  }

  async #answer(
    talk: Talk,
    answer: Message,
    continues: boolean,
    begun: Begun | undefined,
  ): Promise<void> {
    const before: Beginning = {
      text: continues || begun ? answer.text : "",
      words: begun ? (answer.words ?? []) : [],
      shown: begun?.text ?? "",
    };
    // What was said before words were told apart has none; then the whole has none.
    answer.words = continues && !begun && answer.text ? undefined : [...before.words];
    this.#shown = before.shown;
    const turns = path(talk, continues ? answer.id : answer.parent).map(({ id, role, text }) => ({
      id,
      role,
      text,
    }));
    answer.status = "reading";
    if (!continues) delete answer.membranes;
    this.looked = null;
    this.changed();
    let read: { done: number; total: number } | null = null;
    let saved = performance.now();
    let ended = false;
    try {
      await this.engine.answer(
        {
          turns,
          answerId: answer.id,
          continues,
          begun,
          settings: { ...this.settings },
          ...this.#asked(),
        },
        callback((slice: EngineEvent[]) => {
          for (const event of slice) {
            if (event.type === "prompt") read = { done: event.done, total: event.total };
            ended ||= event.type === "done" || event.type === "error";
            this.#take(answer, before, event);
          }
          this.reading = answer.status === "reading" ? read : null;
          this.changed();
          // A page that is closed in the middle of an answer keeps what it had said.
          if (performance.now() - saved > SAVE_MS && this.talks.includes(talk)) {
            saved = performance.now();
            this.store.saveTalk(talk);
          }
        }),
      );
    } catch (error) {
      this.died((error as Error).message);
    }
    // The model that was answering is gone, and its answer with it.
    const cut = ended ? undefined : "Another model was loaded meanwhile; regenerate this answer.";
    if (this.answering === answer) this.#settle(answer, cut);
  }

  /** How the answer is asked for. */
  #asked(): Pick<Question, "branches" | "json_schema" | "grammar"> {
    const { branches, form, sources } = this.asking;
    return form === "none" ? { branches } : { branches, [form]: sources[form] };
  }

  /** How far the engine has read the question of the answer under way. */
  reading: { done: number; total: number } | null = null;

  /** What has been shown of the answer under way, with all spaces. */
  #shown = "";

  #take(answer: Message, before: Beginning, event: EngineEvent): void {
    switch (event.type) {
      case "token":
        answer.status = "streaming";
        answer.text += event.text;
        this.#shown += event.text;
        if (event.word) answer.words?.push(event.word);
        break;
      case "metrics":
        this.live = {
          tokensPerSecond: event.tokens_per_second,
          contextTokens: event.context_tokens,
        };
        this.memory.heapBytes = event.memory_bytes;
        break;
      case "done": {
        const { type: _, text, account, ...figures } = event satisfies DoneEvent;
        answer.membranes = account;
        answer.text = text;
        answer.words = (answer.words && fitted(answer.words, this.#shown, text)) ?? undefined;
        answer.figures = figures;
        answer.status = "done";
        this.#keepTalkOf(answer);
        this.live = {
          tokensPerSecond: figures.tokens_per_second,
          contextTokens: figures.context_tokens,
        };
        this.memory.heapBytes = figures.memory_bytes;
        void this.memory.ask();
        break;
      }
      case "membranes":
        answer.membranes = event.account;
        break;
      case "error":
        if (event.account) answer.membranes = event.account;
        this.#settle(answer, event.message);
        break;
      case "fallback":
        // The answer starts again with another backend.
        answer.text = before.text;
        answer.words &&= [...before.words];
        this.#shown = before.shown;
        if (this.loaded) {
          this.loaded.backend = event.backend;
          this.loaded.failures = [...this.loaded.failures, event.failure];
        }
        break;
      case "prompt":
        this.live.contextTokens = Math.max(this.live.contextTokens, event.done);
        break;
    }
  }

  #keepTalkOf(message: Message): void {
    const talk = [this.talk, ...this.talks].find((other) => message.id in other.messages);
    if (talk) this.#keep(talk);
  }

  #settle(answer: Message, problem?: string): void {
    if (problem !== undefined) {
      answer.status = "failed";
      answer.problem = problem;
    } else if (answer.status !== "failed") {
      answer.status = "done";
    }
    if (this.answering === answer) this.answering = null;
    this.reading = null;
    this.#keepTalkOf(answer);
    this.changed();
  }
}
