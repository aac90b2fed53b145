import { css, html, nothing, type TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";

import { talkTitle, type Talk } from "../talk/tree.js";
import { SessionElement } from "./element.js";
import { icon } from "./icons.js";
import { look } from "./look.js";
import type { TalkSearch } from "./talk-search.js";
import "./talk-search.js";

/** The left column: every talk kept on this machine. Fires `chosen` when one is opened. */
@customElement("echo-conversations")
export class Conversations extends SessionElement {
  @state() private renaming: string | null = null;
  /** What was found stands in the list's place. */
  @state() private searching = false;
  /** The talk whose row has the focus; else the Tab key stops at the open one, or the first. */
  @state() private reached: string | null = null;

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
      .files {
        display: flex;
        flex-wrap: wrap;
        margin-top: auto;
      }
    `,
  ];

  /** Puts the cursor where one searches. */
  search(): void {
    this.renderRoot.querySelector<TalkSearch>("echo-talk-search")!.focus();
  }

  protected override render(): TemplateResult {
    return html`
      <button class="new" @click=${this.#new}>${icon("plus")} New chat</button>
      <echo-talk-search
        .session=${this.session}
        @searching=${(event: CustomEvent<boolean>) => (this.searching = event.detail)}
        @chosen=${({ detail }: CustomEvent<string>) => this.#chosen(detail)}
      ></echo-talk-search>
      ${this.searching ? nothing : this.#list()} ${this.#files()} ${this.#storage()}
    `;
  }

  #list(): TemplateResult {
    const { talks, talk: open } = this.session;
    const stop =
      talks.find((talk) => talk.id === this.reached) ??
      talks.find((talk) => talk === open) ??
      talks[0];
    return html`
      ${
        talks.length === 0
          ? html`<p class="fine muted">
              Your chats will be listed here. They stay on this machine.
            </p>`
          : html`<ul
              aria-label="Chats"
              @keydown=${this.#key}
              @focusin=${this.#reach}
              @focusout=${this.#leave}
            >
              ${repeat(
                talks,
                (talk) => talk.id,
                (talk) => this.#row(talk, talk === stop),
              )}
            </ul>`
      }
    `;
  }

  /** All chats as a file and back, and how far that is. */
  #files(): TemplateResult {
    const { transfers, talks, phase } = this.session;
    const { current, outcome } = transfers;
    const busy = phase !== "ready" || current !== null;
    return html`<div class="files" role="group" aria-label="Chats as a file">
        <button
          class="small quiet"
          ?disabled=${busy || talks.length === 0}
          @click=${() => void transfers.save(null)}
        >
          ${icon("out")} Export all
        </button>
        <button
          class="small quiet"
          ?disabled=${busy}
          @click=${() => this.renderRoot.querySelector<HTMLInputElement>("#file")!.click()}
        >
          ${icon("in")} Import
        </button>
        <input
          id="file"
          type="file"
          accept=".chats"
          hidden
          aria-label="A file of chats"
          @change=${this.#import}
        />
      </div>
      ${
        current
          ? html`<div class="fine muted number">
              ${current.label}${current.total ? ` ${current.done} of ${current.total}` : "…"}
              <progress
                aria-label=${current.label}
                max=${current.total || 1}
                .value=${current.done}
              ></progress>
            </div>`
          : nothing
      }
      ${
        outcome
          ? html`<p class=${outcome.failed ? "fine warning" : "fine muted"} role="status">
              ${outcome.text}
            </p>`
          : nothing
      }`;
  }

  #import(event: Event): void {
    const input = event.target as HTMLInputElement;
    const file = input.files?.[0];
    // The same file may be chosen once more.
    input.value = "";
    if (file) void this.session.transfers.take(file);
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

  #row(talk: Talk, stop: boolean): TemplateResult {
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
    return html`<li class=${open ? "open" : ""} data-talk=${talk.id}>
      <button
        class="title quiet"
        tabindex=${stop ? 0 : -1}
        aria-current=${open ? "true" : nothing}
        @click=${() => this.#open(talk)}
      >
        <span>${title}</span>
      </button>
      <button
        class="tool quiet"
        tabindex="-1"
        title="Rename"
        aria-label=${`Rename ${title}`}
        @click=${() => this.#startRename(talk)}
      >
        ${icon("edit")}
      </button>
      <button
        class="tool quiet"
        tabindex="-1"
        title="Export"
        aria-label=${`Export ${title}`}
        ?disabled=${this.session.phase !== "ready" || this.session.transfers.current !== null}
        @click=${() => void this.session.transfers.save(talk)}
      >
        ${icon("out")}
      </button>
      <button
        class="tool quiet"
        tabindex="-1"
        title="Delete"
        aria-label=${`Delete ${title}`}
        @click=${() => this.#delete(talk, title)}
      >
        ${icon("delete")}
      </button>
    </li>`;
  }

  /** The list is one stop of the Tab key; up and down go through it, left and right along a row. */
  #key(event: KeyboardEvent): void {
    const along = { ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0;
    const down = { ArrowUp: -1, ArrowDown: 1 }[event.key] ?? 0;
    const button = event.target;
    if ((!along && !down) || !(button instanceof HTMLButtonElement)) return;
    event.preventDefault();
    const row = button.closest("li")!;
    const next = along
      ? step([...row.querySelectorAll("button")], button, along)
      : step([...row.parentElement!.children], row, down)?.querySelector("button");
    next?.focus();
  }

  #reach(event: FocusEvent): void {
    this.reached = (event.target as HTMLElement).closest("li")?.dataset["talk"] ?? null;
  }

  /** Who comes back comes to the open chat. */
  #leave({ relatedTarget, currentTarget }: FocusEvent): void {
    const inside = relatedTarget instanceof Node && (currentTarget as Node).contains(relatedTarget);
    if (!inside) this.reached = null;
  }

  #new(): void {
    this.session.newTalk();
    this.#chosen();
  }

  #open(talk: Talk): void {
    void this.session.openTalk(talk.id);
    this.#chosen();
  }

  /** A talk was chosen, at a message if that is known. */
  #chosen(message: string | null = null): void {
    this.dispatchEvent(new CustomEvent("chosen", { detail: message }));
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

/** The item so many places on, round the ends. */
function step<T>(items: readonly T[], at: T, by: number): T | undefined {
  return items[(items.indexOf(at) + by + items.length) % items.length];
}
