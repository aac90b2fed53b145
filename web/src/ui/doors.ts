import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";

import { formName, type Form } from "../talk/asking.js";
import { named, surprise } from "../talk/words.js";
import type { Other, Word } from "../worker/protocol.js";
import { percent } from "./format.js";
import { look } from "./look.js";

/** A word that is rarer than this, in bits, has the next tint. */
const TINTS = [1, 2, 4, 6, 9];
/** How long the pointer may be off a word before what it opened closes, in milliseconds. */
const LEAVE_MS = 250;
/** How long a word is looked at before the state there is made ready. */
const NEAR_MS = 120;

/** What somebody chose: another word in the place `at`. */
export interface Choice {
  at: number;
  other: Other;
}

/**
 * An answer as its words, each of which tells what else was likely and opens a branch there.
 *
 * Fires `choose` with a {@link Choice}, `near` with a word that may be replaced soon, and `visit`
 * with the number of words up to one.
 */
@customElement("echo-words")
export class WordsView extends LitElement {
  @property({ attribute: false }) words: readonly Word[] = [];
  /** Up to here it is replayed; `null`: all of it is there. */
  @property({ attribute: false }) shown: number | null = null;
  /** The form that a branch is kept to. */
  @property({ attribute: false }) form: Form | null = null;
  /** No branch can grow just now. */
  @property({ type: Boolean }) busy = false;
  /** The word that has the focus, or had it last. */
  @state() private at = 0;
  /** The word whose panel is open. */
  @state() private open: number | null = null;
  /** It stays open until it is closed. */
  @state() private pinned = false;
  @query(".words") private area!: HTMLElement;

  #timer: ReturnType<typeof setTimeout> | undefined;
  #soon: ReturnType<typeof setTimeout> | undefined;
  /** The focus comes back, which opens nothing. */
  #quiet = false;

  static override styles = [
    look,
    css`
      :host {
        display: block;
        position: relative;
      }
      .words {
        position: relative;
        overflow-wrap: anywhere;
      }
      .word {
        white-space: pre-wrap;
        border-radius: 0.2em;
        cursor: pointer;
      }
      .word:hover,
      .word[aria-expanded="true"] {
        box-shadow: 0 0 0 1px var(--accent);
      }
      .word:focus-visible {
        outline-offset: 0;
      }
      .t1 {
        background: color-mix(in srgb, var(--tint) 10%, transparent);
      }
      .t2 {
        background: color-mix(in srgb, var(--tint) 18%, transparent);
      }
      .t3 {
        background: color-mix(in srgb, var(--tint) 26%, transparent);
      }
      .t4 {
        background: color-mix(in srgb, var(--tint) 34%, transparent);
      }
      .t5 {
        background: color-mix(in srgb, var(--tint) 42%, transparent);
      }
      .words,
      .legend {
        --tint: var(--warning);
      }
      .later {
        background: none;
        color: var(--muted);
      }
      .here {
        box-shadow: 0 2px 0 0 var(--accent);
      }
      .panel {
        position: absolute;
        z-index: 1;
        width: min(17rem, 100%);
        padding: 0.6rem;
        border: 1px solid var(--line-strong);
        border-radius: 0.6rem;
        background: var(--surface);
        box-shadow: 0 0.4rem 1.4rem rgb(0 0 0 / 0.18);
        font-size: 0.9375rem;
      }
      .panel p {
        margin: 0 0.3rem;
      }
      .panel ul {
        margin: 0.4rem 0 0.35rem;
      }
      .panel button {
        position: relative;
        justify-content: space-between;
        width: 100%;
        min-height: 2rem;
        padding-inline: 0.6rem;
        overflow: hidden;
      }
      .panel button > span {
        position: relative;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .panel meter {
        position: absolute;
        inset: auto 0 0;
        width: 100%;
        height: 3px;
        border: 0;
        appearance: none;
        background: none;
      }
      meter::-webkit-meter-bar {
        border: 0;
        border-radius: 0;
        background: none;
      }
      meter::-webkit-meter-optimum-value {
        background: var(--accent);
      }
      meter::-moz-meter-bar {
        background: var(--accent);
      }
      .legend {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.2rem 0.4rem;
        margin: 0.6rem 0 0;
      }
      .legend i {
        padding: 0 0.35rem;
        border-radius: 0.2em;
        color: var(--ink);
        font-style: normal;
      }
    `,
  ];

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#close();
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has("words")) this.open = null;
    if (this.at >= this.words.length) this.at = 0;
  }

  protected override updated(changed: PropertyValues): void {
    if (this.open !== null && (changed.has("open") || changed.has("pinned"))) this.#place();
    if (changed.has("shown") && this.shown !== null) {
      this.#word(Math.max(0, this.shown - 1))?.scrollIntoView({ block: "nearest" });
    }
  }

  protected override render(): TemplateResult {
    return html`
      <div
        class="words"
        role="group"
        aria-label="The answer token by token; the arrow keys go through it, Enter opens one"
        @keydown=${this.#key}
        @click=${this.#click}
        @pointerover=${this.#over}
        @pointerout=${this.#out}
        @focusin=${this.#focused}
      >
        ${this.words.map((word, at) => this.#door(word, at))}${
          this.open === null ? nothing : this.#panel(this.open)
        }
      </div>
      <p class="legend fine muted">
        Bits of surprise:
        <i>under 1</i>${TINTS.map((bits, i) => html`<i class=${`t${i + 1}`}>${bits}+</i>`)}
        <a href="docs/words.html" target="_blank">What is this?</a>
      </p>
    `;
  }

  #door(word: Word, at: number): TemplateResult | typeof nothing {
    const [, probability, text] = word;
    if (!text) return nothing;
    const later = this.shown !== null && at >= this.shown;
    const here = this.shown !== null && at === this.shown - 1;
    const bits = surprise(probability);
    const tint = TINTS.findLastIndex((least) => bits >= least) + 1;
    // The text stands without any space around it, for spaces count here.
    return html`<span
      class=${`word t${tint}${later ? " later" : ""}${here ? " here" : ""}`}
      role="button"
      data-at=${at}
      tabindex=${at === this.at ? 0 : -1}
      aria-haspopup="dialog"
      aria-expanded=${at === this.open}
      aria-label=${`${named(text)}, ${percent(probability)}`}
      >${at === 0 ? text.trimStart() || text : text}</span
    >`;
  }

  #panel(at: number): TemplateResult {
    const [, probability, text, others] = this.words[at]!;
    const bits = surprise(probability);
    return html`<div
      class="panel"
      role="dialog"
      aria-label=${`What else was likely in place of ${named(text)}`}
      @pointerenter=${() => clearTimeout(this.#timer)}
    >
      <p class="number">
        <strong>${named(text)}</strong> had ${percent(probability)}
        <span class="muted fine">(${bits.toFixed(1)} bits)</span>
      </p>
      <ul>
        ${others.map(
          (other) =>
            html`<li>
              <button
                class="quiet number"
                ?disabled=${this.busy}
                aria-label=${`${named(other[2], other[0])}, ${percent(other[1])}: go on with it instead`}
                @click=${() => this.#choose(at, other)}
              >
                <span>${named(other[2], other[0])}</span><span>${percent(other[1])}</span>
                <meter aria-hidden="true" min="0" max="1" .value=${other[1]}></meter>
              </button>
            </li>`,
        )}
      </ul>
      <p class="fine muted">
        ${
          this.busy
            ? "Another word can be chosen once the answer under way has ended."
            : this.form
              ? `Choose one that fits the ${formName(this.form)}, and a branch grows here within it.`
              : "Choose one, and a branch grows here."
        }
      </p>
    </div>`;
  }

  #choose(at: number, other: Other): void {
    this.#close();
    this.dispatchEvent(new CustomEvent<Choice>("choose", { detail: { at, other } }));
  }

  #word(at: number): HTMLElement | null {
    return this.renderRoot.querySelector<HTMLElement>(`.word[data-at="${at}"]`);
  }

  /** The word that an event is about, if any. */
  #of(event: Event): number | null {
    const found = (event.target as HTMLElement).closest<HTMLElement>(".word");
    return found ? Number(found.dataset["at"]) : null;
  }

  #show(at: number, pinned: boolean): void {
    clearTimeout(this.#timer);
    if (this.open !== at) {
      clearTimeout(this.#soon);
      const near = () => this.dispatchEvent(new CustomEvent<number>("near", { detail: at }));
      this.#soon = setTimeout(near, NEAR_MS);
    }
    this.open = at;
    this.pinned = pinned;
  }

  #close(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#soon);
    this.open = null;
    this.pinned = false;
  }

  #click(event: Event): void {
    const at = this.#of(event);
    if (at === null) return;
    this.at = at;
    this.dispatchEvent(new CustomEvent<number>("visit", { detail: at + 1 }));
    if (this.open === at && this.pinned) this.#close();
    else this.#show(at, true);
  }

  #over(event: PointerEvent): void {
    const at = this.#of(event);
    if (at !== null && event.pointerType === "mouse" && !this.pinned) this.#show(at, false);
  }

  #out(event: PointerEvent): void {
    if (event.pointerType !== "mouse" || this.pinned) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#close(), LEAVE_MS);
  }

  #focused(event: Event): void {
    const at = this.#of(event);
    if (at === null) return;
    this.at = at;
    // The pointer brings the focus as well; what it opened stays.
    if (this.#quiet || !(event.target as HTMLElement).matches(":focus-visible")) return;
    this.#show(at, false);
  }

  async #key(event: KeyboardEvent): Promise<void> {
    const inPanel = this.#of(event) === null;
    if (event.key === "Escape" && this.open !== null) {
      event.preventDefault();
      event.stopPropagation();
      const at = this.open;
      this.#close();
      this.#quiet = true;
      if (inPanel) this.#word(at)?.focus();
      this.#quiet = false;
    } else if (inPanel) {
      this.#keyInPanel(event);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.#show(this.at, true);
      await this.updateComplete;
      this.renderRoot.querySelector<HTMLElement>(".panel button")?.focus();
    } else {
      const to = this.#target(event.key);
      if (to === null) return;
      event.preventDefault();
      this.at = to;
      await this.updateComplete;
      this.#word(to)?.focus();
    }
  }

  #keyInPanel(event: KeyboardEvent): void {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = [...this.renderRoot.querySelectorAll<HTMLElement>(".panel button")];
    const at = buttons.indexOf(event.target as HTMLElement);
    buttons[(at + step + buttons.length) % buttons.length]?.focus();
  }

  /** The word that a key leads to. */
  #target(key: string): number | null {
    if (key === "Home") return this.#next(-1, 1);
    if (key === "End") return this.#next(this.words.length, -1);
    if (key === "ArrowRight") return this.#next(this.at, 1);
    if (key === "ArrowLeft") return this.#next(this.at, -1);
    return null;
  }

  /** The next word that shows anything. */
  #next(at: number, step: 1 | -1): number | null {
    for (let i = at + step; i >= 0 && i < this.words.length; i += step) {
      if (this.words[i]![2]) return i;
    }
    return null;
  }

  /** Puts the panel below its word, or above where there is no room. */
  #place(): void {
    const panel = this.renderRoot.querySelector<HTMLElement>(".panel");
    const word = this.#word(this.open!);
    if (!panel || !word) return;
    const area = this.area.getBoundingClientRect();
    // A word that is broken over two lines begins with the first of its boxes.
    const box = word.getClientRects()[0] ?? word.getBoundingClientRect();
    const left = Math.min(Math.max(0, box.left - area.left), area.width - panel.offsetWidth);
    const below = box.bottom + panel.offsetHeight + 120 < innerHeight;
    const top = below ? box.bottom - area.top + 4 : box.top - area.top - panel.offsetHeight - 4;
    panel.style.left = `${Math.max(0, left)}px`;
    panel.style.top = `${top}px`;
  }
}
