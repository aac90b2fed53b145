import { css, html, LitElement, svg, type TemplateResult } from "lit";
import { customElement, property, query } from "lit/decorators.js";

import { look } from "../ui/look.js";
import { drawing } from "./drawing.js";

const SIDE = 320;
const MARGIN = 34;

/** Eigenvalues in the complex plane, with the unit circle. */
@customElement("echo-spectrum")
export class Spectrum extends LitElement {
  /** (n, 2): real and imaginary parts. */
  @property({ attribute: false }) values: Float32Array = new Float32Array(0);
  @property() summary = "";
  @query("svg") drawing!: SVGSVGElement;

  static override styles = [
    look,
    drawing,
    css`
      svg {
        max-width: 22rem;
        margin-inline: auto;
      }
      .unit {
        fill: none;
        stroke: var(--muted);
        stroke-dasharray: 5 4;
      }
      .inside {
        fill: var(--accent);
        fill-opacity: 0.65;
      }
      .outside {
        fill: var(--warning);
      }
    `,
  ];

  protected override render(): TemplateResult {
    const { values } = this;
    let largest = 1;
    for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]!));
    // The same picture for all radii up to 1, so that one sees them grow.
    const bound = largest <= 1 ? 1.15 : largest * 1.15;
    const half = (SIDE - 2 * MARGIN) / 2;
    const at = (value: number) => SIDE / 2 + (value / bound) * half;
    const step = bound <= 1.5 ? 0.5 : 2 ** Math.floor(Math.log2(bound));
    const ticks: number[] = [];
    for (let tick = -Math.floor(bound / step) * step; tick <= bound; tick += step) ticks.push(tick);
    const points: TemplateResult[] = [];
    for (let i = 0; i + 1 < values.length; i += 2) {
      const [re, im] = [values[i]!, values[i + 1]!];
      const name = Math.hypot(re, im) > 1 + 1e-6 ? "outside" : "inside";
      points.push(
        svg`<circle class=${name} cx=${at(re).toFixed(1)} cy=${at(-im).toFixed(1)} r="2.4" />`,
      );
    }
    const end = SIDE - MARGIN;
    return html`<svg viewBox="0 0 ${SIDE} ${SIDE}" role="img" aria-label=${this.summary}>
      ${ticks.map(
        (tick) => svg`
          <line class="grid" x1=${at(tick)} x2=${at(tick)} y1=${MARGIN} y2=${end} />
          <line class="grid" y1=${at(tick)} y2=${at(tick)} x1=${MARGIN} x2=${end} />
          <text x=${at(tick)} y=${end + 15} text-anchor="middle">${written(tick)}</text>
          <text x=${MARGIN - 6} y=${at(-tick) + 4} text-anchor="end">${written(tick)}</text>`,
      )}
      ${svg`
        <line class="axis" x1=${MARGIN} x2=${end} y1=${at(0)} y2=${at(0)} />
        <line class="axis" y1=${MARGIN} y2=${end} x1=${at(0)} x2=${at(0)} />
        <circle class="unit" cx=${at(0)} cy=${at(0)} r=${at(1) - at(0)} />
        ${points}
        <text x=${SIDE / 2} y=${SIDE - 3} text-anchor="middle">real part</text>
        <text x="2" y="14">imaginary part</text>`}
    </svg>`;
  }
}

function written(value: number): string {
  return String(Math.abs(value) < 1e-9 ? 0 : value).replace("-", "−");
}
