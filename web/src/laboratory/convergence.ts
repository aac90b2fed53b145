import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";

import { csv, fileName, keep } from "../file.js";
import { icon } from "../ui/icons.js";
import { look } from "../ui/look.js";
import type { Chart, Series } from "../viz/chart.js";
import "../viz/chart.js";
import { keepFigure } from "./figure.js";
import { drawn } from "./save.js";
import "./save.js";
import { bench } from "./section.js";
import type { Measured, MethodChoice, Problem, Slope, Weighed } from "./weights.js";

/** Numbers of steps: each about the square root of two times the one before. */
const STEPS = [2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181, 256];

/** The error of a method over the length of its steps, measured now, with its slope. */
@customElement("echo-convergence")
export class Convergence extends LitElement {
  @property({ attribute: false }) ask!: (method: string, values: object) => Promise<unknown>;
  @property({ attribute: false }) method!: MethodChoice;
  @property({ attribute: false }) weighed!: Weighed;
  @property({ attribute: false }) problems: readonly Problem[] = [];
  @state() private problem = "";
  @state() private points: Measured[] = [];
  @state() private slope: Slope | null = null;
  @state() private measuring = false;
  @state() private failure = "";
  @query("echo-chart") private chart!: Chart;

  #run = 0;

  static override styles = [
    look,
    bench,
    css`
      .field {
        max-width: 22rem;
        margin-top: 0.6rem;
      }
      .both {
        display: grid;
        grid-template-columns: minmax(16rem, 1fr) minmax(0, 1.8fr);
        gap: 1rem 2rem;
        align-items: start;
      }
      .slope {
        margin-top: 0.9rem;
        font-size: 1.0625rem;
      }
      .slope b {
        color: var(--accent);
      }
      p + p,
      echo-save {
        margin-top: 0.6rem;
      }
      @media (max-width: 48rem) {
        .both {
          grid-template-columns: minmax(0, 1fr);
        }
      }
    `,
  ];

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#run++;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.hasUpdated) void this.#measure();
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (!this.problem) this.problem = this.problems[0]?.id ?? "";
    if (changed.has("method") || changed.has("problem")) void this.#measure();
  }

  async #measure(): Promise<void> {
    const run = ++this.#run;
    const { method, problem, weighed } = this;
    this.points = [];
    this.slope = null;
    this.failure = "";
    if (!weighed.method.explicit) {
      this.failure =
        "The method is implicit: its stages are equations to be solved, which is not done here.";
      return;
    }
    this.measuring = true;
    const found: Measured[] = [];
    try {
      for (const steps of STEPS) {
        const point = (await this.ask("measure", { method, problem, steps })) as Measured;
        if (run !== this.#run) return;
        found.push(point);
        this.points = [...found];
        if (point.rounding) break;
      }
      const h = found.map((point) => point.h);
      const error = found.map((point) => point.error);
      const slope = (await this.ask("slope", { h, error })) as Slope;
      if (run === this.#run) this.slope = slope;
    } catch (error) {
      if (run === this.#run) this.failure = (error as Error).message;
    } finally {
      if (run === this.#run) this.measuring = false;
    }
  }

  protected override render(): TemplateResult {
    const { points, slope } = this;
    const chosen = this.problems.find(({ id }) => id === this.problem);
    return html`<div class="both">
      <div>
        <h3>The order, measured</h3>
        <p class="fine muted">
          Each point is one integration with steps of length h. In double-logarithmic axes the error
          of a method of order p falls along a line of slope p, until rounding is all that is left.
        </p>
        <label class="field"
          >Test problem
          <select
            @change=${(event: Event) => (this.problem = (event.target as HTMLSelectElement).value)}
          >
            ${this.problems.map(
              ({ id, title }) =>
                html`<option value=${id} ?selected=${id === this.problem}>${title}</option>`,
            )}
          </select>
        </label>
        <p class="fine muted">${chosen?.equation}</p>
        <p class="slope" role="status">${this.#said()}</p>
        ${
          points.length
            ? html`<echo-save
                label="Save the measurement"
                .items=${[
                  "Save:",
                  ...drawn((form) => keepFigure(this.chart.drawing, form, this.#about())),
                  ["CSV", () => this.#table()],
                ]}
              ></echo-save>`
            : nothing
        }
      </div>
      <echo-chart
        xLabel="step h (units of t)"
        yLabel="error at the end (units of y)"
        xScale="log"
        yScale="log"
        .series=${this.#series()}
        .summary=${
          slope?.slope
            ? `Error over step length, both logarithmic: ${points.length} points on a line of slope ${slope.slope.toFixed(2)}.`
            : "Error over step length, both logarithmic: measuring."
        }
      ></echo-chart>
    </div>`;
  }

  #said(): TemplateResult {
    const { slope, failure, measuring } = this;
    if (failure) return html`<span class="warning">${icon("warning")} ${failure}</span>`;
    if (measuring) return html`<span class="muted">Measuring…</span>`;
    if (slope?.slope == null) {
      return html`<span class="muted">Too few errors above rounding for a slope.</span>`;
    }
    return html`Measured slope <b class="number">${slope.slope.toFixed(2)}</b> over the
      ${slope.fitted} smallest steps above rounding; the trees say order ${this.weighed.order}.`;
  }

  #series(): Series[] {
    const { points, slope } = this;
    const above = points.filter(({ rounding }) => !rounding);
    const below = points.filter(({ rounding }) => rounding);
    const of = (some: Measured[]) => ({
      x: some.map(({ h }) => h),
      y: some.map(({ error }) => error),
    });
    const series: Series[] = [{ name: "measured", kind: "points", ...of(above) }];
    if (below.length) series.push({ name: "rounding", kind: "points", tone: 2, ...of(below) });
    if (slope?.line) {
      series.push({
        name: `slope ${slope.slope!.toFixed(2)}`,
        kind: "dashed",
        tone: 1,
        x: slope.line.map(([x]) => x),
        y: slope.line.map(([, y]) => y),
      });
    }
    return series;
  }

  #about() {
    const { name } = this.weighed.method;
    const problem = this.problems.find(({ id }) => id === this.problem)!;
    const slope = this.slope?.slope;
    return {
      name: fileName(`convergence ${name} ${problem.id}`),
      title: `Error of ${name} on ${problem.title}`,
      description:
        `${problem.equation}; error in the maximum norm at the end over the step length.` +
        (slope ? ` Slope ${slope.toFixed(3)} by least squares.` : ""),
    };
  }

  #table(): void {
    const rows = this.points.map(({ h, error, rounding }, i) => [
      STEPS[i]!,
      h,
      error,
      rounding ? "yes" : "no",
    ]);
    keep(
      `${this.#about().name}.csv`,
      csv([["steps", "h", "error", "rounding"], ...rows]),
      "text/csv",
    );
  }
}
