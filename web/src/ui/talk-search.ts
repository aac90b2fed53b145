import { css, html, nothing, type TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";

import type { Found } from "../talk/store.js";
import { talkTitle } from "../talk/tree.js";
import { SessionElement } from "./element.js";
import { look } from "./look.js";

/** How long after the last key the store is asked. */
const WAIT_MS = 120;

/**
 * The box that searches all talks, and what it found. Fires `searching` with whether it shows
 * anything, and `chosen` with the message that was picked.
 */
@customElement("echo-talk-search")
export class TalkSearch extends SessionElement {
  @query("input") private field!: HTMLInputElement;
  @state() private found: Found[] | null = null;
  /** The words that `found` is for. */
  #words = "";
  #timer = 0;

  static override styles = [
    look,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: 0.5rem;
        min-height: 0;
      }
      :host([searching]) {
        flex: 1;
      }
      input[type="search"] {
        width: 100%;
        min-height: 2.25rem;
        padding: 0.25rem 0.6rem;
        border: 1px solid var(--line-strong);
        border-radius: 0.5rem;
        background: var(--paper);
      }
      ul {
        overflow-y: auto;
        margin: 0 -0.25rem;
        padding: 0.25rem;
      }
      li button {
        display: block;
        width: 100%;
        padding: 0.4rem 0.6rem;
        text-align: start;
        overflow-wrap: anywhere;
      }
      b {
        display: block;
        font-size: 0.9375rem;
        font-weight: 600;
      }
      mark {
        background: none;
        color: var(--accent);
        font-weight: 600;
      }
      p {
        padding: 0.25rem 0.6rem;
      }
    `,
  ];

  override focus(): void {
    this.field.focus();
    this.field.select();
  }

  protected override render(): TemplateResult {
    return html`
      <input
        type="search"
        aria-label="Search the chats"
        placeholder="Search (/)"
        @input=${this.#typed}
        @keydown=${this.#key}
      />
      ${this.found ? this.#results(this.found) : nothing}
      <div class="hidden-text" aria-live="polite">
        ${this.found ? this.#count(this.found) : nothing}
      </div>
    `;
  }

  #count({ length }: Found[]): string {
    if (length === 0) return "";
    return length === 1 ? "1 message found" : `${length} messages found`;
  }

  #results(found: Found[]): TemplateResult {
    if (found.length === 0) {
      return html`<p class="fine muted" role="status">
        No message has ${this.#words.includes(" ") ? "all these words" : "this word"}.
      </p>`;
    }
    const { talks } = this.session;
    return html`<ul aria-label="Found">
      ${found.map((hit) => {
        const talk = talks.find(({ id }) => id === hit.conversation);
        return html`<li>
          <button class="quiet" @click=${() => void this.#open(hit)}>
            <b>${talk ? talkTitle(talk) : "Chat"}</b>
            <span class="fine">${marked(hit.excerpt)}</span>
          </button>
        </li>`;
      })}
    </ul>`;
  }

  #typed(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#search(), WAIT_MS);
  }

  async #search(): Promise<void> {
    const words = this.field.value.trim();
    this.#words = words;
    const found = words ? await this.session.store.search(words) : null;
    // More may have been typed meanwhile.
    if (words === this.#words) this.#show(found);
  }

  #show(found: Found[] | null): void {
    this.found = found;
    this.toggleAttribute("searching", found !== null);
    this.dispatchEvent(new CustomEvent("searching", { detail: found !== null }));
  }

  #key(event: KeyboardEvent): void {
    if (event.key === "Escape" && this.field.value) {
      event.stopPropagation();
      event.preventDefault();
      this.#clear();
    } else if (event.key === "ArrowDown" && this.found?.length) {
      event.preventDefault();
      this.renderRoot.querySelector<HTMLElement>("li button")?.focus();
    }
  }

  #clear(): void {
    clearTimeout(this.#timer);
    this.field.value = this.#words = "";
    this.#show(null);
  }

  async #open({ conversation, message }: Found): Promise<void> {
    await this.session.openTalk(conversation, message);
    this.dispatchEvent(new CustomEvent("chosen", { detail: message }));
  }
}

/** An excerpt with its hits marked. */
function marked(excerpt: string): (string | TemplateResult)[] {
  return excerpt
    .split(/(\u0002[^\u0003]*\u0003)/)
    .map((part) => (part.startsWith("\u0002") ? html`<mark>${part.slice(1, -1)}</mark>` : part));
}
