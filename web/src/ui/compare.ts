import { css, html, nothing, type TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";

import { branchesAt, type Branch } from "../talk/branches.js";
import type { Message } from "../talk/tree.js";
import { SessionElement } from "./element.js";
import { icon } from "./icons.js";
import { look } from "./look.js";
import { figures } from "./figures.js";

/** Two branches of a talk side by side, from where they part; one under the other on a phone. */
@customElement("echo-compare")
export class Compare extends SessionElement {
  @query("dialog") private dialog!: HTMLDialogElement;
  @state() private message: Message | null = null;
  /** The versions that are shown, by their numbers. */
  @state() private chosen: [number, number] = [1, 2];

  static override styles = [
    look,
    css`
      dialog {
        width: min(72rem, calc(100vw - 2rem));
      }
      .sides {
        display: grid;
        grid-template-columns: repeat(2, minmax(0, 1fr));
        gap: 1.5rem;
      }
      @media (max-width: 48rem) {
        .sides {
          grid-template-columns: minmax(0, 1fr);
        }
      }
      .choice {
        display: flex;
        align-items: center;
        gap: 0.5rem;
        margin-bottom: 0.75rem;
      }
      select {
        width: auto;
      }
      .one {
        margin-bottom: 1rem;
        padding: 0.6rem 0.8rem;
        border: 1px solid var(--line);
        border-radius: 0.5rem;
      }
      .one.user {
        background: var(--said);
      }
      h3 {
        font-size: 0.8125rem;
        color: var(--muted);
      }
      .text {
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
      .figures {
        margin-top: 0.4rem;
        color: var(--muted);
      }
      .user h3 {
        color: inherit;
      }
    `,
  ];

  /** Shows the version that is on the screen and the one before it, or after the first. */
  open(message: Message): void {
    const shown = branchesAt(this.session.talk, message).find(
      ({ messages }) => messages[0] === message,
    );
    const number = shown?.number ?? 1;
    this.chosen = number === 1 ? [1, 2] : [number - 1, number];
    this.message = message;
    this.dialog.showModal();
  }

  protected override render(): TemplateResult {
    const { message } = this;
    const branches = message ? branchesAt(this.session.talk, message) : [];
    return html`<dialog aria-labelledby="title" @close=${() => (this.message = null)}>
      <div class="head">
        <h2 id="title">Two branches</h2>
        <button class="quiet" aria-label="Close" @click=${() => this.dialog.close()}>
          ${icon("close")}
        </button>
      </div>
      <div class="body">
        ${
          branches.length < 2
            ? nothing
            : html`<div class="sides">
                ${([0, 1] as const).map((at) => this.#side(branches, at))}
              </div>`
        }
      </div>
    </dialog>`;
  }

  #side(branches: Branch[], at: 0 | 1): TemplateResult {
    const name = at === 0 ? "Left" : "Right";
    const branch = branches.find(({ number }) => number === this.chosen[at]) ?? branches[at]!;
    const first = branch.messages[0]!;
    const shown = this.session.talk.leaf === branch.messages.at(-1)!.id;
    return html`<section aria-label=${`${name} branch`}>
      <div class="choice">
        <select
          aria-label=${`${name}: which version`}
          @change=${(event: Event) => this.#choose(at, event.target as HTMLSelectElement)}
        >
          ${branches.map(
            ({ number }) =>
              html`<option value=${number} ?selected=${number === branch.number}>
                Version ${number} of ${branches.length}
              </option>`,
          )}
        </select>
        ${
          shown
            ? html`<span class="fine muted">on the screen</span>`
            : html`<button
                class="small"
                ?disabled=${this.session.answering !== null}
                @click=${() => this.#goOn(first)}
              >
                Show it
              </button>`
        }
      </div>
      ${branch.messages.map((message) => this.#message(message))}
    </section>`;
  }

  #message({ role, text, figures: done, problem, status }: Message): TemplateResult {
    const user = role === "user";
    return html`<div class=${user ? "one user" : "one"}>
      <h3>${user ? "You" : done ? `${done.backend} · ${done.model}` : "Answer"}</h3>
      <div class="text">${text}</div>
      ${status === "failed" ? html`<p class="fine warning">${problem}</p>` : nothing}
      ${done ? figures(done, nothing) : nothing}
    </div>`;
  }

  #choose(at: 0 | 1, { value }: HTMLSelectElement): void {
    const chosen: [number, number] = [...this.chosen];
    chosen[at] = Number(value);
    this.chosen = chosen;
  }

  #goOn(message: Message): void {
    this.session.showBranch(message);
    this.dialog.close();
  }
}
