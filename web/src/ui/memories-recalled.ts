import { css, html, nothing, type TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";

import type { Message } from "../talk/tree.js";
import type { Memory, RecalledMemory } from "../worker/protocol.js";
import { SessionElement } from "./element.js";
import { look } from "./look.js";

const TERMS = ["similarity", "importance", "recency", "access"] as const;

/** What came to mind for the answer that is looked at, and why: the four terms of the relevance. */
@customElement("echo-recalled")
export class RecalledView extends SessionElement {
  @state() private known: Map<string, Memory> | null = null;
  #asked = "";

  static override styles = [
    look,
    css`
      :host {
        display: block;
        --similarity: var(--accent);
        --importance: #c79a1b;
        --recency: color-mix(in srgb, var(--accent) 45%, var(--surface));
        --access: var(--muted);
      }
      h3 {
        margin: 1.25rem 0 0.4rem;
        font-size: 0.9375rem;
      }
      ul {
        margin: 0;
      }
      li {
        padding: 0.5rem 0;
        border-bottom: 1px solid var(--line);
      }
      .content {
        white-space: pre-line;
        overflow-wrap: anywhere;
      }
      .bar {
        display: flex;
        gap: 1px;
        height: 0.6rem;
        margin: 0.3rem 0;
        border-radius: 0.3rem;
        overflow: hidden;
        background: var(--line);
      }
      .terms {
        display: flex;
        flex-wrap: wrap;
        gap: 0.1rem 0.9rem;
      }
      .swatch {
        display: inline-block;
        width: 0.6rem;
        height: 0.6rem;
        margin-inline-end: 0.3rem;
        border-radius: 0.15rem;
      }
      .similarity {
        background: var(--similarity);
      }
      .importance {
        background: var(--importance);
      }
      .recency {
        background: var(--recency);
      }
      .access {
        background: var(--access);
      }
    `,
  ];

  protected override updated(): void {
    // What a memory says is asked for, since it may have been changed or deleted since.
    const { memories, phase } = this.session;
    const found = this.session.lookedAt?.membranes?.recalled ?? [];
    const key = JSON.stringify([phase, memories.state, found.map(({ id }) => id)]);
    if (key === this.#asked || phase !== "ready") return;
    this.#asked = key;
    if (found.length === 0) return;
    const keep = (some: Memory[]) => (this.known = new Map(some.map((one) => [one.id, one])));
    void memories.some(found.map(({ id }) => id)).then(keep, () => undefined);
  }

  /** Asks again what the memories say, after one was changed. */
  renew(): void {
    this.#asked = "";
    this.requestUpdate();
  }

  protected override render(): TemplateResult {
    return html`<h3>Recalled for this answer</h3>
      ${this.#content(this.session.lookedAt)}`;
  }

  #content(answer: Message | null): TemplateResult {
    if (!answer) {
      return html`<p class="fine muted">No answer yet. What comes to mind for one shows here.</p>`;
    }
    const { membranes: account } = answer;
    if (!account || !account.parts.memory) {
      return html`<p class="fine muted">
        ${this.session.answering === answer ? "The answer is on its way." : "It is not known."}
      </p>`;
    }
    if (!account.parts.memory.active) {
      const { error } = account.parts.memory;
      return html`<p class="fine muted">
        ${error || "Nothing: memory had no part in this answer."}
      </p>`;
    }
    const recalled = account.recalled ?? [];
    if (recalled.length === 0) {
      return html`<p class="fine muted">Nothing was similar enough to the message.</p>`;
    }
    return html`<ul aria-label="Recalled memories">
      ${recalled.map((one) => this.#one(one))}
    </ul>`;
  }

  #one(one: RecalledMemory): TemplateResult {
    const memory = this.known?.get(one.id);
    const words = TERMS.map((term) => `${term} ${one.why[term].toFixed(2)}`).join(", ");
    return html`<li>
      <p class=${memory ? "content" : "content muted"}>
        ${memory ? memory.content : this.known ? "It has been deleted since." : "…"}
      </p>
      <div
        class="bar"
        role="img"
        aria-label=${`Relevance ${one.relevance.toFixed(2)} of 1: ${words}`}
      >
        ${TERMS.map(
          (term) =>
            html`<span
              class=${term}
              title=${`${term}: ${one.why[term].toFixed(3)}`}
              .style=${`width: ${100 * one.why[term]}%`}
            ></span>`,
        )}
      </div>
      <p class="terms fine number">
        <span>relevance ${one.relevance.toFixed(2)} =</span>
        ${TERMS.map(
          (term) =>
            html`<span
              ><span class=${`swatch ${term}`}></span>${term} ${one.why[term].toFixed(2)}</span
            >`,
        )}
      </p>
      <p class="fine muted number">
        Similarity ${one.similarity.toFixed(2)}, of that ${one.by_words.toFixed(2)} by words and
        ${one.by_state.toFixed(2)} by the model's
        state${memory ? nothing : html`; only these numbers are kept with the answer`}.
      </p>
    </li>`;
  }
}
