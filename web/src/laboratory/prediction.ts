import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";

import { csv, fileName, keep } from "../file.js";
import { seconds, threeDigits } from "../ui/format.js";
import { look } from "../ui/look.js";
import type { Chart, Series } from "../viz/chart.js";
import "../viz/chart.js";
import { keepFigure } from "./figure.js";
import { drawn } from "./save.js";
import "./save.js";
import { bench } from "./section.js";
import { column, named, type Result } from "./workbench.js";

/** Steps that are shown at a time. */
const WINDOW = 250;

/** A prediction against the truth that was not learned from, and how good it is. */
@customElement("echo-prediction")
export class Prediction extends LitElement {
  @property({ attribute: false }) result!: Result;
  /** The result before, to compare with; of the same series. */
  @property({ attribute: false }) earlier: Result | null = null;
  @state() private output = 0;
  @state() private from = 0;
  @query("echo-chart") private chart!: Chart;

  static override styles = [
    look,
    bench,
    css`
      dl {
        display: flex;
        flex-wrap: wrap;
        gap: 0.75rem 2rem;
        margin: 0.75rem 0;
      }
      dt {
        font-size: 0.8125rem;
        color: var(--muted);
      }
      dd {
        margin: 0;
        font-size: 1.125rem;
        font-variant-numeric: tabular-nums;
      }
      dd .fine {
        color: var(--muted);
      }
      .window {
        display: flex;
        align-items: center;
        gap: 0.75rem;
        margin-top: 0.5rem;
        font-size: 0.8125rem;
        color: var(--muted);
      }
      .window input {
        flex: 1;
        min-width: 0;
        accent-color: var(--accent);
      }
    `,
  ];

  get #width(): number {
    return this.result.taken.names.length;
  }

  get #steps(): number {
    return this.result.found.truth.length / this.#width;
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (!changed.has("result")) return;
    this.output = Math.min(this.output, this.#width - 1);
    this.from = Math.min(this.from, Math.max(0, this.#steps - WINDOW));
  }

  protected override render(): TemplateResult {
    const { taken, found, plan } = this.result;
    const { names, unit } = taken;
    const last = Math.max(0, this.#steps - WINDOW);
    return html`
      <h3>
        ${plan.free ? "Running freely" : "Prediction"} against truth, on what was not learned from
      </h3>
      ${this.#measures()}
      ${
        names.length > 1
          ? html`<div class="chooser" role="group" aria-label="Variable">
              ${names.map(
                (name, i) =>
                  html`<button aria-pressed=${i === this.output} @click=${() => (this.output = i)}>
                    ${name}
                  </button>`,
              )}
            </div>`
          : nothing
      }
      <echo-chart
        widest="1400"
        flatness="0.32"
        xLabel=${`time (${unit})`}
        yLabel=${`${names[this.output]} (units of the series)`}
        .series=${this.#series()}
        .summary=${`The prediction of ${names[this.output]} against the truth; the error is ${threeDigits(found.nrmse ?? NaN)} standard deviations.`}
      ></echo-chart>
      ${
        last
          ? html`<label class="window"
              >Earlier<input
                type="range"
                aria-label="Part of the test that is shown"
                aria-valuetext=${`from step ${found.first + this.from + 1}`}
                min="0"
                max=${last}
                .value=${String(this.from)}
                @input=${(event: Event) =>
                  (this.from = (event.target as HTMLInputElement).valueAsNumber)}
              />later</label
            >`
          : nothing
      }
      <echo-save
        label="Save the prediction"
        .items=${[
          "Save the plot:",
          ...drawn((form) => keepFigure(this.chart.drawing, form, this.#about())),
          "truth and prediction:",
          ["CSV", () => this.#table()],
        ]}
      ></echo-save>
    `;
  }

  #measures(): TemplateResult {
    const { found, taken, plan } = this.result;
    const other = this.earlier?.found.nrmse;
    return html`<dl>
      <div>
        <dt>Error (NRMSE)</dt>
        <dd>
          ${found.nrmse === null ? "no finite output" : threeDigits(found.nrmse)}
          <span class="fine">standard deviations</span>
          ${
            other == null
              ? nothing
              : html`<span class="fine">(before: ${threeDigits(other)})</span>`
          }
        </dd>
      </div>
      <div>
        <dt>NMSE</dt>
        <dd>${found.nmse === null ? "–" : threeDigits(found.nmse)}</dd>
      </div>
      ${
        plan.free
          ? html`<div>
              <dt>Valid time</dt>
              <dd>
                ${found.whole ? "all " : ""}${threeDigits(found.valid)}
                <span class="fine"
                  >time in
                  ${taken.unit}${
                    found.lyapunov === null ? "" : `, ${threeDigits(found.lyapunov)} Lyapunov times`
                  }</span
                >
              </dd>
            </div>`
          : nothing
      }
      <div>
        <dt>Learned in</dt>
        <dd>${seconds(found.seconds)}</dd>
      </div>
    </dl>`;
  }

  #series(): Series[] {
    const { result, earlier, from, output } = this;
    const end = Math.min(this.#steps, from + WINDOW);
    const { interval } = result.taken;
    const time = Float64Array.from(
      { length: end - from },
      (_, i) => (result.found.first + from + i) * interval,
    );
    const part = (of: Result, values: Float64Array) =>
      column(values, of.taken.names.length, output).subarray(from, end);
    const lines: Series[] = [
      { name: "truth", kind: "line", tone: 3, x: time, y: part(result, result.found.truth) },
    ];
    if (earlier) {
      const y = part(earlier, earlier.found.output);
      lines.push({ name: "before", kind: "dashed", tone: 2, x: time, y });
    }
    const y = part(result, result.found.output);
    lines.push({ name: "prediction", kind: "line", tone: 0, x: time, y });
    return lines;
  }

  #about() {
    const { taken, plan, settings, found } = this.result;
    const how = plan.free
      ? "running freely"
      : `${plan.horizon} ${plan.horizon === 1 ? "step" : "steps"} ahead`;
    return {
      name: fileName(`${taken.title} ${how}`),
      title: `${taken.title}, ${taken.names[this.output]}, ${how}`,
      description:
        `A reservoir of ${named(settings)}, ${settings.recurrent} weights, seed ${settings.seed}; ` +
        `${plan.readout} readout, ${taken.train} steps learned from; ` +
        `NRMSE ${found.nrmse === null ? "not finite" : found.nrmse.toPrecision(4)}.`,
    };
  }

  #table(): void {
    const { taken, found } = this.result;
    const width = this.#width;
    const head = ["step", ...taken.names, ...taken.names.map((name) => `${name} predicted`)];
    const rows = Array.from({ length: this.#steps }, (_, i) => [
      found.first + i + 1,
      ...found.truth.subarray(i * width, (i + 1) * width),
      ...found.output.subarray(i * width, (i + 1) * width),
    ]);
    keep(`${this.#about().name}.csv`, csv([head, ...rows]), "text/csv");
  }
}
