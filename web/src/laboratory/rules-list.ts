import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { customElement, property } from "lit/decorators.js";

import { look } from "../ui/look.js";
import { membraneName, type Applied, type Frame } from "../viz/frame.js";
import { multiset } from "../viz/names.js";
import type { RuleText } from "./frames.js";
import { bench } from "./section.js";

/** Membranes named one by one; of more only the number is said. */
const MOST_NAMED = 6;
/** Moves that are listed. */
const MOST_MOVES = 12;

/**
 * What was applied in a step, what moved, and all rules. Fires `mark` with the membranes of the
 * rule that a reader points at.
 */
@customElement("echo-rules")
export class RulesList extends LitElement {
  @property({ attribute: false }) frame!: Frame;
  /** The frame before, where the rules were applied. */
  @property({ attribute: false }) previous: Frame | null = null;
  @property({ attribute: false }) rules: readonly RuleText[] = [];
  @property({ attribute: false }) priorities: readonly [string, string][] = [];

  static override styles = [
    look,
    bench,
    css`
      li {
        padding: 0.4rem 0.55rem;
        border-radius: 0.5rem;
      }
      li + li {
        margin-top: 0.15rem;
      }
      .applied li {
        border-inline-start: 3px solid var(--accent);
        border-radius: 0 0.5rem 0.5rem 0;
        background: var(--said);
      }
      .applied li:hover,
      .applied li:focus-visible {
        background: var(--hover);
      }
      code {
        overflow-wrap: anywhere;
      }
      .times {
        font-weight: 600;
      }
      section + section,
      details {
        margin-top: 1rem;
      }
      .all {
        max-height: 18rem;
        overflow: auto;
        margin-top: 0.4rem;
      }
      .all li {
        display: grid;
        grid-template-columns: 4.5rem 1fr;
        gap: 0.4rem;
        padding: 0.2rem 0.55rem;
        border-inline-start: 3px solid transparent;
        border-radius: 0;
      }
      .all li.used {
        border-inline-start-color: var(--accent);
        background: var(--said);
      }
      .name {
        overflow-wrap: anywhere;
      }
    `,
  ];

  protected override render(): TemplateResult {
    const groups = new Map<number, Applied[]>();
    for (const item of this.frame.applied) {
      const group = groups.get(item.rule);
      if (group) group.push(item);
      else groups.set(item.rule, [item]);
    }
    return html`
      <section>
        <h3 class="number">
          ${this.frame.step ? `Applied in step ${this.frame.step}` : "At the start"}
        </h3>
        ${
          groups.size
            ? html`<ul class="applied">
                ${[...groups].map(([rule, items]) => this.#applied(rule, items))}
              </ul>`
            : html`<p class="fine muted">Nothing has been applied yet; make a step.</p>`
        }
      </section>
      ${this.#moves()}
      <details>
        <summary class="fine">All rules (${this.rules.length})</summary>
        <ul class="all" tabindex="0" aria-label="All rules">
          ${this.rules.map(
            ({ name, text, probability }, index) =>
              html`<li class=${groups.has(index) ? "used" : ""}>
                <span class="fine muted name">${name}</span>
                <code>${text}${probability === null ? nothing : ` :: ${probability}`}</code>
              </li>`,
          )}
        </ul>
        ${
          this.priorities.length
            ? html`<p class="fine muted">
                Priorities:
                ${this.priorities.map(([strong, weak]) => `${strong} before ${weak}`).join(", ")}.
              </p>`
            : nothing
        }
      </details>
    `;
  }

  #applied(rule: number, items: Applied[]): TemplateResult {
    const times = items.reduce((sum, item) => sum + item.times, 0);
    const marked = new Set(items.map(({ membrane }) => membrane));
    const mark = (on: boolean) => () =>
      this.dispatchEvent(new CustomEvent("mark", { detail: on ? marked : new Set() }));
    const where =
      items.length > MOST_NAMED
        ? `${items.length} membranes labelled ${items[0]!.label}`
        : items.map(({ membrane }) => this.#name(membrane)).join(", ");
    return html`<li
      tabindex="0"
      @pointerenter=${mark(true)}
      @pointerleave=${mark(false)}
      @focus=${mark(true)}
      @blur=${mark(false)}
    >
      <code>${this.rules[rule]?.text}</code>
      <div class="fine muted">
        <span class="times number">×${times.toLocaleString("en")}</span> in ${where}
      </div>
    </li>`;
  }

  #name(id: number): string {
    return membraneName(id, this.previous ?? this.frame);
  }

  #moves(): TemplateResult | typeof nothing {
    const { flows } = this.frame;
    if (!flows.length) return nothing;
    return html`<section>
      <h3>Moved</h3>
      <ul class="fine">
        ${flows.slice(0, MOST_MOVES).map(
          ([from, to, objects]) =>
            html`<li>
              ${multiset(objects)} <span class="muted">from ${this.#name(from)} to</span>
              ${this.#name(to)}
            </li>`,
        )}
        ${
          flows.length > MOST_MOVES
            ? html`<li class="muted">and ${flows.length - MOST_MOVES} more</li>`
            : nothing
        }
      </ul>
    </section>`;
  }
}
