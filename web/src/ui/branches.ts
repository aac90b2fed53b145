import { css, html, nothing, type TemplateResult } from "lit";
import { customElement, property } from "lit/decorators.js";

import { siblings, type Message } from "../talk/tree.js";
import { SessionElement } from "./element.js";
import { icon } from "./icons.js";
import { look } from "./look.js";

/** Which of several messages at one place is shown, and the way to the others. */
@customElement("echo-branches")
export class Branches extends SessionElement {
  @property({ attribute: false }) message!: Message;

  static override styles = [
    look,
    css`
      :host {
        display: inline-flex;
        align-items: center;
        color: var(--muted);
        font-size: 0.8125rem;
        font-variant-numeric: tabular-nums;
      }
      svg {
        width: 15px;
        height: 15px;
      }
    `,
  ];

  protected override render(): TemplateResult | typeof nothing {
    const { message, session } = this;
    const all = siblings(session.talk, message);
    if (all.length < 2) return nothing;
    const place = all.indexOf(message);
    const step = (by: number) => {
      const other = all[place + by];
      if (other) session.showBranch(other);
    };
    const busy = session.answering !== null;
    return html`
      <button
        class="small quiet"
        aria-label="Previous branch"
        ?disabled=${place === 0 || busy}
        @click=${() => step(-1)}
      >
        ${icon("left")}
      </button>
      <span>${place + 1} of ${all.length}</span>
      <button
        class="small quiet"
        aria-label="Next branch"
        ?disabled=${place === all.length - 1 || busy}
        @click=${() => step(1)}
      >
        ${icon("right")}
      </button>
      <button class="small quiet" @click=${this.#compare}>${icon("compare")} Compare</button>
    `;
  }

  #compare(): void {
    const detail = this.message;
    this.dispatchEvent(new CustomEvent("compare", { detail, bubbles: true, composed: true }));
  }
}
