import { css, html, LitElement, type PropertyValues, type TemplateResult } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";

import { threeDigits } from "../ui/format.js";
import { icon } from "../ui/icons.js";
import { look } from "../ui/look.js";
import type { Cell } from "../viz/heatmap.js";
import "../viz/heatmap.js";
import { keepFigure } from "./figure.js";
import { csv, keep } from "./file.js";
import { bench } from "./section.js";
import type { Trajectory } from "./trajectory.js";
import "./trajectory.js";
import type { Activity } from "./workbench.js";

/** Rows of the map; more could not be told apart. */
const MOST_ROWS = 200;
const STEPS_PER_SECOND = 30;

/** How the units moved: all of them as colours, and the whole state as a point in a plane. */
@customElement("echo-activity")
export class ActivityView extends LitElement {
  @property({ attribute: false }) activity!: Activity;
  /** The step of the series that the states begin with. */
  @property({ type: Number }) first = 0;
  /** What moved, in a few words. */
  @property() about = "";
  @property({ attribute: false }) still = false;
  @state() private at = 0;
  @state() private playing = false;
  @state() private problem = "";
  @query("echo-trajectory") private trajectory!: Trajectory;

  #timer: ReturnType<typeof setTimeout> | undefined;
  #map = new Float32Array(0);

  static override styles = [
    look,
    bench,
    css`
      .both {
        display: grid;
        grid-template-columns: minmax(0, 1.5fr) minmax(0, 1fr);
        gap: 1rem 2rem;
        align-items: start;
      }
      .axes {
        display: flex;
        justify-content: space-between;
        margin-bottom: 0.3rem;
      }
      .player {
        display: flex;
        align-items: center;
        gap: 0.6rem;
        margin-top: 0.9rem;
      }
      .player input {
        flex: 1;
        min-width: 0;
        accent-color: var(--accent);
      }
      .player .number {
        min-width: 6rem;
        text-align: end;
      }
      .save {
        margin-top: 0.75rem;
      }
      @media (max-width: 48rem) {
        .both {
          grid-template-columns: minmax(0, 1fr);
        }
      }
    `,
  ];

  get #steps(): number {
    return this.activity.path.length / 2;
  }

  get #units(): number {
    return this.activity.states.length / this.#steps;
  }

  get #rows(): number {
    return Math.min(MOST_ROWS, this.#units);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#pause();
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (!changed.has("activity")) return;
    const { states } = this.activity;
    const [steps, units, rows] = [this.#steps, this.#units, this.#rows];
    this.#map = new Float32Array(rows * steps);
    for (let row = 0; row < rows; row++) {
      for (let step = 0; step < steps; step++) {
        this.#map[row * steps + step] = states[step * units + row]!;
      }
    }
    this.#pause();
    this.at = steps - 1;
  }

  protected override render(): TemplateResult {
    const [steps, units, rows] = [this.#steps, this.#units, this.#rows];
    const { at, playing } = this;
    return html`
      <h3>What the units did</h3>
      <div class="both">
        <div>
          <p class="axes fine muted">
            <span
              >unit ↓ ${rows < units ? `the first ${rows} of ${units}` : `${units} in all`}</span
            >
            <span>step of the series →</span>
          </p>
          <echo-heatmap
            .values=${this.#map}
            .rows=${rows}
            .columns=${steps}
            .signed=${true}
            .marked=${at}
            .describe=${({ row, column, value }: Cell) =>
              `unit ${row + 1}, step ${this.first + column + 1}: ${threeDigits(value)}`}
            label=${`The activity of ${rows} units over the last ${steps} steps of the learning.`}
          ></echo-heatmap>
        </div>
        <echo-trajectory
          .path=${this.activity.path}
          .shares=${this.activity.shares}
          .at=${at}
        ></echo-trajectory>
      </div>
      <div class="player" role="group" aria-label="Replay">
        <button
          aria-label=${playing ? "Pause" : "Play"}
          @click=${() => (playing ? this.#pause() : this.#play())}
        >
          ${icon(playing ? "pause" : "play")}
        </button>
        <button aria-label="One step back" ?disabled=${at === 0} @click=${() => this.#show(at - 1)}>
          ${icon("left")}
        </button>
        <button
          aria-label="One step on"
          ?disabled=${at === steps - 1}
          @click=${() => this.#show(at + 1)}
        >
          ${icon("right")}
        </button>
        <input
          type="range"
          aria-label="Step"
          aria-valuetext=${`step ${this.first + at + 1}`}
          min="0"
          max=${steps - 1}
          .value=${String(at)}
          @input=${(event: Event) => this.#show((event.target as HTMLInputElement).valueAsNumber)}
        />
        <span class="fine muted number">step ${(this.first + at + 1).toLocaleString("en")}</span>
      </div>
      <div class="save" role="group" aria-label="Save the activity">
        <span class="fine muted">Save the trajectory:</span>
        <button class="small" @click=${() => void this.#figure("svg")}>SVG</button>
        <button class="small" @click=${() => void this.#figure("png")}>PNG</button>
        <span class="fine muted">all states:</span>
        <button class="small" @click=${this.#table}>CSV</button>
        ${this.problem ? html`<span class="fine warning" role="alert">${this.problem}</span>` : ""}
      </div>
    `;
  }

  #show(at: number): void {
    this.#pause();
    this.at = at;
  }

  #play(): void {
    if (this.at === this.#steps - 1) this.at = 0;
    this.playing = true;
    // Who wants no motion still may look at single steps, slowly.
    const pace = this.still ? 1000 : 1000 / STEPS_PER_SECOND;
    const next = () => {
      this.at++;
      if (this.at >= this.#steps - 1) this.#pause();
      else this.#timer = setTimeout(next, pace);
    };
    this.#timer = setTimeout(next, pace);
  }

  #pause(): void {
    clearTimeout(this.#timer);
    this.playing = false;
  }

  async #figure(form: "svg" | "png"): Promise<void> {
    try {
      await keepFigure(this.trajectory.drawing, form, {
        name: "reservoir-trajectory",
        title: "A reservoir's way through its first two principal components",
        description: this.about,
      });
      this.problem = "";
    } catch (error) {
      this.problem = (error as Error).message;
    }
  }

  #table(): void {
    const [steps, units] = [this.#steps, this.#units];
    const names = ["step", ...Array.from({ length: units }, (_, unit) => `unit ${unit + 1}`)];
    const rows = Array.from({ length: steps }, (_, step) => [
      this.first + step + 1,
      ...this.activity.states.subarray(step * units, (step + 1) * units),
    ]);
    keep("reservoir-states.csv", csv([names, ...rows]), "text/csv");
  }
}
