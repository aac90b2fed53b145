import { css, html, type PropertyValues, type TemplateResult } from "lit";
import { customElement, property } from "lit/decorators.js";

import { VIEWS, type View } from "../address.js";
import { SessionElement } from "./element.js";
import { icon } from "./icons.js";
import { look } from "./look.js";
import "../viz/reservoir-view.js";
import "../viz/state-view.js";
import type { ModelView } from "./model-view.js";
import "./membranes-view.js";
import "./memories-view.js";
import "./model-view.js";

/** The right column: what goes on inside. Fires `view` when another one is chosen, and `close`. */
@customElement("echo-inside")
export class Inside extends SessionElement {
  @property() view: View = "state";

  static override styles = [
    look,
    css`
      :host {
        display: flex;
        flex-direction: column;
        min-height: 0;
      }
      .bar {
        display: flex;
        align-items: center;
        justify-content: space-between;
        padding: 0.5rem 0.75rem 0 1rem;
        border-bottom: 1px solid var(--line);
      }
      [role="tablist"] {
        display: flex;
        min-width: 0;
        overflow-x: auto;
        scrollbar-width: none;
      }
      [role="tab"] {
        flex: none;
        padding-inline: 0.4rem;
        font-size: 0.875rem;
        border: 0;
        border-radius: 0.4rem 0.4rem 0 0;
        border-bottom: 2px solid transparent;
        background: none;
        color: var(--muted);
      }
      [role="tab"][aria-selected="true"] {
        border-bottom-color: var(--accent);
        color: var(--ink);
        font-weight: 600;
      }
      .panel {
        flex: 1;
        overflow-y: auto;
        padding: 1rem;
      }
    `,
  ];

  protected override render(): TemplateResult {
    const names = Object.keys(VIEWS) as View[];
    return html`
      <h2 class="hidden-text">Inside: ${VIEWS[this.view]}</h2>
      <div class="bar">
        <div role="tablist" aria-label="Inside" @keydown=${this.#key}>
          ${names.map(
            (name) =>
              html`<button
                role="tab"
                id=${`tab-${name}`}
                aria-controls="panel"
                aria-selected=${name === this.view}
                tabindex=${name === this.view ? 0 : -1}
                @click=${() => this.#choose(name)}
              >
                ${VIEWS[name]}
              </button>`,
          )}
        </div>
        <button
          class="quiet"
          aria-label="Close Inside"
          @click=${() => this.dispatchEvent(new CustomEvent("close"))}
        >
          ${icon("close")}
        </button>
      </div>
      <div
        class="panel"
        id="panel"
        role="tabpanel"
        tabindex="0"
        aria-labelledby=${`tab-${this.view}`}
      >
        ${this.#shown()}
      </div>
    `;
  }

  /** On a phone not all tabs fit beside one another: the chosen one comes into view. */
  protected override updated(changed: PropertyValues<this>): void {
    if (!changed.has("view")) return;
    this.renderRoot.querySelector(`#tab-${this.view}`)?.scrollIntoView({ block: "nearest" });
  }

  #shown(): TemplateResult {
    const { session, view } = this;
    if (view === "state") return html`<echo-state .session=${session}></echo-state>`;
    if (view === "membranes") return html`<echo-membranes .session=${session}></echo-membranes>`;
    if (view === "memories") return html`<echo-memories .session=${session}></echo-memories>`;
    if (view === "reservoir") return html`<echo-reservoir .session=${session}></echo-reservoir>`;
    return html`<echo-model .session=${session}></echo-model>`;
  }

  /** Puts the focus on the view that is shown. */
  async focusTab(): Promise<void> {
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>(`#tab-${this.view}`)?.focus();
  }

  /** Brings the memory budget into view. */
  async showMemory(): Promise<void> {
    await this.updateComplete;
    const model = this.renderRoot.querySelector<ModelView>("echo-model")!;
    await model.updateComplete;
    model.renderRoot.querySelector("echo-memory")?.scrollIntoView({ block: "nearest" });
  }

  #choose(view: View): void {
    this.dispatchEvent(new CustomEvent("view", { detail: view }));
  }

  async #key(event: KeyboardEvent): Promise<void> {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    const names = Object.keys(VIEWS) as View[];
    const next = names[(names.indexOf(this.view) + step + names.length) % names.length]!;
    this.#choose(next);
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>(`#tab-${next}`)?.focus();
  }
}
