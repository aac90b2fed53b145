import { css, html, LitElement, type PropertyValues, type TemplateResult } from "lit";
import { customElement, property } from "lit/decorators.js";

import type { Frame } from "../viz/frame.js";
import "../viz/membrane-view.js";
import { icon } from "./icons.js";
import { look } from "./look.js";

const STILL = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * The membranes of the engine within one another, and a step of an answer at a time. Fires `show`
 * with the place of another step.
 */
@customElement("echo-nested")
export class Nested extends LitElement {
  @property({ attribute: false }) frames: readonly Frame[] = [];
  /** Which one is shown. */
  @property({ attribute: false }) at = 0;
  /** What the steps are called. */
  @property({ attribute: false }) names: readonly string[] = [];
  /** The last step is shown, whichever that is; readers are not told of each. */
  @property({ type: Boolean }) follows = false;
  /** The last change was one step forward. */
  #forward = false;

  static override styles = [
    look,
    css`
      :host {
        display: block;
        margin-bottom: 1.25rem;
        --stage: 15.5rem;
      }
      .bar {
        display: flex;
        align-items: center;
        gap: 0.5rem;
        margin: 0.6rem 0 0.3rem;
      }
      input {
        flex: 1;
        min-width: 0;
        accent-color: var(--accent);
      }
      .said {
        min-height: 4.2em;
      }
    `,
  ];

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("at")) this.#forward = this.at === (changed.get("at") ?? this.at) + 1;
  }

  protected override render(): TemplateResult {
    const { at, frames, names } = this;
    const last = frames.length - 1;
    const name = names[at] ?? "";
    return html`
      <echo-membrane-view
        .frame=${frames[at]!}
        .moves=${this.#forward && !STILL.matches}
      ></echo-membrane-view>
      <div class="bar" role="group" aria-label="Steps">
        <button aria-label="One step back" ?disabled=${at === 0} @click=${() => this.#show(at - 1)}>
          ${icon("left")}
        </button>
        <input
          type="range"
          aria-label="Step"
          aria-valuetext=${`${at} of ${last}: ${name}`}
          min="0"
          max=${last}
          .value=${String(at)}
          @input=${(event: Event) => this.#show((event.target as HTMLInputElement).valueAsNumber)}
        />
        <button
          aria-label="One step on"
          ?disabled=${at === last}
          @click=${() => this.#show(at + 1)}
        >
          ${icon("right")}
        </button>
        <span class="fine muted number">${at} of ${last}</span>
      </div>
      <p class="fine said" aria-live=${this.follows ? "off" : "polite"}>
        <b>${name}.</b> ${frames[at]!.text}
      </p>
    `;
  }

  #show(at: number): void {
    this.dispatchEvent(new CustomEvent<number>("show", { detail: at }));
  }
}
