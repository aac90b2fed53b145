import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { customElement, property, query } from "lit/decorators.js";

import { icon } from "../ui/icons.js";
import { look } from "../ui/look.js";
import { offsetOf, placeOf, type TextPlace } from "./place.js";
import { bench } from "./section.js";

/** A text with line numbers, and an error at its place. Fires `run` with the text. */
@customElement("echo-source-editor")
export class SourceEditor extends LitElement {
  @property() text = "";
  /** Why the text cannot be used, in one sentence. */
  @property() problem = "";
  @property({ type: Boolean }) busy = false;
  @query("textarea") private field!: HTMLTextAreaElement;
  @query(".lines") private gutter!: HTMLElement;

  static override styles = [
    look,
    bench,
    css`
      .field {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 0;
        overflow: hidden;
        border: 1px solid var(--line-strong);
        border-radius: 0.6rem;
        background: var(--paper);
      }
      .field:focus-within {
        outline: 2px solid var(--accent);
        outline-offset: 1px;
      }
      .lines,
      textarea {
        padding: 0.6rem 0.7rem;
        line-height: 1.5;
        font-size: 0.8125rem;
      }
      .lines {
        height: 20rem;
        overflow: hidden;
        border-inline-end: 1px solid var(--line);
        color: var(--muted);
        text-align: end;
        user-select: none;
      }
      .lines .wrong {
        margin-inline: -0.7rem;
        padding-inline: 0.7rem;
        background: var(--warning-surface);
        color: var(--warning);
        font-weight: 700;
      }
      textarea {
        width: 100%;
        height: 20rem;
        border: 0;
        outline: none;
        resize: none;
        background: none;
        color: var(--ink);
        white-space: pre;
        tab-size: 2;
      }
      .below {
        margin-top: 0.6rem;
      }
    `,
  ];

  override focus(): void {
    this.field.focus();
  }

  protected override render(): TemplateResult {
    const place = placeOf(this.problem);
    const lines = this.text.split("\n").length;
    return html`
      <div class="field">
        <div class="lines code" aria-hidden="true">
          ${Array.from(
            { length: lines },
            (_, i) => html`<div class=${place?.line === i + 1 ? "wrong" : ""}>${i + 1}</div>`,
          )}
        </div>
        <textarea
          class="code"
          spellcheck="false"
          autocapitalize="off"
          autocomplete="off"
          wrap="off"
          aria-label="Membrane system in P-Lingua or JSON"
          aria-invalid=${this.problem ? "true" : "false"}
          aria-describedby="problem"
          .value=${this.text}
          @input=${() => (this.text = this.field.value)}
          @scroll=${() => (this.gutter.scrollTop = this.field.scrollTop)}
          @keydown=${this.#key}
        ></textarea>
      </div>
      <div id="problem" role="alert">
        ${
          this.problem
            ? html`<div class="note problem">
                <p>${icon("warning")} ${this.problem}</p>
                ${
                  place
                    ? html`<button class="small" @click=${() => this.#goTo(place)}>
                        Go to line ${place.line}, column ${place.column}
                      </button>`
                    : nothing
                }
              </div>`
            : nothing
        }
      </div>
      <div class="row below">
        <button class="primary" ?disabled=${this.busy || !this.text.trim()} @click=${this.#run}>
          ${this.busy ? "Reading…" : "Put it on the bench"}
        </button>
        <span class="fine muted">or Ctrl+Enter</span>
      </div>
    `;
  }

  #run(): void {
    if (this.text.trim()) this.dispatchEvent(new CustomEvent("run", { detail: this.text }));
  }

  #key(event: KeyboardEvent): void {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    this.#run();
  }

  #goTo(place: TextPlace): void {
    const at = offsetOf(this.text, place);
    this.field.focus();
    this.field.setSelectionRange(at, Math.min(this.text.length, at + 1));
    const height = this.field.scrollHeight / Math.max(1, this.text.split("\n").length);
    this.field.scrollTop = Math.max(0, (place.line - 5) * height);
  }
}
