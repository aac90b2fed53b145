import { css, html, nothing, type TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";

import { talkTitle } from "../talk/tree.js";
import { shares, statesOf, type Share } from "../viz/shares.js";
import type { MemoryEntry } from "../worker/protocol.js";
import { SessionElement } from "./element.js";
import { capital, clock, count, megabytes } from "./format.js";
import { icon } from "./icons.js";
import { look } from "./look.js";

/** So much unused memory is worth a restart of the engine. */
const WORTH_RESTARTING = 64e6;

const NAMES: Record<Share["kind"], string> = {
  program: "Python, NumPy and the engine",
  weights: "Weights",
  work: "Working memory",
  tokenizer: "Tokenizer",
  states: "States of chats",
  words: "Words of answers",
  loading: "On its way in",
  page: "The page itself",
  other: "Other",
  room: "Unused, kept by Python",
  free: "Free",
};

/** The memory budget: a bar of its parts, the states of chats, and what frees them. */
@customElement("echo-memory")
export class MemoryView extends SessionElement {
  @state() private chosen: Share["kind"] | null = null;
  #askedFor: unknown = undefined;

  static override styles = [
    look,
    css`
      :host {
        --program: color-mix(in srgb, var(--ink) 62%, var(--surface));
        --weights: var(--accent);
        --work: color-mix(in srgb, var(--accent) 62%, var(--surface));
        --tokenizer: color-mix(in srgb, var(--accent) 36%, var(--surface));
        --states: #c79a1b;
        --words: color-mix(in srgb, #c79a1b 45%, var(--surface));
        --loading: repeating-linear-gradient(45deg, var(--accent) 0 3px, var(--surface) 3px 6px);
        --page: color-mix(in srgb, var(--ink) 36%, var(--surface));
        --other: var(--warning);
        --room: repeating-linear-gradient(45deg, var(--line-strong) 0 1px, transparent 1px 5px);
        --free: transparent;
        display: block;
      }
      .part.program {
        background: var(--program);
      }
      .part.weights {
        background: var(--weights);
      }
      .part.work {
        background: var(--work);
      }
      .part.tokenizer {
        background: var(--tokenizer);
      }
      .part.states {
        background: var(--states);
      }
      .part.words {
        background: var(--words);
      }
      .part.loading {
        background: var(--loading);
      }
      .part.page {
        background: var(--page);
      }
      .part.other {
        background: var(--other);
      }
      .part.room {
        background: var(--room);
      }
      .part.free {
        background: var(--free);
      }
      h3 {
        margin-bottom: 0.5rem;
        font-size: 0.9375rem;
      }
      h4 {
        margin: 1rem 0 0.25rem;
        font-size: 0.875rem;
      }
      .bar {
        display: flex;
        gap: 1px;
        height: 1.5rem;
        border: 1px solid var(--line-strong);
        border-radius: 0.35rem;
        overflow: hidden;
        background: var(--paper);
      }
      .bar > span {
        min-width: 2px;
        transition: opacity 120ms;
      }
      .bar > .free {
        min-width: 0;
        border: 0;
      }
      .bar.choosing > span:not(.chosen) {
        opacity: 0.35;
      }
      .scale {
        display: flex;
        justify-content: space-between;
      }
      .rows {
        margin-top: 0.35rem;
      }
      .rows button {
        display: grid;
        grid-template-columns: 0.8rem 1fr auto;
        gap: 0.6rem;
        width: 100%;
        min-height: 1.9rem;
        padding: 0.1rem 0.4rem;
        font-size: 0.9375rem;
        text-align: start;
      }
      .rows button.chosen {
        background: var(--hover);
      }
      .swatch {
        width: 0.8rem;
        height: 0.8rem;
        border-radius: 0.2rem;
      }
      .swatch.room,
      .swatch.free {
        border: 1px solid var(--line-strong);
      }
      .detail {
        padding: 0 0.4rem 0.4rem 1.8rem;
        color: var(--muted);
        overflow-wrap: anywhere;
      }
      .states li {
        display: flex;
        align-items: center;
        gap: 0.5rem;
        padding-block: 0.15rem;
        font-size: 0.9375rem;
      }
      .states li > :first-child {
        flex: 1;
        min-width: 0;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .foot {
        display: flex;
        flex-wrap: wrap;
        gap: 0.5rem;
        margin-top: 0.6rem;
      }
    `,
  ];

  protected override updated(): void {
    // What is loaded, and how many answers there are, decides what is in memory.
    const { loaded, phase, memory } = this.session;
    const now = phase === "ready" ? loaded : null;
    if (now && this.#askedFor !== now) {
      this.#askedFor = now;
      void memory.ask();
    }
  }

  protected override render(): TemplateResult {
    return html`<h3>Memory</h3>
      ${this.#content()}`;
  }

  #content(): TemplateResult {
    const { memory, phase } = this.session;
    if (phase === "broken") {
      return html`<p class="muted">The engine is not running and holds nothing.</p>`;
    }
    const { report } = memory;
    if (!report) return html`<p class="muted">Nothing is loaded yet.</p>`;
    const parts = shares(report);
    const limit = report.limit_bytes;
    const held = parts.reduce((sum, { kind, bytes }) => (kind === "free" ? sum : sum + bytes), 0);
    const whole = Math.max(limit, held);
    const room = parts.find(({ kind }) => kind === "room")?.bytes ?? 0;
    return html`
      <div
        class=${this.chosen ? "bar choosing" : "bar"}
        role="img"
        aria-label=${`${megabytes(held)} of ${megabytes(limit)} MB are held`}
        @pointerleave=${() => (this.chosen = null)}
      >
        ${parts.map(
          ({ kind, bytes }) =>
            html`<span
              class=${`part ${kind}${this.chosen === kind ? " chosen" : ""}`}
              title=${`${NAMES[kind]}: ${megabytes(bytes)} MB`}
              .style=${`width: ${(100 * bytes) / whole}%`}
              @pointerenter=${() => (this.chosen = kind)}
              @click=${() => (this.chosen = kind)}
            ></span>`,
        )}
      </div>
      <p class="scale fine muted number">
        <span>${megabytes(held)} MB held</span>
        <span class=${held > limit ? "warning" : ""}
          >${
            held > limit
              ? html`${megabytes(held - limit)} MB above the ${megabytes(limit)} MB promised`
              : html`of ${megabytes(limit)} MB`
          }</span
        >
      </p>
      <ul class="rows number" aria-label="What holds memory" @keydown=${this.#key}>
        ${parts.map((part, index) => this.#row(part, index === 0))}
      </ul>
      ${this.#states(statesOf(report))}
      ${
        room < WORTH_RESTARTING
          ? nothing
          : html`<div class="foot">
              <button class="small" @click=${() => this.session.restart()}>
                ${icon("again")} Restart the engine, which frees ${megabytes(room)} MB
              </button>
            </div>`
      }
    `;
  }

  /** The rows are one stop of the Tab key; the arrow keys go through them. */
  #key(event: KeyboardEvent): void {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const rows = [...this.renderRoot.querySelectorAll<HTMLElement>(".rows button")];
    const at = rows.indexOf(event.target as HTMLElement);
    rows[(at + step + rows.length) % rows.length]?.focus();
  }

  #row(part: Share, first: boolean): TemplateResult {
    const { kind, bytes } = part;
    const chosen = this.chosen === kind;
    const choose = () => (this.chosen = kind);
    return html`<li>
      <button
        class=${`quiet${chosen ? " chosen" : ""}`}
        tabindex=${chosen || (first && this.chosen === null) ? 0 : -1}
        aria-expanded=${chosen}
        @click=${choose}
        @focus=${choose}
        @pointerenter=${(event: PointerEvent) => event.pointerType === "mouse" && choose()}
      >
        <span class=${`swatch part ${kind}`}></span>
        <span>${NAMES[kind]}</span>
        <span>${bytes < 5e4 ? "< 0.1" : megabytes(bytes)} MB</span>
      </button>
      ${chosen ? html`<p class="detail fine" data-detail=${kind}>${this.#detail(part)}</p>` : nothing}
    </li>`;
  }

  #detail({ kind, bytes, entries }: Share): string {
    const exact = `${bytes.toLocaleString("en")} bytes`;
    if (kind === "free") return `${exact} that a larger model could take.`;
    if (kind === "room") {
      return `${exact}, taken from the system and free for the next model; it never shrinks.`;
    }
    if (kind === "other") return `${exact} in use in Python's memory, attributed to nothing above.`;
    if (kind === "page") return `${exact}; ${this.#around()}.`;
    if (kind === "states") return `${exact} in ${count(entries.length, "chat")}, see below.`;
    const names = entries.map(({ name, since }) => `${name}, since ${clock(since)}`).join("; ");
    const frees = entries.find((entry) => entry.frees)?.frees;
    return `${exact}: ${names}.${frees ? ` ${capital(frees)} to free it.` : ""}`;
  }

  #around(): string {
    const { around } = this.session.memory;
    if (around?.how !== "measured") return "JavaScript's heaps alone, all that this browser tells";
    return `scripts, text and what they hold, measured by the browser at ${clock(around.at / 1000)}`;
  }

  #states(entries: MemoryEntry[]): TemplateResult {
    if (entries.length === 0) return html``;
    const { memory } = this.session;
    return html`<h4>States of chats</h4>
      <p class="fine muted">
        With its state a chat goes on, or branches, at once. Let it go, and the model reads the text
        again when the chat goes on; nothing that was said is lost.
      </p>
      <ul class="states" aria-label="States of chats">
        ${entries.map((entry) => {
          const title = this.#title(entry);
          return html`<li>
            <span title=${title}>${title}</span>
            <span class="number">${megabytes(entry.n_bytes)} MB</span>
            <button
              class="small"
              aria-label=${`Let go of the states of ${title}`}
              @click=${() => memory.letStatesGo(entry.ids ?? null)}
            >
              Let go
            </button>
          </li>`;
        })}
      </ul>
      ${
        entries.length > 1
          ? html`<div class="foot">
              <button class="small" @click=${() => memory.letStatesGo(null)}>Let all go</button>
            </div>`
          : nothing
      }`;
  }

  #title(entry: MemoryEntry): string {
    const talk = this.session.talks.find((other) => entry.ids?.some((id) => id in other.messages));
    return talk ? talkTitle(talk) : entry.name;
  }
}
