import { css, html, LitElement, svg, type PropertyValues, type TemplateResult } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";

import { csv, keep } from "../file.js";
import { threeDigits } from "../ui/format.js";
import { icon } from "../ui/icons.js";
import { look } from "../ui/look.js";
import { GRADIENT_STOPS } from "../viz/colours.js";
import type { Cell, Heatmap } from "../viz/heatmap.js";
import "../viz/heatmap.js";
import { keepFigure } from "./figure.js";
import { drawn } from "./save.js";
import "./save.js";
import { bench } from "./section.js";
import type { Trajectory } from "../viz/trajectory.js";
import "../viz/trajectory.js";
import type { Activity } from "./workbench.js";

/** Rows of the map; more could not be told apart. */
const MOST_ROWS = 200;
/** The map as a file: its place in the drawing, in pixels. */
const MAP = { left: 52, top: 22, width: 800, height: 400 };
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
  /** What is drawn for a file while that is made. */
  @state() private poster: TemplateResult | "" = "";
  @query("echo-trajectory") private trajectory!: Trajectory;
  @query("echo-heatmap") private map!: Heatmap;
  @query(".poster") private sheet!: SVGSVGElement;

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
      .poster {
        position: absolute;
        left: -100vw;
        width: 1px;
        height: 1px;
      }
      .poster text {
        font-size: 12px;
        fill: var(--muted);
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
      <echo-save
        label="Save the map"
        .items=${["Save the map:", ...drawn((form) => this.#keepMap(form))]}
      ></echo-save>
      <echo-save
        label="Save the trajectory"
        .items=${[
          "Save the trajectory:",
          ...drawn((form) => this.#keepTrajectory(form)),
          "all states:",
          ["CSV", () => this.#table()],
        ]}
      ></echo-save>
      ${this.poster}
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

  #keepTrajectory(form: "svg" | "png"): Promise<void> {
    return keepFigure(this.trajectory.drawing, form, {
      name: "reservoir-trajectory",
      title: "A reservoir's way through its first two principal components",
      description: this.about,
    });
  }

  async #keepMap(form: "svg" | "png"): Promise<void> {
    this.poster = this.#drawn();
    await this.updateComplete;
    try {
      await keepFigure(this.sheet, form, {
        name: "reservoir-activity",
        title: "The activity of a reservoir's units",
        description: this.about,
      });
    } finally {
      this.poster = "";
    }
  }

  /** The map with its axes and the scale of its colours. */
  #drawn(): TemplateResult {
    const { url, limit } = this.map.picture();
    const { left, top, width, height } = MAP;
    const [steps, rows] = [this.#steps, this.#rows];
    const below = top + height;
    const ends: [number, string][] = [
      [left, `−${threeDigits(limit)}`],
      [left + width, threeDigits(limit)],
    ];
    return html`<svg
      class="poster"
      viewBox=${`0 0 ${left + width + 30} ${below + 84}`}
      aria-hidden="true"
    >
      ${svg`
        <defs><linearGradient id="scale">${GRADIENT_STOPS.map(
          ([at, colour]) => svg`<stop offset=${at} stop-color=${colour} />`,
        )}</linearGradient></defs>
        <image href=${url} x=${left} y=${top} width=${width} height=${height}
          preserveAspectRatio="none" image-rendering="pixelated" />
        <text x="0" y="12">unit</text>
        <text x=${left - 8} y=${top + 10} text-anchor="end">1</text>
        <text x=${left - 8} y=${below} text-anchor="end">${rows}</text>
        <text x=${left} y=${below + 18} text-anchor="middle">${this.first + 1}</text>
        <text x=${left + width} y=${below + 18} text-anchor="middle">${this.first + steps}</text>
        <text x=${left + width / 2} y=${below + 18} text-anchor="middle">step of the series</text>
        <rect x=${left} y=${below + 38} width=${width} height="10" fill="url(#scale)" />
        ${ends.map(([x, text]) => svg`<text x=${x} y=${below + 64} text-anchor="middle">${text}</text>`)}
        <text x=${left + width / 2} y=${below + 64} text-anchor="middle">activity of a unit</text>`}
    </svg>`;
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
