import { html, LitElement, type PropertyValues, type TemplateResult } from "lit";
import { property } from "lit/decorators.js";

import type { Session } from "../engine/session.js";

/** An element that draws the session and is drawn again when that changes. */
export abstract class SessionElement extends LitElement {
  @property({ attribute: false }) session!: Session;

  #watched: Session | null = null;
  readonly #redraw = () => this.requestUpdate();

  protected override willUpdate(_changed: PropertyValues): void {
    if (this.session === this.#watched) return;
    this.#watched?.removeEventListener("change", this.#redraw);
    this.session.addEventListener("change", this.#redraw);
    this.#watched = this.session;
  }

  /** Why there is nothing to see while the engine is not ready. */
  protected get absent(): TemplateResult {
    const broken = this.session.phase === "broken";
    return html`<p class="muted">The engine is ${broken ? "not running" : "still opening"}.</p>`;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#watched?.removeEventListener("change", this.#redraw);
    this.#watched = null;
  }
}
