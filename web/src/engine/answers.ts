import { heldAgain, heldBy } from "../talk/asking.js";
import { append, path, siblings, type Message, type Talk } from "../talk/tree.js";
import { begunWith, fitted, textOf } from "../talk/words.js";
import type { Begun, DoneEvent, EngineEvent, Other, Word } from "../worker/protocol.js";
import { callback } from "./link.js";
import type { Session } from "./session.js";

/** How often an answer under way is kept, in milliseconds. */
const SAVE_MS = 1000;

/** What there is of an answer before it begins or goes on. */
interface Beginning {
  text: string;
  words: Word[];
  /** The same with all spaces. */
  shown: string;
}

/** Having messages answered, one at a time. */
export class Answers {
  /** The message being answered into, if any. */
  current: Message | null = null;
  /** How far the engine has read the question of the answer under way. */
  reading: { done: number; total: number } | null = null;

  /** What waits for the engine. */
  #waiting: (() => void)[] = [];
  /** What has been shown of the answer under way, with all spaces. */
  #shown = "";

  constructor(private readonly session: Session) {}

  /** The engine is there: what has waited begins. */
  begin(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
  }

  /** The engine is gone, and the answer under way with it. */
  cut(problem: string): void {
    if (this.current) this.#settle(this.current, problem);
  }

  /** Another candidate for an answer becomes a branch beside it, and is shown. */
  async takeCandidate(answer: Message, number: number): Promise<void> {
    const { drawn } = answer.membranes ?? {};
    const one = drawn?.candidates[number];
    if (!drawn || !one || this.current || this.session.phase !== "ready") return;
    const text = one.text.trim();
    const there = siblings(this.session.talk, answer).find(
      (other) => other.text === text && other.membranes?.drawn?.nodes.length === drawn.nodes.length,
    );
    if (there) {
      this.session.looked = there.id;
      return this.session.showBranch(there);
    }
    const taken = append(this.session.talk, answer.parent, "assistant", text, "done");
    const known = await this.session.engine.take(answer.id, number, one.text, taken.id);
    taken.held = answer.held;
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
    this.session.looked = taken.id;
    this.session.keep(this.session.talk);
  }

  /** Says something after `parent` (the end of the talk on the screen) and has it answered. */
  send(text: string, parent: string | null = this.session.talk.leaf): void {
    if (!text.trim() || this.current) return;
    const question = append(this.session.talk, parent, "user", text, "done");
    this.#ask(this.session.talk, question, false);
  }

  /** Says the same place anew: the talk branches there. */
  edit(message: Message, text: string): void {
    this.send(text, message.parent);
  }

  /** Answers the same question once more, as a branch beside the old answer. */
  regenerate(answer: Message): void {
    const question = answer.parent === null ? undefined : this.session.talk.messages[answer.parent];
    if (question) this.#ask(this.session.talk, question, false);
  }

  /** Answers the same question with the same words up to `at`, and `other` in place of that one. */
  branchAt(answer: Message, at: number, other: Other): void {
    const question = answer.parent === null ? undefined : this.session.talk.messages[answer.parent];
    if (question) this.#ask(this.session.talk, question, false, begunWith(answer, at, other));
  }

  /** Goes on with an answer that ended early. */
  continueAnswer(answer: Message): void {
    this.#ask(this.session.talk, answer, true);
  }

  /** Stops the answer under way; what it has said so far stays. */
  stop(): void {
    const message = this.current;
    if (!message) return;
    if (message.status === "waiting") {
      this.#waiting = [];
      this.#settle(message, "Stopped before it began.");
      return;
    }
    void this.session.engine.stop();
  }

  #ask(talk: Talk, last: Message, continues: boolean, begun?: Begun): void {
    if (this.current) return;
    const { asking } = this.session;
    this.session.wanted = null;
    const ready = this.session.phase === "ready";
    const status = ready ? "reading" : "waiting";
    const answer = continues ? last : append(talk, last.id, "assistant", "", status);
    const from = begun ? talk.messages[begun.answerId] : undefined;
    // What goes on stays in the form in which it has begun, whatever is asked for by now.
    const earlier = continues ? last : from;
    answer.held = earlier ? heldAgain(earlier, asking) : heldBy(asking);
    if (begun && from) {
      answer.text = begun.text.trimStart();
      answer.words = from.words!.slice(0, begun.ids.length);
    } else if (continues && answer.words) {
      const ids = answer.words.map(([id]) => id);
      begun = { answerId: answer.id, ids, then: [], text: textOf(answer.words) };
    }
    answer.status = status;
    this.current = answer;
    this.session.keep(talk);
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
    this.session.looked = null;
    this.session.changed();
    let read: { done: number; total: number } | null = null;
    let saved = performance.now();
    let ended = false;
    try {
      await this.session.engine.answer(
        {
          turns,
          answerId: answer.id,
          continues,
          begun,
          settings: { ...this.session.settings },
          branches: this.session.asking.branches,
          ...(answer.held && { [answer.held.form]: answer.held.source }),
        },
        callback((slice: EngineEvent[]) => {
          for (const event of slice) {
            if (event.type === "prompt") read = { done: event.done, total: event.total };
            ended ||= event.type === "done" || event.type === "error";
            this.#take(answer, before, event);
          }
          this.reading = answer.status === "reading" ? read : null;
          this.session.changed();
          // A page that is closed in the middle of an answer keeps what it had said.
          if (performance.now() - saved > SAVE_MS && this.session.talks.includes(talk)) {
            saved = performance.now();
            this.session.store.saveTalk(talk);
          }
        }),
      );
    } catch (error) {
      this.session.died((error as Error).message);
    }
    // The model that was answering is gone, and its answer with it.
    const cut = ended ? undefined : "Another model was loaded meanwhile; regenerate this answer.";
    if (this.current === answer) this.#settle(answer, cut);
  }

  #take(answer: Message, before: Beginning, event: EngineEvent): void {
    switch (event.type) {
      case "token":
        answer.status = "streaming";
        answer.text += event.text;
        this.#shown += event.text;
        if (event.word) answer.words?.push(event.word);
        break;
      case "metrics":
        this.session.live = {
          tokensPerSecond: event.tokens_per_second,
          contextTokens: event.context_tokens,
        };
        this.session.memory.heapBytes = event.memory_bytes;
        break;
      case "done": {
        const { type: _, text, account, ...figures } = event satisfies DoneEvent;
        answer.membranes = account;
        answer.text = text;
        answer.words = (answer.words && fitted(answer.words, this.#shown, text)) ?? undefined;
        answer.figures = figures;
        answer.status = "done";
        this.#keepTalkOf(answer);
        this.session.live = {
          tokensPerSecond: figures.tokens_per_second,
          contextTokens: figures.context_tokens,
        };
        this.session.memory.heapBytes = figures.memory_bytes;
        void this.session.memory.ask();
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
        if (this.session.loaded) {
          this.session.loaded.backend = event.backend;
          this.session.loaded.failures = [...this.session.loaded.failures, event.failure];
        }
        break;
      case "prompt":
        this.session.live.contextTokens = Math.max(this.session.live.contextTokens, event.done);
        break;
    }
  }

  #keepTalkOf(message: Message): void {
    const talk = [this.session.talk, ...this.session.talks].find(
      (other) => message.id in other.messages,
    );
    if (talk) this.session.keep(talk);
  }

  #settle(answer: Message, problem?: string): void {
    if (problem !== undefined) {
      answer.status = "failed";
      answer.problem = problem;
    } else if (answer.status !== "failed") {
      answer.status = "done";
    }
    if (this.current === answer) this.current = null;
    this.reading = null;
    this.#keepTalkOf(answer);
    this.session.changed();
  }
}
