import { css, html, LitElement, svg, type TemplateResult } from "lit";
import { customElement, property, query } from "lit/decorators.js";

import { percent } from "../ui/format.js";
import { look } from "../ui/look.js";
import { drawing } from "./drawing.js";
import { axis } from "./ticks.js";

const SIDE = 360;
const LEFT = 46;
const BOTTOM = 40;
const TOP = 22;
const RIGHT = 12;
/** Steps behind the point that stand out. */
const TAIL = 40;

/** A way through the plane of two principal components, with a point that moves along it. */
@customElement("echo-trajectory")
export class Trajectory extends LitElement {
  /** (steps, 2). */
  @property({ attribute: false }) path: Float32Array = new Float32Array(0);
  /** Which step the point is at. */
  @property({ type: Number }) at = 0;
  @property({ attribute: false }) shares: readonly [number, number] = [0, 0];
  @query("svg") drawing!: SVGSVGElement;

  static override styles = [
    look,
    drawing,
    css`
      svg {
        max-width: 26rem;
        margin-inline: auto;
      }
      path {
        fill: none;
        stroke-linejoin: round;
        stroke: var(--line-strong);
        stroke-width: 1;
      }
      .tail {
        stroke: var(--accent);
        stroke-width: 2;
      }
      circle {
        fill: var(--accent);
        stroke: var(--surface);
        stroke-width: 2;
      }
    `,
  ];

  protected override render(): TemplateResult {
    const { path, at, shares } = this;
    const steps = path.length / 2;
    const x = axis(every(path, 0), "linear", 5);
    const y = axis(every(path, 1), "linear", 5);
    const px = (value: number) => LEFT + x.at(value) * (SIDE - LEFT - RIGHT);
    const py = (value: number) => SIDE - BOTTOM - y.at(value) * (SIDE - TOP - BOTTOM);
    const way = (from: number, to: number) => {
      const points: string[] = [];
      for (let i = from; i <= to; i++) {
        points.push(`${px(path[2 * i]!).toFixed(1)} ${py(path[2 * i + 1]!).toFixed(1)}`);
      }
      return points.length > 1 ? `M${points.join("L")}` : "";
    };
    const bottom = SIDE - BOTTOM;
    return html`<svg
      viewBox="0 0 ${SIDE} ${SIDE}"
      role="img"
      aria-label=${`The state's way through the plane of its first two principal components, which have ${percent(shares[0] + shares[1])} of the variance.`}
    >
      ${x.ticks.map(
        ({ value, label }) => svg`
          <line class="grid" x1=${px(value)} x2=${px(value)} y1=${TOP} y2=${bottom} />
          <text x=${px(value)} y=${bottom + 16} text-anchor="middle">${label}</text>`,
      )}
      ${y.ticks.map(
        ({ value, label }) => svg`
          <line class="grid" x1=${LEFT} x2=${SIDE - RIGHT} y1=${py(value)} y2=${py(value)} />
          <text x=${LEFT - 6} y=${py(value) + 4} text-anchor="end">${label}</text>`,
      )}
      ${svg`
        <path d=${way(0, steps - 1)} />
        <path class="tail" d=${way(Math.max(0, at - TAIL), at)} />
        ${
          steps
            ? svg`<circle cx=${px(path[2 * at]!).toFixed(1)} cy=${py(path[2 * at + 1]!).toFixed(1)} r="6" />`
            : ""
        }
        <text x=${(LEFT + SIDE - RIGHT) / 2} y=${SIDE - 4} text-anchor="middle">component 1 (${percent(shares[0])} of the variance)</text>
        <text x="0" y="12">component 2 (${percent(shares[1])})</text>`}
    </svg>`;
  }
}

function* every(path: Float32Array, offset: number): Generator<number> {
  for (let i = offset; i < path.length; i += 2) yield path[i]!;
}
