import { css, html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { unsafeHTML } from "lit/directives/unsafe-html.js";

import type { View } from "../address.js";
import { formName, pretty } from "../talk/asking.js";
import type { Message } from "../talk/tree.js";
import { textOf } from "../talk/words.js";
import "./branches.js";
import type { Choice, WordsView } from "./doors.js";
import "./doors.js";
import { SessionElement } from "./element.js";
import { figures } from "./figures.js";
import { count } from "./format.js";
import { icon } from "./icons.js";
import { look } from "./look.js";
import { markdown, prose } from "./markdown.js";

/** One message of the talk, with its figures and what can be done with it. */
@customElement("echo-message")
export class MessageView extends SessionElement {
  @property({ attribute: false }) message!: Message;
  @state() private editing = false;
  @state() private copied = false;
  /** The answer is shown as its words. */
  @state() private asWords = false;
  /** A JSON answer has its lines broken. */
  @state() private broken = false;

  #settled = { text: "", html: "" };

  static override styles = [
    look,
    prose,
    css`
      :host {
        display: block;
      }
      .said {
        margin-inline-start: auto;
        width: fit-content;
        max-width: 85%;
        padding: 0.55rem 0.9rem;
        border-radius: 1rem 1rem 0.25rem 1rem;
        background: var(--said);
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
      .answer {
        overflow-wrap: anywhere;
      }
      .streaming {
        white-space: pre-wrap;
      }
      .streaming::after {
        content: "";
        display: inline-block;
        width: 0.5em;
        height: 1em;
        margin-inline-start: 0.15em;
        vertical-align: -0.12em;
        background: var(--accent);
        border-radius: 1px;
      }
      .figures {
        margin-top: 0.5rem;
        color: var(--muted);
      }
      .tools {
        display: flex;
        flex-wrap: wrap;
        gap: 0.1rem;
        margin-top: 0.15rem;
        margin-inline-start: -0.5rem;
      }
      .tools [aria-pressed="true"] {
        background: var(--hover);
        color: var(--accent);
      }
      .user .tools {
        justify-content: flex-end;
        margin-inline: 0 -0.5rem;
      }
      .tools svg {
        width: 15px;
        height: 15px;
      }
      textarea {
        width: 100%;
        min-height: 5rem;
        padding: 0.6rem 0.8rem;
        border: 1px solid var(--line-strong);
        border-radius: 0.5rem;
        background: var(--surface);
        resize: vertical;
      }
      .problem {
        display: flex;
        gap: 0.5rem;
        padding: 0.55rem 0.8rem;
        border-radius: 0.5rem;
        background: var(--warning-surface);
        color: var(--warning);
      }
      .problem svg {
        flex: none;
        margin-top: 0.2rem;
      }
      progress {
        max-width: 14rem;
        margin-top: 0.4rem;
      }
    `,
  ];

  protected override updated(changed: PropertyValues): void {
    if (changed.has("editing") && this.editing) {
      const field = this.renderRoot.querySelector("textarea");
      field?.focus();
      field?.setSelectionRange(field.value.length, field.value.length);
    }
  }

  protected override render(): TemplateResult {
    return this.message.role === "user" ? this.#user() : this.#answer();
  }

  #user(): TemplateResult {
    const { message } = this;
    if (this.editing) {
      return html`<textarea
          aria-label="Your message"
          .value=${message.text}
          @keydown=${this.#editKey}
        ></textarea>
        <div class="tools">
          <button class="small primary" @click=${this.#saveEdit}>Ask this instead</button>
          <button class="small quiet" @click=${() => (this.editing = false)}>Cancel</button>
          <span class="fine muted">The old message stays as a branch.</span>
        </div>`;
    }
    return html`<div class="user">
      <h3 class="hidden-text">You</h3>
      <div class="said">${message.text}</div>
      <div class="tools">
        <echo-branches .session=${this.session} .message=${message}></echo-branches>
        <button
          class="small quiet"
          ?disabled=${this.session.answering !== null}
          @click=${() => (this.editing = true)}
        >
          ${icon("edit")} Edit
        </button>
      </div>
    </div>`;
  }

  #answer(): TemplateResult {
    const { message } = this;
    const streaming = message.status === "streaming";
    return html`<article aria-label="Answer">
      <h3 class="hidden-text">Answer</h3>
      ${
        message.text
          ? streaming
            ? html`<div class="answer streaming">${message.text}</div>`
            : (this.#words() ??
              this.#code() ??
              html`<div class="answer">${unsafeHTML(this.#html(message.text))}</div>`)
          : nothing
      }
      ${
        message.status === "waiting"
          ? html`<p class="muted">
              Waiting for the engine; this is answered as soon as it is ready.
            </p>`
          : nothing
      }
      ${message.status === "reading" ? this.#reading() : nothing}
      ${
        message.status === "failed"
          ? html`<p class="problem">${icon("warning")}<span>${message.problem}</span></p>`
          : nothing
      }
      ${
        message.status === "done" && !message.text
          ? html`<p class="muted">The model ended its answer without a word.</p>`
          : nothing
      }
      ${message.figures ? figures(message.figures, html`${this.#held()}${this.#recalled()}`) : nothing}
      ${message.status === "done" || message.status === "failed" ? this.#tools() : nothing}
    </article>`;
  }

  /** An answer in a form, as it stands. */
  #code(): TemplateResult | null {
    const { membranes, text } = this.message;
    if (!membranes?.form) return null;
    const shown = this.broken && membranes.form === "json_schema" ? pretty(text) : text;
    return html`<div class="answer">
      <pre tabindex="0" role="group" aria-label="The answer"><code>${shown}</code></pre>
      ${
        membranes.parts.grammar?.numbers["complete"] === 0
          ? html`<p class="fine warning">
              It is not complete: the answer ended before its form did.
            </p>`
          : nothing
      }
    </div>`;
  }

  /** Candidates that are being drawn. */
  #drawing(): TemplateResult | null {
    const { membranes } = this.message;
    const last = membranes?.steps.at(-1);
    if (!membranes || membranes.branches < 2 || !last?.step.startsWith("candidate")) return null;
    const number = Number(last.step.split(" ")[1]);
    return html`<p class="muted fine number">
        Drawing candidate ${number} of ${membranes.branches}:
        ${count(last.numbers["tokens"] ?? 0, "token")}
      </p>
      <progress
        aria-label="Drawing candidates"
        max=${membranes.branches}
        .value=${number - 1}
      ></progress>
      <div class="answer muted">${last.text}</div>`;
  }

  #reading(): TemplateResult {
    const drawing = this.#drawing();
    if (drawing) return drawing;
    const { reading } = this.session.answers;
    if (!reading || reading.total < 512) return html`<p class="muted">Reading…</p>`;
    return html`<p class="muted fine number">
        Reading the talk: ${reading.done.toLocaleString("en")} of
        ${reading.total.toLocaleString("en")} tokens
      </p>
      <progress
        aria-label="Reading the talk"
        max=${reading.total}
        .value=${reading.done}
      ></progress>`;
  }

  /** Whether its words are known, and are those of its text. */
  get hasWords(): boolean {
    const { words, text, status } = this.message;
    if (!words?.length || (status !== "done" && status !== "failed")) return false;
    return textOf(words).trimStart().startsWith(text);
  }

  /** Shows the answer as its words, or as text again; whether it can. */
  async toggleWords(): Promise<boolean> {
    if (!this.hasWords) return false;
    this.asWords = !this.asWords;
    await this.updateComplete;
    const words = this.renderRoot.querySelector<WordsView>("echo-words");
    await words?.updateComplete;
    words?.renderRoot.querySelector<HTMLElement>('.word[tabindex="0"]')?.focus();
    return true;
  }

  /** The answer as its words, where that is wanted or it is replayed. */
  #words(): TemplateResult | null {
    const { message, session } = this;
    const shown = session.replay.wordsOf(message);
    if (!this.hasWords || (!this.asWords && shown === null)) return null;
    return html`<div class="answer">
      <echo-words
        .words=${message.words!}
        .shown=${shown}
        .form=${message.held?.form ?? null}
        .busy=${session.answering !== null || session.phase !== "ready"}
        @choose=${({ detail }: CustomEvent<Choice>) =>
          session.answers.branchAt(message, detail.at, detail.other)}
        @near=${({ detail }: CustomEvent<number>) => void session.replay.prepare(message, detail)}
        @visit=${({ detail }: CustomEvent<number>) => {
          if (session.replay.at !== null) session.replay.goInto(message, detail);
        }}
      ></echo-words>
    </div>`;
  }

  /** Markdown once a text has settled; the result is kept until it changes. */
  #html(text: string): string {
    if (this.#settled.text !== text) this.#settled = { text, html: markdown(text) };
    return this.#settled.html;
  }

  #tools(): TemplateResult {
    const { message, session } = this;
    const busy = session.answering !== null;
    const reason = message.figures?.stop_reason;
    const early = reason === "length" || reason === "cancelled";
    const last = session.talk.leaf === message.id;
    const kept = message.held && formName(message.held.form);
    return html`<div class="tools">
      <echo-branches .session=${this.session} .message=${message}></echo-branches>
      <button
        class="small quiet"
        ?disabled=${busy}
        @click=${() => session.answers.regenerate(message)}
      >
        ${icon("again")} Regenerate
      </button>
      ${
        early && last
          ? html`<button
              class="small quiet"
              title=${kept ? `Goes on within the same ${kept}` : nothing}
              ?disabled=${busy}
              @click=${() => session.answers.continueAnswer(message)}
            >
              ${icon("forward")} Continue
            </button>`
          : nothing
      }
      ${
        this.hasWords
          ? html`<button
              class="small quiet"
              title="What else was likely at each word (w)"
              aria-pressed=${this.asWords}
              @click=${() => void this.toggleWords()}
            >
              ${icon("words")} Words
            </button>`
          : nothing
      }
      ${
        message.membranes?.form === "json_schema" &&
        !this.asWords &&
        pretty(message.text) !== message.text
          ? html`<button
              class="small quiet"
              aria-pressed=${this.broken}
              @click=${() => (this.broken = !this.broken)}
            >
              Pretty
            </button>`
          : nothing
      }
      ${
        message.membranes
          ? html`<button class="small quiet" @click=${() => this.#lookInside("membranes")}>
              ${icon("inside")} What happened inside
            </button>`
          : nothing
      }
      ${
        message.text && "clipboard" in navigator
          ? html`<button class="small quiet" @click=${this.#copy}>
              ${icon("copy")} ${this.copied ? "Copied" : "Copy"}
            </button>`
          : nothing
      }
    </div>`;
  }

  /** The form that it was kept to. */
  #held(): TemplateResult | typeof nothing {
    const form = this.message.membranes?.form;
    return form ? html`· kept to a ${formName(form)} ` : nothing;
  }

  /** How many memories came to mind, as a way to them. */
  #recalled(): TemplateResult | typeof nothing {
    const n = this.message.membranes?.recalled?.length ?? 0;
    if (n === 0) return nothing;
    return html`·
      <button class="link" @click=${() => this.#lookInside("memories")}>recalled ${n}</button>`;
  }

  #lookInside(view: View): void {
    this.session.look(this.message);
    const options = { detail: view, bubbles: true, composed: true };
    this.dispatchEvent(new CustomEvent("look-inside", options));
  }

  #editKey(event: KeyboardEvent): void {
    if (event.key === "Escape") {
      event.stopPropagation();
      this.editing = false;
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.#saveEdit();
    }
  }

  #saveEdit(): void {
    const text = this.renderRoot.querySelector("textarea")?.value ?? "";
    this.editing = false;
    if (text.trim()) this.session.answers.edit(this.message, text);
  }

  async #copy(): Promise<void> {
    await navigator.clipboard.writeText(this.message.text);
    this.copied = true;
    setTimeout(() => (this.copied = false), 1500);
  }
}
