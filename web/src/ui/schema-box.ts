import { css, html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";

import { EXAMPLES, formName, type Example, type Form } from "../talk/asking.js";
import { SessionElement } from "./element.js";
import { look } from "./look.js";

/** How long nothing is typed before it is compiled, in milliseconds. */
const CALM_MS = 250;

/** The schema or grammar that answers are held to, compiled while it is written. */
@customElement("echo-schema-box")
export class SchemaBox extends SessionElement {
  @state() private checking = false;

  #timer: ReturnType<typeof setTimeout> | undefined;
  #checked = "";

  static override styles = [
    look,
    css`
      :host {
        display: block;
      }
      textarea {
        width: 100%;
        height: 11rem;
        min-height: 4rem;
        max-height: 40dvh;
        padding: 0.5rem 0.7rem;
        border: 1px solid var(--line-strong);
        border-radius: 0.5rem;
        background: var(--paper);
        font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace;
        font-size: 0.8125rem;
        line-height: 1.5;
        white-space: pre;
        resize: vertical;
      }
      textarea[aria-invalid="true"] {
        border-color: var(--warning);
      }
      .said {
        min-height: 1.4em;
        overflow-wrap: anywhere;
      }
      .examples {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.1rem 0.25rem;
        margin-bottom: 0.3rem;
      }
    `,
  ];

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
  }

  protected override updated(_changed: PropertyValues): void {
    // Another form, another example, or the engine is there at last.
    const { asking, phase } = this.session;
    if (asking.form === "none" || phase !== "ready") return;
    const now = `${asking.form} ${asking.sources[asking.form]}`;
    if (now !== this.#checked) this.#soon(now);
  }

  #soon(now: string): void {
    this.#checked = now;
    this.checking = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      await this.session.checkForm();
      if (this.#checked === now) this.checking = false;
    }, CALM_MS);
  }

  protected override render(): TemplateResult | typeof nothing {
    const { asking, formProblem } = this.session;
    const { form } = asking;
    if (form === "none") return nothing;
    const problem = this.checking ? null : formProblem;
    return html`
      <div class="examples" role="group" aria-label="Examples">
        <span class="fine muted">Begin with</span>
        ${EXAMPLES.map(
          (example) =>
            html`<button type="button" class="small quiet" @click=${() => this.#use(example)}>
              ${example.name}
            </button>`,
        )}
      </div>
      <textarea
        aria-label=${formName(form)}
        aria-describedby="said"
        aria-invalid=${problem !== null}
        spellcheck="false"
        autocapitalize="off"
        .value=${asking.sources[form]}
        @input=${(event: Event) => this.#write(form, (event.target as HTMLTextAreaElement).value)}
      ></textarea>
      <p id="said" class=${`fine said ${problem ? "warning" : "muted"}`} role="status">
        ${
          this.session.phase !== "ready"
            ? "It is checked when the engine is ready."
            : this.checking
              ? "Checking…"
              : (problem ?? "Every new answer will fit it.")
        }
      </p>
    `;
  }

  #use({ form, source }: Example): void {
    this.session.saveAsking({ form, sources: { ...this.session.asking.sources, [form]: source } });
  }

  #write(form: Form, source: string): void {
    this.session.saveAsking({ sources: { ...this.session.asking.sources, [form]: source } });
  }
}
