import { css, html, nothing, svg, type TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";

import { keep } from "../file.js";
import type { AdaptationGauge, AdaptationState } from "../worker/protocol.js";
import { SessionElement } from "./element.js";
import { megabytes, threeDigits } from "./format.js";
import { icon } from "./icons.js";
import { look } from "./look.js";

const FILE = "adaptation.echo";
const WIDTH = 240;
const HEIGHT = 56;

const MODES: readonly (readonly [AdaptationState["mode"], string])[] = [
  ["off", "Off"],
  ["chat", "From each chat for itself"],
  ["all", "From all chats together"],
];

/** Whether the engine learns from what is written, what that gains, and what was learned. */
@customElement("echo-adaptation")
export class AdaptationView extends SessionElement {
  @state() private problem = "";

  static override styles = [
    look,
    css`
      :host {
        display: block;
        margin-bottom: 1rem;
      }
      h3 {
        margin: 1.25rem 0 0.4rem;
        font-size: 0.9375rem;
      }
      dl {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
        gap: 0.1rem 0.9rem;
        margin: 0.5rem 0;
      }
      dt {
        color: var(--muted);
      }
      dd {
        margin: 0;
      }
      svg.line {
        width: 100%;
        max-width: 20rem;
        height: auto;
        overflow: visible;
      }
      .foot {
        display: flex;
        flex-wrap: wrap;
        gap: 0.5rem;
      }
    `,
  ];

  protected override render(): TemplateResult {
    const now = this.session.adaptation.state;
    return html`<h3>Learn from what I write</h3>
      ${now ? this.#content(now) : html`<p class="fine muted">The engine is still opening.</p>`}`;
  }

  #content(now: AdaptationState): TemplateResult {
    return html`<select
        aria-label="Learn from what I write"
        ?disabled=${!now.can && now.mode === "off"}
        @change=${(event: Event) =>
          void this.#do(() =>
            this.session.adaptation.choose(
              (event.target as HTMLSelectElement).value as AdaptationState["mode"],
            ),
          )}
      >
        ${MODES.map(
          ([mode, label]) =>
            html`<option value=${mode} .selected=${mode === now.mode}>${label}</option>`,
        )}
      </select>
      <p class="fine muted">
        ${
          now.can
            ? html`The words that you use become likelier in answers. Reading then takes as long as
                writing. <a href="docs/adaptation.html" target="_blank">More in the docs</a>`
            : "The mock has no hidden state to learn from; load a model."
        }
      </p>
      <p class="fine warning" role="status">${this.problem}</p>
      ${now.gauge ? this.#gauge(now.gauge, now.points) : nothing}
      ${
        now.mode !== "off" && now.can && !now.gauge
          ? html`<p class="fine muted">This chat has no message yet.</p>`
          : nothing
      }`;
  }

  #gauge(gauge: AdaptationGauge, points: AdaptationState["points"]): TemplateResult {
    const change = (100 * -gauge.gained) / (gauge.bits_per_byte_without || 1);
    return html`<dl class="fine number">
        <dt>Learned from:</dt>
        <dd>${gauge.tokens.toLocaleString("en")} tokens</dd>
        ${
          gauge.tokens
            ? html`<dt>Bits per byte without:</dt>
                <dd>${threeDigits(gauge.bits_per_byte_without)}</dd>
                <dt>Bits per byte with:</dt>
                <dd>
                  ${threeDigits(gauge.bits_per_byte_with)}
                  (${change > 0 ? "+" : "−"}${Math.abs(change).toFixed(1)} %)
                </dd>`
            : nothing
        }
        <dt>Memory:</dt>
        <dd>${megabytes(gauge.memory_bytes)} MB</dd>
      </dl>
      ${points.length > 1 ? this.#line(points) : nothing}
      <div class="foot">
        <button
          class="small"
          ?disabled=${gauge.tokens === 0}
          @click=${() => void this.#do(() => this.session.adaptation.reset())}
        >
          ${icon("again")} Forget what was learned
        </button>
        <button class="small" ?disabled=${gauge.tokens === 0} @click=${this.#export}>
          Export what was learned
        </button>
        <button class="small" @click=${() => this.#file.click()}>
          ${icon("file")} Import what was learned
        </button>
        <input
          type="file"
          hidden
          accept=".echo"
          aria-label="A file of what was learned"
          @change=${this.#import}
        />
      </div>`;
  }

  /** Bits per byte so far over the tokens: the model alone, and adapted. */
  #line(points: AdaptationState["points"]): TemplateResult {
    const last = points.at(-1)!;
    const most = Math.max(...points.flatMap(([, without, adapted]) => [without, adapted]));
    const path = (which: 1 | 2) =>
      points
        .map((point) => {
          const x = (WIDTH * point[0]) / last[0];
          const y = HEIGHT - (HEIGHT * point[which]) / most;
          return `${x.toFixed(1)},${y.toFixed(1)}`;
        })
        .join(" ");
    const words = `from ${threeDigits(points[0]![2])} to ${threeDigits(last[2])}`;
    return html`<svg
        class="line"
        viewBox="0 0 ${WIDTH} ${HEIGHT}"
        role="img"
        aria-label=${`Bits per byte over ${last[0]} tokens: adapted ${words}`}
      >
        ${svg`<line x1="0" x2=${WIDTH} y1=${HEIGHT} y2=${HEIGHT} stroke="var(--line-strong)" />
          <polyline points=${path(1)} fill="none" stroke="var(--muted)" stroke-dasharray="4 3" />
          <polyline points=${path(2)} fill="none" stroke="var(--accent)" stroke-width="2" />`}
      </svg>
      <p class="fine muted number">
        Bits per byte, 0 to ${threeDigits(most)}, over 0 to ${last[0].toLocaleString("en")} tokens;
        dashed without.
      </p>`;
  }

  get #file(): HTMLInputElement {
    return this.renderRoot.querySelector<HTMLInputElement>("input[type=file]")!;
  }

  async #do(work: () => Promise<unknown>): Promise<void> {
    this.problem = "";
    try {
      await work();
    } catch (error) {
      this.problem = (error as Error).message;
    }
  }

  async #export(): Promise<void> {
    await this.#do(async () =>
      keep(FILE, await this.session.adaptation.export(), "application/octet-stream"),
    );
  }

  async #import(): Promise<void> {
    const file = this.#file.files?.[0];
    if (!file) return;
    this.#file.value = "";
    await this.#do(async () =>
      this.session.adaptation.import(new Uint8Array(await file.arrayBuffer())),
    );
  }
}
