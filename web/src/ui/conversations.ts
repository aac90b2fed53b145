import { css, html, nothing, type TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";

import { talkTitle, type Talk } from "../talk/tree.js";
import { SessionElement } from "./element.js";
import { icon } from "./icons.js";
import { look } from "./look.js";

/** The left column: every talk kept on this machine. Fires `chosen` when one is opened. */
@customElement("echo-conversations")
export class Conversations extends SessionElement {
  @state() private renaming: string | null = null;

  static override styles = [
    look,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: 0.75rem;
        padding: 0.75rem;
        min-height: 0;
      }
      .new {
        justify-content: flex-start;
      }
      ul {
        flex: 1;
        overflow-y: auto;
        margin: 0 -0.25rem;
        padding: 0.25rem;
      }
      li {
        display: flex;
        align-items: center;
        border-radius: 0.5rem;
      }
      li:hover,
      li:focus-within,
      li.open {
        background: var(--hover);
      }
      .title {
        flex: 1;
        min-width: 0;
        justify-content: flex-start;
        padding: 0.35rem 0.6rem;
        font-size: 0.9375rem;
        text-align: start;
      }
      .title span {
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .open .title {
        font-weight: 600;
      }
      /* Out of the way until the row is pointed at or reached by keyboard. */
      .tool {
        width: 0;
        min-height: 2rem;
        padding: 0;
        border: 0;
        overflow: hidden;
        color: var(--muted);
      }
      li:hover .tool,
      li:focus-within .tool {
        width: 2rem;
      }
      @media (hover: none) {
        .tool {
          width: 2.25rem;
        }
      }
      input {
        margin: 0.15rem;
      }
      p {
        padding: 0.25rem 0.6rem;
      }
    `,
  ];

  protected override render(): TemplateResult {
    const { talks } = this.session;
    return html`
      <button class="new" @click=${this.#new}>${icon("plus")} New chat</button>
      ${
        talks.length === 0
          ? html`<p class="fine muted">
              Your chats will be listed here. They stay on this machine.
            </p>`
          : html`<ul aria-label="Chats">
              ${repeat(
                talks,
                (talk) => talk.id,
                (talk) => this.#row(talk),
              )}
            </ul>`
      }
      ${this.#storage()}
    `;
  }

  /** Where the chats are kept, if that is not here. */
  #storage(): TemplateResult | typeof nothing {
    const { state, problem } = this.session.store;
    if (state.elsewhere) {
      return html`<p class="fine warning" role="status">
        ${state.reason}; what you write here lasts until this tab is closed or has them.
        <button @click=${() => void this.session.engine.useStoreHere()}>Use here</button>
      </p>`;
    }
    const reason = problem ?? (state.persistent ? null : state.reason);
    if (reason === null) return nothing;
    return html`<p class="fine warning" role="status">
      This browser keeps nothing for this page (${reason.replace(/\.$/, "")}); chats last until the
      tab is closed.
    </p>`;
  }

  #row(talk: Talk): TemplateResult {
    const open = talk === this.session.talk;
    const title = talkTitle(talk);
    if (this.renaming === talk.id) {
      return html`<li>
        <input
          type="text"
          aria-label="Name of the chat"
          .value=${title}
          @keydown=${(event: KeyboardEvent) => this.#renameKey(event, talk)}
          @blur=${(event: FocusEvent) => this.#rename(event.target as HTMLInputElement, talk)}
        />
      </li>`;
    }
    return html`<li class=${open ? "open" : ""}>
      <button
        class="title quiet"
        aria-current=${open ? "true" : nothing}
        @click=${() => this.#open(talk)}
      >
        <span>${title}</span>
      </button>
      <button
        class="tool quiet"
        title="Rename"
        aria-label=${`Rename ${title}`}
        @click=${() => this.#startRename(talk)}
      >
        ${icon("edit")}
      </button>
      <button
        class="tool quiet"
        title="Delete"
        aria-label=${`Delete ${title}`}
        @click=${() => this.#delete(talk, title)}
      >
        ${icon("delete")}
      </button>
    </li>`;
  }

  #new(): void {
    this.session.newTalk();
    this.dispatchEvent(new CustomEvent("chosen"));
  }

  #open(talk: Talk): void {
    void this.session.openTalk(talk.id);
    this.dispatchEvent(new CustomEvent("chosen"));
  }

  async #startRename(talk: Talk): Promise<void> {
    this.renaming = talk.id;
    await this.updateComplete;
    this.renderRoot.querySelector("input")?.select();
  }

  #renameKey(event: KeyboardEvent, talk: Talk): void {
    const input = event.target as HTMLInputElement;
    if (event.key === "Escape") input.value = talkTitle(talk);
    if (event.key === "Escape" || event.key === "Enter") {
      event.stopPropagation();
      input.blur();
    }
  }

  #rename(input: HTMLInputElement, talk: Talk): void {
    if (this.renaming === null) return;
    this.renaming = null;
    if (input.value.trim() !== talkTitle(talk)) this.session.renameTalk(talk, input.value);
  }

  #delete(talk: Talk, title: string): void {
    if (confirm(`Delete the chat “${title}”? It is kept nowhere else.`)) {
      this.session.deleteTalk(talk);
    }
  }
}
