import { css, html, LitElement, svg, type TemplateResult } from "lit";
import { customElement, property } from "lit/decorators.js";

import { threeDigits } from "../ui/format.js";
import { look } from "../ui/look.js";
import { drawing } from "./drawing.js";

const WIDTH = 360;
const HEIGHT = 140;
const LEFT = 44;
const BOTTOM = 32;
const TOP = 20;
const RIGHT = 8;

/** A small plot with axes: a line or bars of `y` over `x`. */
@customElement("echo-plot")
export class Plot extends LitElement {
  @property({ attribute: false }) x: ArrayLike<number> = [];
  @property({ attribute: false }) y: ArrayLike<number> = [];
  @property() kind: "line" | "bars" = "line";
  @property() xLabel = "";
  @property() yLabel = "";

  static override styles = [
    look,
    drawing,
    css`
      svg {
        overflow: visible;
      }
      text {
        font-size: 11px;
      }
      .line {
        fill: none;
        stroke: var(--accent);
        stroke-width: 1.5;
        stroke-linejoin: round;
      }
      .bar {
        fill: var(--accent);
      }
    `,
  ];

  protected override render(): TemplateResult {
    const { x, y, kind } = this;
    const n = Math.min(x.length, y.length);
    let high = 0;
    for (let i = 0; i < n; i++) high = Math.max(high, y[i]!);
    high ||= 1;
    const first = n ? x[0]! : 0;
    const last = n > 1 ? x[n - 1]! : first + 1;
    const px = (value: number) =>
      LEFT + ((value - first) / (last - first || 1)) * (WIDTH - LEFT - RIGHT);
    const py = (value: number) => HEIGHT - BOTTOM - (value / high) * (HEIGHT - BOTTOM - TOP);
    const base = py(0);
    const summary = n
      ? `${this.yLabel} over ${this.xLabel}: from ${threeDigits(y[0]!)} to ${threeDigits(y[n - 1]!)}, at most ${threeDigits(high)}.`
      : `${this.yLabel} over ${this.xLabel}: nothing yet.`;
    return html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label=${summary}>
      ${svg`<text x="0" y="10">${this.yLabel}</text>`}
      ${[0.5, 1].map(
        (share) =>
          svg`<line class="grid" x1=${LEFT} x2=${WIDTH - RIGHT} y1=${py(high * share)} y2=${py(high * share)} />`,
      )}
      ${[0, 0.5, 1].map(
        (share) =>
          svg`<text x=${LEFT - 6} y=${py(high * share) + 4} text-anchor="end">${threeDigits(high * share)}</text>`,
      )}
      ${
        kind === "line"
          ? svg`<polyline class="line" points=${this.#points(n, px, py)} />`
          : this.#bars(n, py, base)
      }
      ${svg`<line class="axis" x1=${LEFT} x2=${WIDTH - RIGHT} y1=${base} y2=${base} />`}
      ${svg`<text x=${LEFT} y=${base + 14}>${n ? first.toLocaleString("en") : ""}</text>`}
      ${svg`<text x=${WIDTH - RIGHT} y=${base + 14} text-anchor="end">${n ? last.toLocaleString("en") : ""}</text>`}
      ${svg`<text x=${(LEFT + WIDTH - RIGHT) / 2} y=${HEIGHT - 4} text-anchor="middle">${this.xLabel}</text>`}
    </svg>`;
  }

  #points(n: number, px: (v: number) => number, py: (v: number) => number): string {
    const points: string[] = [];
    for (let i = 0; i < n; i++) {
      points.push(`${px(this.x[i]!).toFixed(1)},${py(this.y[i]!).toFixed(1)}`);
    }
    return points.join(" ");
  }

  #bars(n: number, py: (v: number) => number, base: number): TemplateResult[] {
    const step = (WIDTH - LEFT - RIGHT) / Math.max(n, 1);
    return Array.from({ length: n }, (_, i) => {
      const top = py(this.y[i]!);
      return svg`<rect class="bar" x=${LEFT + i * step} y=${top} width=${Math.max(step - 1, 0.5)} height=${Math.max(base - top, 0)} />`;
    });
  }
}
