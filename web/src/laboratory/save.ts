import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";

import { look } from "../ui/look.js";

/** A button: what is on it, and what gives the file. */
type Button = readonly [name: string, give: () => unknown];

/** The two buttons of a drawing. */
export function drawn(give: (form: "svg" | "png") => Promise<void>): Button[] {
  return [
    ["SVG", () => give("svg")],
    ["PNG", () => give("png")],
  ];
}

/** A row of buttons that give files, with words between them; why one could not be made. */
@customElement("echo-save")
export class Save extends LitElement {
  /** What the row is for, by name. */
  @property() label = "";
  @property({ attribute: false }) items: readonly (string | Button)[] = [];
  @state() private problem = "";

  static override styles = [
    look,
    css`
      :host,
      div {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.35rem;
      }
      :host {
        margin-top: 0.75rem;
      }
    `,
  ];

  protected override render(): TemplateResult {
    return html`<div role="group" aria-label=${this.label}>
        ${this.items.map((item) =>
          typeof item === "string"
            ? html`<span class="fine muted">${item}</span>`
            : html`<button class="small" @click=${() => void this.#give(item)}>${item[0]}</button>`,
        )}
      </div>
      ${this.problem ? html`<span class="fine warning" role="alert">${this.problem}</span>` : nothing}`;
  }

  async #give([, give]: Button): Promise<void> {
    try {
      await give();
      this.problem = "";
    } catch (error) {
      this.problem = (error as Error).message;
    }
  }
}
