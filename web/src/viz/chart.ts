import { css, html, LitElement, nothing, svg, type TemplateResult } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";

import { threeDigits } from "../ui/format.js";
import { look } from "../ui/look.js";
import { drawing } from "./drawing.js";
import { axis, type Axis, type Scale } from "./ticks.js";

/** Numbers that belong together in a chart. */
export interface Series {
  name: string;
  x: ArrayLike<number>;
  y: ArrayLike<number>;
  kind: "line" | "points" | "dashed";
  /** Which of the chart's colours; the first is the accent. */
  tone?: 0 | 1 | 2 | 3;
}

/** The chart is as wide as its place, from here on; its type stays as it is. */
const NARROWEST = 300;
const LOWEST = 220;
const LEFT = 62;
const RIGHT = 16;
const TOP = 52;
const BOTTOM = 46;

/** A chart with two axes, each linear or logarithmic, several series and their names. */
@customElement("echo-chart")
export class Chart extends LitElement {
  @property({ attribute: false }) series: readonly Series[] = [];
  @property() xLabel = "";
  @property() yLabel = "";
  @property() xScale: Scale = "linear";
  @property() yScale: Scale = "linear";
  /** What it shows, in one sentence, for those who do not see it. */
  @property() summary = "";
  /** The widest that it gets, in pixels. */
  @property({ type: Number }) widest = 760;
  /** Its height over its width. */
  @property({ type: Number }) flatness = 0.6;
  /** The drawing, for a file. */
  @query("svg") drawing!: SVGSVGElement;
  @state() private width = 560;

  #sizes = new ResizeObserver(([entry]) => {
    this.width = Math.round(Math.max(NARROWEST, Math.min(this.widest, entry!.contentRect.width)));
  });

  get #height(): number {
    return Math.round(Math.max(LOWEST, this.width * this.flatness));
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#sizes.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#sizes.disconnect();
  }

  static override styles = [
    look,
    drawing,
    css`
      svg {
        overflow: visible;
      }
      .name {
        fill: var(--ink);
      }
      path {
        fill: none;
        stroke-width: 2;
        stroke-linejoin: round;
      }
      .dashed {
        stroke-width: 1.5;
        stroke-dasharray: 5 4;
      }
      .tone0 {
        stroke: var(--accent);
      }
      .tone1 {
        stroke: var(--warning);
      }
      .tone2 {
        stroke: var(--muted);
      }
      .tone3 {
        stroke: var(--ink);
      }
      circle {
        stroke-width: 1.5;
        fill: var(--surface);
      }
    `,
  ];

  protected override render(): TemplateResult {
    const { width } = this;
    const height = this.#height;
    const x = axis(values(this.series, "x"), this.xScale, Math.max(3, Math.round(width / 110)));
    const y = axis(values(this.series, "y"), this.yScale, Math.max(3, Math.round(height / 60)));
    const px = (value: number) => LEFT + x.at(value) * (width - LEFT - RIGHT);
    const py = (value: number) => height - BOTTOM - y.at(value) * (height - TOP - BOTTOM);
    return html`<svg
      viewBox="0 0 ${width} ${height}"
      role="img"
      aria-label=${this.summary || `${this.yLabel} over ${this.xLabel}`}
    >
      ${this.#grid(x, y, px, py)} ${this.series.map((series) => this.#draw(series, px, py))}
      ${this.#legend()}
    </svg>`;
  }

  #grid(x: Axis, y: Axis, px: (v: number) => number, py: (v: number) => number): TemplateResult {
    const right = this.width - RIGHT;
    const bottom = this.#height - BOTTOM;
    return svg`
      ${y.ticks.map(
        ({ value, label }) => svg`
          <line class="grid" x1=${LEFT} x2=${right} y1=${py(value)} y2=${py(value)} />
          <text x=${LEFT - 8} y=${py(value) + 4} text-anchor="end">${label}</text>`,
      )}
      ${x.ticks.map(
        ({ value, label }) => svg`
          <line class="grid" x1=${px(value)} x2=${px(value)} y1=${TOP} y2=${bottom} />
          <text x=${px(value)} y=${bottom + 18} text-anchor="middle">${label}</text>`,
      )}
      <line class="axis" x1=${LEFT} x2=${right} y1=${bottom} y2=${bottom} />
      <line class="axis" x1=${LEFT} x2=${LEFT} y1=${TOP} y2=${bottom} />
      <text x=${(LEFT + right) / 2} y=${this.#height - 6} text-anchor="middle">${this.xLabel}</text>
      <text x="0" y="12">${this.yLabel}</text>`;
  }

  #draw(
    { x, y, kind, tone = 0, name }: Series,
    px: (v: number) => number,
    py: (v: number) => number,
  ): TemplateResult | typeof nothing {
    const points: [number, number][] = [];
    for (let i = 0; i < Math.min(x.length, y.length); i++) {
      const at: [number, number] = [px(x[i]!), py(y[i]!)];
      if (at.every(Number.isFinite)) points.push(at);
    }
    if (kind === "points") {
      return svg`${points.map(
        ([cx, cy], i) =>
          svg`<circle class="tone${tone}" cx=${cx.toFixed(1)} cy=${cy.toFixed(1)} r="4"><title>${name}: ${threeDigits(x[i]!)}, ${threeDigits(y[i]!)}</title></circle>`,
      )}`;
    }
    if (points.length < 2) return nothing;
    const way = points.map(([a, b]) => `${a.toFixed(1)} ${b.toFixed(1)}`).join("L");
    return svg`<path class="${kind} tone${tone}" d="M${way}" />`;
  }

  #legend(): TemplateResult {
    let right = this.width - RIGHT;
    return svg`${[...this.series].reverse().map(({ name, kind, tone = 0 }) => {
      right -= 7 * name.length + 34;
      const mark =
        kind === "points"
          ? svg`<circle class="tone${tone}" cx=${right + 10} cy="30" r="4" />`
          : svg`<path class="${kind} tone${tone}" d="M${right} 30h20" />`;
      return svg`${mark}<text class="name" x=${right + 26} y="34">${name}</text>`;
    })}`;
  }
}

function* values(series: readonly Series[], axis: "x" | "y"): Generator<number> {
  for (const one of series) yield* Array.from(one[axis]);
}
