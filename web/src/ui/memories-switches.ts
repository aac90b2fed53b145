import { css, html, nothing, type TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";

import type { MemoriesState } from "../worker/protocol.js";
import { SessionElement } from "./element.js";
import { look } from "./look.js";

/** Whether anything is remembered, and how far; drawn once that is known. */
@customElement("echo-memories-switches")
export class MemoriesSwitches extends SessionElement {
  @state() private problem = "";

  static override styles = [
    look,
    css`
      :host {
        display: block;
      }
      label {
        display: flex;
        align-items: center;
        gap: 0.5rem;
        min-height: 2rem;
      }
      .more {
        padding-inline-start: 1.6rem;
        font-size: 0.9375rem;
      }
      input[type="checkbox"] {
        flex: none;
        width: 1.1rem;
        height: 1.1rem;
        margin: 0;
        accent-color: var(--accent);
      }
    `,
  ];

  protected override render(): TemplateResult {
    const now = this.session.memories.state!;
    const { persistent, reason } = this.session.store.state;
    return html` ${this.#switch("on", "Remember what I say", now.on)}
      <p class="fine muted">
        ${
          now.on
            ? "It stays on this machine."
            : "Off: nothing is remembered and nothing recalled. On, it stays on this machine."
        }
        ${
          persistent
            ? nothing
            : html`<span class="warning"
                >Kept only until this tab is closed: ${reason ?? "storage was refused"}.</span
              >`
        }
        ${
          now.states
            ? nothing
            : html`The mock has no states to look into; memories are found by their words alone.`
        }
      </p>
      ${
        now.on
          ? html`<div class="more">
              ${this.#switch("recall", "Let answers use what comes to mind", now.recall)}
              ${this.#switch("exchanges", "Keep whole messages with their answers, too", now.exchanges)}
            </div>`
          : nothing
      }
      <p class="fine warning" role="status">${this.problem}</p>`;
  }

  #switch(name: "on" | "recall" | "exchanges", label: string, on: boolean): TemplateResult {
    return html`<label
      ><input
        type="checkbox"
        role="switch"
        .checked=${on}
        @change=${(event: Event) =>
          void this.#choose({ [name]: (event.target as HTMLInputElement).checked })}
      />${label}</label
    >`;
  }

  async #choose(change: Partial<MemoriesState>): Promise<void> {
    this.problem = "";
    try {
      await this.session.memories.choose(change);
    } catch (error) {
      this.problem = (error as Error).message;
      this.requestUpdate();
    }
  }
}
