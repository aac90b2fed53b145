import { css, html, nothing, type TemplateResult } from "lit";
import { customElement } from "lit/decorators.js";

import type { Part, PartProgress } from "../worker/protocol.js";
import { SessionElement } from "./element.js";
import { megabytes, threeDigits } from "./format.js";
import { look } from "./look.js";

const PARTS: Part[] = ["Python", "engine", "NumPy", "model"];

/** The line below the talk: what is being fetched, then what answers, how fast, in what memory. */
@customElement("echo-status")
export class StatusLine extends SessionElement {
  static override styles = [
    look,
    css`
      :host {
        display: block;
        padding: 0.4rem 1rem 0.6rem;
        color: var(--muted);
      }
      .frame {
        max-width: 70ch;
        margin: 0 auto;
      }
      .frame > * {
        font-size: 0.8125rem;
        line-height: 1.5;
      }
      .line {
        display: flex;
        flex-wrap: wrap;
        gap: 0 0.9rem;
      }
      .line > span {
        white-space: nowrap;
      }
      b {
        color: var(--ink);
        font-weight: 600;
      }
      meter {
        width: 4rem;
        height: 0.5rem;
        vertical-align: 0.02rem;
        border: 0;
        border-radius: 0.25rem;
        background: var(--line);
        overflow: hidden;
        appearance: none;
      }
      meter::-webkit-meter-bar {
        height: 0.5rem;
        border: 0;
        border-radius: 0.25rem;
        background: var(--line);
      }
      meter::-webkit-meter-optimum-value {
        background: var(--accent);
      }
      meter::-webkit-meter-suboptimum-value {
        background: var(--warning);
      }
      meter::-moz-meter-bar {
        background: var(--accent);
      }
      progress {
        height: 2px;
        margin: 0.3rem 0;
      }
      .privacy {
        display: flex;
        flex-wrap: wrap;
        gap: 0 0.9rem;
      }
    `,
  ];

  protected override render(): TemplateResult {
    return html`
      <div class="frame">
        <div class="line number" id="status">${this.#line()}</div>
        ${this.#bar()}
        <p class="privacy">
          <span>Everything runs on this machine; nothing you type leaves it.</span>
          <button class="link" @click=${() => this.dispatchEvent(new CustomEvent("requests"))}>
            Every request this page has made
          </button>
        </p>
      </div>
    `;
  }

  #line(): TemplateResult {
    const { phase, loaded } = this.session;
    if (phase === "broken") return html`<span class="warning">The engine is not running.</span>`;
    if (phase === "opening" || !loaded) return this.#opening();
    return this.#running();
  }

  /** `Python 4.1 of 9.6 MB · engine · NumPy · model`: a part without figures has arrived. */
  #opening(): TemplateResult {
    const known = PARTS.map((part) => this.session.parts.get(part)).filter(
      (part): part is PartProgress => part !== undefined,
    );
    if (known.length === 0) return html`<span>Opening…</span>`;
    const whole = known.length === PARTS.length && known.every(arrived);
    return html`${known.map((part) => html`<span>${describe(part)}</span>`)}
    ${whole ? html`<span>starting Python…</span>` : nothing}`;
  }

  #bar(): TemplateResult | typeof nothing {
    const { phase, models, parts } = this.session;
    const { loading } = models;
    if (loading && loading.problem === undefined) {
      const { step, label } = loading;
      return html`<progress
        aria-label=${`Loading ${label}`}
        max=${step?.total || 1}
        .value=${step?.done ?? 0}
      ></progress>`;
    }
    if (phase !== "opening" || parts.size === 0) return nothing;
    let done = 0;
    let total = 0;
    for (const part of parts.values()) {
      if (part.failure !== undefined) continue;
      done += part.done;
      total += part.total;
    }
    return html`<progress aria-label="Opening" max=${total} .value=${done}></progress>`;
  }

  #running(): TemplateResult {
    const { loaded, live, answering, memory } = this.session;
    const limit = loaded!.limitBytes;
    const speed = live.tokensPerSecond;
    return html`
      <span
        ><b class=${loaded!.backend === "rwkv_cpp" ? "" : "warning"} data-part="backend"
          >${loaded!.backend}</b
        ></span
      >
      <span data-part="model">${loaded!.model}</span>
      ${
        speed === null
          ? html`<span>ready</span>`
          : html`<span
              ><span data-part="speed">${threeDigits(speed)}</span> tokens/s${
                answering ? nothing : " last"
              }</span
            >`
      }
      <span
        title="Tokens that the model has read and said in this chat; its state stays the same size"
        ><span data-part="context">${live.contextTokens.toLocaleString("en")}</span> tokens of
        context</span
      >
      <span
        ><meter
          aria-label="Memory in use"
          min="0"
          max=${limit / 1e6}
          high=${(limit / 1e6) * 0.9}
          .value=${memory.heldBytes / 1e6}
        ></meter>
        <span data-part="memory">${megabytes(memory.heldBytes)}</span> of ${megabytes(limit)}
        MB</span
      >
    `;
  }
}

function arrived({ done, total, failure }: PartProgress): boolean {
  return failure !== undefined || (total > 0 && done >= total);
}

function describe(part: PartProgress): string {
  if (part.failure !== undefined) return `${part.part} missing`;
  if (arrived(part)) return `${part.part} ✓`;
  return `${part.part} ${megabytes(part.done)} of ${megabytes(part.total)} MB`;
}
