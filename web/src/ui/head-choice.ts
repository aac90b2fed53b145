import { css, html, nothing, type TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";

import type { Choice } from "../engine/models.js";
import { MS_PER_SAVED_MB, savedByRounding } from "../worker/head.js";
import { SessionElement } from "./element.js";
import { count, megabytes } from "./format.js";
import { look } from "./look.js";

/** A picked file whose head could be rounded: what that saves, and the choice. */
@customElement("echo-head-choice")
export class HeadChoice extends SessionElement {
  @state() private round: boolean | null = null;
  #asked: Choice | null = null;

  static override styles = [
    look,
    css`
      :host {
        display: block;
      }
      .note {
        margin-bottom: 1.25rem;
        padding: 0.75rem 0.9rem;
        border-radius: 0.6rem;
        background: var(--side);
      }
      p {
        overflow-wrap: anywhere;
      }
      label {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 0.1rem 0.6rem;
        margin: 0.6rem 0;
        cursor: pointer;
      }
      input {
        width: 1.1rem;
        height: 1.1rem;
        margin: 0.2rem 0 0;
        accent-color: var(--accent);
      }
      label .fine {
        grid-column: 2;
      }
      .foot {
        display: flex;
        justify-content: flex-end;
        gap: 0.5rem;
      }
    `,
  ];

  /** The question may stand above what is in view: the list of files is long. */
  protected override updated(): void {
    const { choice } = this.session.models;
    if (choice && choice !== this.#asked) {
      this.renderRoot.querySelector<HTMLElement>(".primary")?.focus();
    }
    this.#asked = choice;
  }

  protected override render(): TemplateResult | typeof nothing {
    const { models } = this.session;
    const { choice } = models;
    if (!choice) return nothing;
    const { preview } = choice;
    const saved = savedByRounding(preview);
    const milliseconds = (saved / 1e6) * MS_PER_SAVED_MB;
    const round = this.round ?? models.roundHeads;
    const choose = () => {
      this.round = null;
      void models.choose(round);
    };
    return html`<div class="note" role="group" aria-labelledby="about">
      <p id="about">
        <b>${preview.name}</b>: ${preview.type}, ${count(preview.n_layer, "layer")} of
        ${preview.n_embed}, ${preview.n_vocab.toLocaleString("en")} tokens, with a head in
        ${preview.head_type}
      </p>
      <label>
        <input
          type="checkbox"
          .checked=${round}
          aria-describedby="cost"
          @change=${(event: Event) => (this.round = (event.target as HTMLInputElement).checked)}
        />
        <span>Round the head to Q8_0 while loading</span>
        <span class="fine muted" id="cost"
          >Saves ${megabytes(saved)} of ${megabytes(preview.head_bytes)} MB and about
          ${milliseconds < 10 ? milliseconds.toFixed(1) : milliseconds.toFixed(0)} ms a token. The
          logits change slightly, and with them now and then a word.</span
        >
      </label>
      <div class="foot">
        <button @click=${() => models.dropChoice()}>Cancel</button>
        <button class="primary" @click=${choose}>Load</button>
      </div>
    </div>`;
  }
}
