import { css, html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";

import { shortAsking } from "../talk/asking.js";
import { path } from "../talk/tree.js";
import { SessionElement } from "./element.js";
import { icon } from "./icons.js";
import { look } from "./look.js";
import type { MessageView } from "./message.js";
import type { AskingMenu } from "./asking-menu.js";
import "./asking-menu.js";
import "./message.js";
import "./scrubber.js";

/** First questions that the bundled model was trained for. */
const SUGGESTIONS = [
  "What can I do here?",
  "Is my data private?",
  "Do you work offline?",
  "How do I load another model?",
];

/** How often a screen reader hears what has been added, in milliseconds. */
const ANNOUNCE_MS = 2500;

/** The centre: the thread and the place to write. */
@customElement("echo-talk")
export class TalkView extends SessionElement {
  @state() private draft = "";
  @state() private announcement = "";
  @state() private choosing = false;
  @query("textarea") private field!: HTMLTextAreaElement;
  @query(".thread") private thread!: HTMLElement;

  /** A message that was searched for, and whether it is still to be brought into sight. */
  @state() private found: string | null = null;
  #sought = false;
  #follows = true;
  #at = 0;
  #sizes = new ResizeObserver(() => this.#toEnd());
  #said = { id: "", length: 0, at: 0 };

  static override styles = [
    look,
    css`
      :host {
        display: flex;
        flex-direction: column;
        min-height: 0;
        min-width: 0;
      }
      .thread {
        flex: 1;
        overflow-y: auto;
        padding: 1.5rem 1rem 1rem;
        overscroll-behavior: contain;
      }
      .measure {
        max-width: 70ch;
        margin: 0 auto;
      }
      echo-message + echo-message {
        margin-top: 1.25rem;
      }
      echo-message[found] {
        border-radius: 0.5rem;
        outline: 2px solid var(--accent);
        outline-offset: 0.5rem;
      }
      .empty {
        min-height: 100%;
        display: flex;
        flex-direction: column;
        justify-content: center;
        gap: 1rem;
        padding-bottom: 4vh;
      }
      .empty h2 {
        font-size: 1.625rem;
        line-height: 1.25;
        font-weight: 650;
        letter-spacing: -0.01em;
        text-wrap: balance;
      }
      .empty p {
        text-wrap: pretty;
      }
      .suggestions {
        display: flex;
        flex-wrap: wrap;
        gap: 0.5rem;
        margin-top: 0.5rem;
      }
      .suggestions button {
        border-radius: 2rem;
        font-size: 0.9375rem;
      }
      .replay {
        padding: 0 1rem;
      }
      form {
        padding: 0.25rem 1rem 0;
      }
      .box {
        display: flex;
        align-items: flex-end;
        gap: 0.5rem;
        padding: 0.4rem;
        border: 1px solid var(--line-strong);
        border-radius: 0.9rem;
        background: var(--surface);
      }
      .box:focus-within {
        border-color: var(--accent);
        box-shadow: 0 0 0 1px var(--accent);
      }
      textarea {
        flex: 1;
        min-width: 0;
        max-height: 40dvh;
        padding: 0.3rem 0.6rem;
        border: 0;
        outline: 0;
        background: none;
        line-height: 1.5;
        resize: none;
        field-sizing: content;
      }
      textarea:focus-visible {
        outline: none;
      }
      .asking {
        padding-inline: 0.5rem;
        color: var(--muted);
      }
      .asking[aria-expanded="true"] {
        background: var(--hover);
        color: var(--accent);
      }
      textarea::placeholder {
        color: var(--muted);
        opacity: 1;
      }
      .problem {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.5rem 0.75rem;
        margin-bottom: 0.75rem;
        padding: 0.6rem 0.9rem;
        border-radius: 0.6rem;
        background: var(--warning-surface);
        color: var(--warning);
      }
      .problem p {
        flex: 1 1 20rem;
      }
    `,
  ];

  /** Shows an answer as its words, or as text again: the one with the focus, or the last one. */
  async toggleWords(): Promise<void> {
    const views = [...this.renderRoot.querySelectorAll<MessageView>("echo-message")];
    const focused = this.shadowRoot?.activeElement;
    const wanted = views.find((view) => view === focused && view.hasWords);
    await (wanted ?? views.findLast((view) => view.hasWords))?.toggleWords();
  }

  /** Marks a message and brings it into sight, as soon as it is drawn. */
  reveal(id: string): void {
    this.found = id;
    this.#follows = false;
    this.#sought = true;
  }

  async #seek(): Promise<void> {
    const view = this.renderRoot.querySelector<MessageView>("echo-message[found]");
    if (!view) return;
    this.#sought = false;
    await view.updateComplete;
    view.scrollIntoView({ block: "center" });
  }

  /** Puts the cursor where one writes. */
  override focus(): void {
    this.field?.focus();
  }

  protected override updated(_changed: PropertyValues): void {
    this.#toEnd();
    if (this.#sought) void this.#seek();
    this.#announce();
  }

  protected override firstUpdated(): void {
    // Messages draw themselves after the talk has, and change their height when they settle.
    this.#sizes.observe(this.thread.firstElementChild!);
    this.#sizes.observe(this.thread);
  }

  /** Hands whole sentences to the live region, now and then, and the end of the answer. */
  #announce(): void {
    const message = path(this.session.talk).at(-1);
    if (!message || message.role !== "assistant") return;
    if (message.id !== this.#said.id) {
      // A talk that was opened is not read out, an answer under way is.
      const length = message.status === "done" ? message.text.length : 0;
      this.#said = { id: message.id, length, at: performance.now() };
    }
    const ended = message.status === "done" || message.status === "failed";
    if (!ended && performance.now() - this.#said.at < ANNOUNCE_MS) return;
    const fresh = message.text.slice(this.#said.length);
    const cut = ended ? fresh.length : fresh.search(/[.!?…]\s[^.!?…]*$/) + 1;
    if (cut <= 0) return;
    this.#said = {
      id: message.id,
      length: this.#said.length + cut,
      at: performance.now(),
    };
    this.announcement = fresh.slice(0, cut);
  }

  protected override render(): TemplateResult {
    const { session } = this;
    const messages = path(session.talk);
    return html`
      <div
        class="thread"
        tabindex="0"
        role="region"
        aria-label="The talk"
        @scroll=${this.#scrolled}
      >
        <div class=${messages.length ? "measure" : "measure empty"}>
          ${messages.length ? html`<h2 class="hidden-text">The talk</h2>` : nothing}
          ${
            messages.length
              ? repeat(
                  messages,
                  (message) => message.id,
                  (message) =>
                    html`<echo-message
                      ?found=${message.id === this.found}
                      .session=${session}
                      .message=${message}
                    ></echo-message>`,
                )
              : this.#empty()
          }
        </div>
      </div>
      <div class="replay">
        <echo-scrubber class="measure" .session=${session}></echo-scrubber>
      </div>
      <div class="hidden-text" aria-live="polite">${this.announcement}</div>
      <form @submit=${this.#submit}>
        <div class="measure">${this.#broken()} ${this.#asking()} ${this.#box()}</div>
      </form>
    `;
  }

  #empty(): TemplateResult {
    return html`
      <h2>A language model lives in this page. Ask it something.</h2>
      <p class="muted">
        It is a small recurrent network that was taught to talk about this page and a little more.
        It runs on your own machine, its memory of the talk has a fixed size, and you can watch that
        memory change under <em>Inside</em>. Small models make mistakes; you can load a larger one.
      </p>
      <div class="suggestions" role="group" aria-label="First questions">
        ${SUGGESTIONS.map(
          (text) => html`<button type="button" @click=${() => this.#say(text)}>${text}</button>`,
        )}
      </div>
      ${this.#remembers()}
    `;
  }

  /** Whether what is said here is remembered in other chats, and the way to the switch. */
  #remembers(): TemplateResult | typeof nothing {
    const { state } = this.session.memories;
    if (!state) return nothing;
    const options = { detail: "memories", bubbles: true, composed: true };
    return html`<p class="fine muted">
      ${state.on ? "What you say here is remembered in other chats," : "Other chats know nothing of what you say here,"}
      <button
        type="button"
        class="link"
        @click=${() => this.dispatchEvent(new CustomEvent("look-inside", options))}
      >
        unless you ${state.on ? "switch that off" : "have it remembered"}</button
      >.
    </p>`;
  }

  #broken(): TemplateResult | typeof nothing {
    const { phase, noSimd } = this.session;
    if (phase !== "broken" && noSimd) {
      return html`<div class="problem" role="status">
        <p>
          This browser has no WebAssembly SIMD, so the fast core cannot run and answers come slowly;
          Chrome and Edge from 91, Firefox from 89 and Safari from 16.4 have it.
        </p>
      </div>`;
    }
    if (phase !== "broken") return nothing;
    return html`<div class="problem" role="alert">
      <p>${this.session.problem} Your chats are kept.</p>
      <button type="button" @click=${() => this.session.restart()}>
        ${icon("again")} Restart the engine
      </button>
    </div>`;
  }

  /** How to answer, where that is being chosen. */
  #asking(): TemplateResult | typeof nothing {
    if (!this.choosing) return nothing;
    return html`<echo-asking
      id="asking"
      role="group"
      aria-label="How to answer"
      .session=${this.session}
      @close=${() => this.#choose(false)}
    ></echo-asking>`;
  }

  async #choose(open: boolean): Promise<void> {
    this.choosing = open;
    await this.updateComplete;
    const menu = this.renderRoot.querySelector<AskingMenu>("echo-asking");
    await menu?.updateComplete;
    const button = this.renderRoot.querySelector<HTMLElement>("button.asking");
    (menu ?? button)?.focus();
  }

  #box(): TemplateResult {
    const { asking } = this.session;
    const short = shortAsking(asking);
    const answering = this.session.answering !== null;
    return html`<div class="box">
      <textarea
        rows="1"
        aria-label="Your message"
        placeholder="Write a message"
        enterkeyhint="send"
        .value=${this.draft}
        @input=${this.#typed}
        @keydown=${this.#key}
      ></textarea>
      <button
        type="button"
        class="quiet asking"
        title="How to answer: one or several, in which form"
        aria-expanded=${this.choosing}
        aria-controls=${this.choosing ? "asking" : nothing}
        @click=${() => void this.#choose(!this.choosing)}
      >
        ${icon("asking")}<span class="hidden-text">How to answer: </span>
        ${short ? html`<span class="fine">${short}</span>` : html`<span class="hidden-text">once, freely</span>`}
      </button>
      ${
        answering
          ? html`<button
              type="button"
              title="Stop (Esc)"
              @click=${() => this.session.answers.stop()}
            >
              ${icon("stop")} Stop
            </button>`
          : html`<button class="primary" type="submit" ?disabled=${!this.draft.trim()}>
              ${icon("send")} Send
            </button>`
      }
    </div>`;
  }

  #typed(event: InputEvent): void {
    this.draft = (event.target as HTMLTextAreaElement).value;
  }

  #key(event: KeyboardEvent): void {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.#submit(event);
    }
  }

  #submit(event: Event): void {
    event.preventDefault();
    if (this.session.answering || !this.draft.trim()) return;
    void this.#say(this.draft.trim());
  }

  async #say(text: string): Promise<void> {
    // What cannot be compiled is not asked for.
    if (this.session.asking.form !== "none" && (await this.session.checkForm()) !== null) {
      return this.#choose(true);
    }
    if (this.session.answering) return;
    this.draft = "";
    this.#follows = true;
    this.found = null;
    this.session.answers.send(text);
    this.field.focus();
  }

  /** Follows the answer unless the reader has scrolled up. */
  #scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.thread;
    // The text may have grown since our own scrolling, so only a way back is the reader's wish.
    if (scrollTop < this.#at) this.#follows = false;
    if (scrollHeight - scrollTop - clientHeight < 48) this.#follows = true;
    this.#at = scrollTop;
  }

  #toEnd(): void {
    if (this.#follows) this.thread.scrollTop = this.thread.scrollHeight;
  }
}
