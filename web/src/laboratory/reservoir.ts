import { css, html, nothing, type TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";

import { csv, keep } from "../file.js";
import { threeDigits } from "../ui/format.js";
import { icon } from "../ui/icons.js";
import { look } from "../ui/look.js";
import "./activity.js";
import { keepFigure } from "./figure.js";
import "./prediction.js";
import "./reservoir-form.js";
import { drawn } from "./save.js";
import "./save.js";
import { bench, Section } from "./section.js";
import type { Spectrum } from "../viz/spectrum.js";
import "../viz/spectrum.js";
import "./task-form.js";
import {
  FIRST_PLAN,
  FIRST_SETTINGS,
  named,
  type Activity,
  type Built,
  type Found,
  type Options,
  type Plan,
  type Read,
  type Result,
  type Settings,
  type Taken,
} from "./workbench.js";

/** How long Python may compute before the page gets its turn. */
const SLICE_S = 0.05;

/** A reservoir on the bench: its weights, what it learns, and how it moves. */
@customElement("echo-lab-reservoir")
export class ReservoirBench extends Section {
  protected readonly name = "reservoir";
  @state() private options: Options | null = null;
  @state() private settings: Settings = FIRST_SETTINGS;
  @state() private plan: Plan = FIRST_PLAN;
  @state() private built: Built | null = null;
  @state() private buildProblem = "";
  @state() private effective = false;
  @state() private table: Read | null = null;
  @state() private tableProblem = "";
  /** Steps learned and in all, while it learns. */
  @state() private learning: { done: number; total: number } | null = null;
  @state() private result: Result | null = null;
  @state() private earlier: Result | null = null;
  @state() private activity: Activity | null = null;
  @query("echo-spectrum") private spectrum!: Spectrum;

  #building = false;
  #stopped = false;

  static override styles = [
    look,
    bench,
    css`
      .reservoir {
        display: grid;
        grid-template-columns: minmax(0, 1.2fr) minmax(0, 1fr);
        gap: 1.25rem 2.25rem;
        align-items: start;
      }
      .card + .card {
        margin-top: 1rem;
      }
      h3 {
        margin-bottom: 0.75rem;
      }
      .facts {
        margin-top: 0.6rem;
        text-align: center;
      }
      .switch {
        display: flex;
        justify-content: center;
        margin-bottom: 0.25rem;
      }
      echo-save {
        justify-content: center;
        margin-top: 0.4rem;
      }
      .go {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.75rem 1rem;
        margin-top: 1.1rem;
      }
      .go progress {
        flex: 1 1 10rem;
        max-width: 22rem;
        accent-color: var(--accent);
      }
      .empty {
        display: grid;
        place-items: center;
        min-height: 8rem;
        color: var(--muted);
        text-align: center;
      }
      @media (max-width: 48rem) {
        .card {
          padding: 0.75rem;
        }
        .reservoir {
          grid-template-columns: minmax(0, 1fr);
        }
      }
    `,
  ];

  protected override async begin(): Promise<void> {
    this.learning = null;
    this.table = null;
    this.options = await this.ask<Options>("options");
    this.built = await this.ask<Built>("build", { settings: this.settings });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stopped = true;
  }

  protected override render(): TemplateResult {
    return html`
      ${this.explained(
        html`A reservoir is a network of random, fixed connections that echoes its past input; only
        the linear readout of its units is trained. The eigenvalues of its weights tell how long the
        echo lasts: with all of them well inside the unit circle it fades.`,
        "reservoirs",
        "reservoirs",
      )}
      ${this.opened && this.options && this.built ? this.#bench(this.options, this.built) : this.waiting()}
    `;
  }

  #bench(options: Options, built: Built): TemplateResult {
    return html`
      <div class="card reservoir">
        <div>
          <h3>Reservoir</h3>
          <echo-reservoir-form
            .settings=${this.settings}
            .options=${options}
            @change=${(event: CustomEvent<Settings>) => this.#set(event.detail)}
          ></echo-reservoir-form>
          ${
            this.buildProblem
              ? html`<p class="fine warning" role="alert">
                  ${icon("warning")} ${this.buildProblem}
                </p>`
              : nothing
          }
        </div>
        <div>${this.#weights(built)}</div>
      </div>
      <div class="card">
        <h3>Task</h3>
        <echo-task-form
          .plan=${this.plan}
          .options=${options}
          .table=${this.table}
          .tableProblem=${this.tableProblem}
          @change=${(event: CustomEvent<Plan>) => (this.plan = event.detail)}
          @table=${(event: CustomEvent<string>) => void this.#read(event.detail)}
        ></echo-task-form>
        ${this.#go()}
      </div>
      <div class="card">
        ${
          this.result
            ? html`<echo-prediction
                .result=${this.result}
                .earlier=${this.#comparable()}
              ></echo-prediction>`
            : html`<p class="empty">
                What it predicts will stand here against the truth, once it has learned.
              </p>`
        }
      </div>
      ${
        this.activity && this.result
          ? html`<div class="card">
              <echo-activity
                .activity=${this.activity}
                .first=${
                  this.result.taken.train -
                  (this.result.plan.free ? 1 : this.result.plan.horizon) -
                  this.activity.path.length / 2
                }
                .about=${`A reservoir of ${named(this.result.settings)} on ${this.result.taken.title}.`}
                .still=${this.still}
              ></echo-activity>
            </div>`
          : nothing
      }
    `;
  }

  #weights({ eigenvalues, effective, connections, radius, size }: Built): TemplateResult {
    const shown = this.effective ? effective : eigenvalues;
    return html`
      <div class="switch">
        <div class="chooser" role="group" aria-label="Spectrum">
          <button
            class="small"
            aria-pressed=${!this.effective}
            @click=${() => (this.effective = false)}
          >
            spectrum of W
          </button>
          <button
            class="small"
            aria-pressed=${this.effective}
            @click=${() => (this.effective = true)}
          >
            with the leak
          </button>
        </div>
      </div>
      ${
        shown
          ? html`<echo-spectrum
                .values=${shown}
                .summary=${`${size} eigenvalues in the complex plane; the largest has the modulus ${radius.toFixed(2)}.`}
              ></echo-spectrum>
              <p class="facts fine muted number">
                ${connections.toLocaleString("en")} connections, spectral radius
                ${radius.toFixed(3)}; the dashed circle has radius 1.
              </p>
              <echo-save
                label="Save the spectrum"
                .items=${[
                  "Save:",
                  ...drawn((form) => this.#figure(form)),
                  ["CSV", () => this.#values(shown)],
                ]}
              ></echo-save>`
          : html`<p class="empty">
              All eigenvalues of ${size.toLocaleString("en")} units take too long to compute here;
              the largest has the modulus ${radius.toFixed(3)}. Take fewer units to see them.
            </p>`
      }
    `;
  }

  #go(): TemplateResult {
    const { learning } = this;
    return html`<div class="go">
      ${
        learning
          ? html`<button @click=${() => (this.#stopped = true)}>${icon("stop")} Stop</button>
              <progress
                aria-label="Learning"
                .value=${learning.done}
                .max=${learning.total}
              ></progress>
              <span class="fine muted number" role="status"
                >${learning.done.toLocaleString("en")} of ${learning.total.toLocaleString("en")}
                steps</span
              >`
          : html`<button
                class="primary"
                ?disabled=${this.plan.task === "own" && !this.table}
                @click=${() => void this.#learn()}
              >
                ${icon("play")} Train it
              </button>
              ${
                this.problem
                  ? html`<span class="fine warning" role="alert"
                      >${icon("warning")} ${this.problem}</span
                    >`
                  : nothing
              }`
      }
    </div>`;
  }

  /** The result before, if it is of the same series. */
  #comparable(): Result | null {
    const { earlier, result } = this;
    if (!earlier || !result) return null;
    const same = (["task", "steps", "seed", "columns"] as const).every(
      (name) => String(earlier.plan[name]) === String(result.plan[name]),
    );
    return same && earlier.found.truth.length === result.found.truth.length ? earlier : null;
  }

  #set(settings: Settings): void {
    this.settings = settings;
    void this.#build();
  }

  /** One build at a time; the last settings are built in any case. */
  async #build(): Promise<void> {
    if (this.#building || this.learning) return;
    this.#building = true;
    let asked: Settings | null = null;
    try {
      while (asked !== this.settings) {
        asked = this.settings;
        this.built = await this.ask<Built>("build", { settings: asked });
        this.buildProblem = "";
      }
    } catch (error) {
      this.buildProblem = (error as Error).message;
    } finally {
      this.#building = false;
    }
    if (asked !== this.settings) void this.#build();
  }

  async #read(text: string): Promise<void> {
    try {
      this.table = await this.ask<Read>("read", { text });
      this.tableProblem = "";
      this.plan = { ...this.plan, columns: [this.table.names.length - 1] };
    } catch (error) {
      this.tableProblem = (error as Error).message;
    }
  }

  async #learn(): Promise<void> {
    const { plan, settings } = this;
    this.#stopped = false;
    this.learning = { done: 0, total: 1 };
    await this.attempt(async () => {
      await this.ask("build", { settings });
      const taken = await this.ask<Taken>("take", plan);
      const { total } = await this.ask<{ total: number }>("start");
      let done = 0;
      this.learning = { done, total };
      while (done < total) {
        if (this.#stopped) {
          await this.ask("stop");
          return;
        }
        ({ done } = await this.ask<{ done: number }>("advance", { seconds: SLICE_S }));
        this.learning = { done, total };
      }
      const found = await this.ask<Found>("finish");
      const activity = await this.ask<Activity>("activity");
      this.earlier = this.result;
      this.result = { settings, plan, taken, found };
      this.activity = activity;
    });
    this.learning = null;
    if (settings !== this.settings) void this.#build();
  }

  #figure(form: "svg" | "png"): Promise<void> {
    return keepFigure(this.spectrum.drawing, form, {
      name: "reservoir-spectrum",
      title: this.effective ? "Spectrum of a leaky reservoir's step" : "Spectrum of a reservoir",
      description: `${named(this.settings)}, ${this.settings.recurrent} weights of density ${this.settings.density}, seed ${this.settings.seed}; largest modulus ${threeDigits(this.built!.radius)}.`,
    });
  }

  #values(values: Float32Array): void {
    const rows = Array.from({ length: values.length / 2 }, (_, i) => [
      values[2 * i]!,
      values[2 * i + 1]!,
    ]);
    keep("reservoir-spectrum.csv", csv([["real part", "imaginary part"], ...rows]), "text/csv");
  }
}
