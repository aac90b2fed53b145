import { css, html, type TemplateResult } from "lit";
import { customElement } from "lit/decorators.js";

import { MOST_BRANCHES, type Asking } from "../talk/asking.js";
import { SessionElement } from "./element.js";
import { look } from "./look.js";
import "./schema-box.js";

const FORMS: readonly (readonly [Asking["form"], string])[] = [
  ["none", "Free text"],
  ["json_schema", "Answer as JSON, by a schema"],
  ["grammar", "By a grammar (GBNF)"],
];

/** How the next answers are asked for; every choice is kept. Fires `close`. */
@customElement("echo-asking")
export class AskingMenu extends SessionElement {
  static override styles = [
    look,
    css`
      :host {
        display: block;
        max-height: 60dvh;
        margin-bottom: 0.5rem;
        padding: 0.75rem 1rem;
        border: 1px solid var(--line-strong);
        border-radius: 0.9rem;
        background: var(--surface);
        overflow-y: auto;
      }
      fieldset {
        min-width: 0;
        margin: 0;
        padding: 0;
        border: 0;
      }
      fieldset + fieldset {
        margin-top: 0.6rem;
      }
      legend {
        padding: 0;
        font-size: 0.8125rem;
        font-weight: 600;
      }
      .choices {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.1rem 1.1rem;
      }
      label {
        display: inline-flex;
        align-items: center;
        gap: 0.4em;
        min-height: 2rem;
      }
      input[type="radio"] {
        margin: 0;
        accent-color: var(--accent);
      }
      input[type="number"] {
        width: 4rem;
        min-height: 1.9rem;
      }
      echo-schema-box {
        margin-top: 0.3rem;
      }
    `,
  ];

  override focus(): void {
    this.renderRoot.querySelector<HTMLElement>("input:checked")?.focus();
  }

  protected override render(): TemplateResult {
    const { asking } = this.session;
    const several = asking.branches > 1;
    return html`<div @keydown=${this.#key}>
      <h3 class="hidden-text">How to answer</h3>
      <fieldset>
        <legend>Answers</legend>
        <div class="choices">
          ${this.#radio("answers", "One answer", !several, { branches: 1 })}
          ${this.#radio("answers", "Several, and vote", several, { branches: asking.several })}
          <label class="fine"
            ><input
              type="number"
              min="2"
              max=${MOST_BRANCHES}
              step="1"
              aria-label="How many answers are drawn"
              ?disabled=${!several}
              .value=${String(asking.several)}
              @change=${this.#count}
            />
            <span class="muted">candidates; each takes as long as one answer</span></label
          >
        </div>
      </fieldset>
      <fieldset>
        <legend>Form</legend>
        <div class="choices">
          ${FORMS.map(([form, label]) => this.#radio("form", label, asking.form === form, { form }))}
        </div>
      </fieldset>
      <echo-schema-box .session=${this.session}></echo-schema-box>
    </div>`;
  }

  #radio(group: string, label: string, checked: boolean, change: Partial<Asking>): TemplateResult {
    return html`<label
      ><input
        type="radio"
        name=${group}
        .checked=${checked}
        @change=${() => this.session.saveAsking(change)}
      />${label}</label
    >`;
  }

  #count(event: Event): void {
    const input = event.target as HTMLInputElement;
    const number = Math.round(input.valueAsNumber);
    const several = Math.min(MOST_BRANCHES, Math.max(2, number || this.session.asking.several));
    this.session.saveAsking({ several, branches: several });
    input.value = String(several);
  }

  #key(event: KeyboardEvent): void {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    this.dispatchEvent(new CustomEvent("close"));
  }
}
