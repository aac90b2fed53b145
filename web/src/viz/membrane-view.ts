import { css, html, LitElement, nothing, svg, type PropertyValues, type TemplateResult } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";

import { look } from "../ui/look.js";
import { HUES } from "./colours.js";
import { membraneName, type Frame } from "./frame.js";
import {
  CHIP_HEIGHT,
  layout,
  type Box,
  type Chip,
  type Drawing,
  type Measure,
} from "./membrane-layout.js";
import { multiset, objectName } from "./names.js";

/** Motion that is over before anybody waits for it. */
const FLIGHT_MS = 150;
/** More at a time would be a swarm and no longer be seen. */
const MOST_FLIGHTS = 40;
/** Drawings are enlarged and made smaller only so far; then the view scrolls. */
const LARGEST = 1.4;
const SMALLEST = 0.5;
const FONT = "13px system-ui, sans-serif";

const measure: Measure = (() => {
  const known = new Map<string, number>();
  const context = document.createElement("canvas").getContext("2d")!;
  context.font = FONT;
  return (text) => {
    const found = known.get(text) ?? context.measureText(text).width;
    known.set(text, found);
    return found;
  };
})();

/** The membranes of a frame as nested boxes with their objects in them. */
@customElement("echo-membrane-view")
export class MembraneView extends LitElement {
  @property({ attribute: false }) frame!: Frame;
  /** Membranes that a reader points at. */
  @property({ attribute: false }) marked: ReadonlySet<number> = new Set();
  /** Objects fly from where they were; only for a step forward. */
  @property({ attribute: false }) moves = false;
  @state() private size = { width: 640, height: 400 };
  /** The drawing, for a file. */
  @query("svg") drawing!: SVGSVGElement;
  @query(".stage") private stage!: HTMLElement;
  @query(".flights") private sky!: HTMLElement;

  #hues = new Map<string, string>();
  #drawn: Drawing = { width: 1, height: 1, boxes: [] };
  #places = new Map<number, { x: number; y: number }>();
  #sizes = new ResizeObserver(([entry]) => {
    const { width, height } = entry!.contentRect;
    if (Math.abs(width - this.size.width) > 1 || Math.abs(height - this.size.height) > 1) {
      this.size = { width, height };
    }
  });

  static override styles = [
    look,
    css`
      :host {
        display: block;
        position: relative;
      }
      .stage {
        display: grid;
        place-items: safe center;
        height: var(--stage, clamp(19rem, 44vh, 36rem));
        overflow: auto;
        border: 1px dashed var(--line-strong);
        border-radius: 0.75rem;
      }
      svg {
        display: block;
      }
      text {
        font:
          13px system-ui,
          sans-serif;
        fill: var(--ink);
        font-variant-numeric: tabular-nums;
      }
      .box {
        fill: var(--accent);
        fill-opacity: 0.055;
        stroke: var(--accent);
        stroke-opacity: 0.55;
        stroke-width: 1.5;
      }
      .skin {
        stroke-opacity: 0.9;
        stroke-width: 2.5;
      }
      .world {
        fill: none;
        stroke: none;
      }
      .busy {
        stroke-opacity: 1;
        stroke-width: 2.5;
      }
      .marked {
        fill-opacity: 0.22;
        stroke-width: 3.5;
        stroke-opacity: 1;
      }
      .label {
        font-size: 12px;
        font-weight: 600;
        fill: var(--accent);
      }
      .world-label {
        font-size: 12px;
        fill: var(--muted);
      }
      .charge {
        fill: var(--surface);
        stroke: var(--accent);
        stroke-width: 1.5;
      }
      .sign {
        font-size: 13px;
        font-weight: 700;
        fill: var(--accent);
      }
      .chip {
        fill-opacity: 0.16;
        stroke-opacity: 0.75;
        stroke-width: 1;
      }
      .index {
        font-size: 10px;
      }
      .times {
        font-weight: 600;
      }
      .flights {
        position: absolute;
        inset: 0;
        overflow: hidden;
        pointer-events: none;
      }
      .flight {
        position: absolute;
        top: 0;
        left: 0;
        padding: 0 0.45rem;
        border-radius: 999px;
        border: 1.5px solid currentColor;
        background: var(--surface);
        font-size: 0.75rem;
        font-weight: 600;
        white-space: nowrap;
      }
    `,
  ];

  protected override firstUpdated(): void {
    this.#sizes.observe(this.stage);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#sizes.disconnect();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.hasUpdated) this.#sizes.observe(this.stage);
  }

  /** The same hue for all objects of a stem, in the order in which they were first seen. */
  #hue(name: string): string {
    const { stem } = objectName(name);
    const known = this.#hues.get(stem);
    if (known) return known;
    const hue = HUES[this.#hues.size % HUES.length]!;
    this.#hues.set(stem, hue);
    return hue;
  }

  /** Another system: its objects get colours of their own. */
  forget(): void {
    this.#hues.clear();
    this.#places.clear();
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has("frame") || changed.has("size")) {
      const { width, height } = this.size;
      const least = { width: width / LARGEST, height: height / LARGEST };
      this.#drawn = layout(this.frame, measure, width / Math.max(1, height), least);
    }
  }

  protected override updated(changed: PropertyValues): void {
    if (!changed.has("frame") && !changed.has("size")) return;
    const before = this.#places;
    this.#places = this.#centres();
    if (changed.has("frame") && this.moves) this.#fly(before);
  }

  /** The middle of each region in the stage's pixels. */
  #centres(): Map<number, { x: number; y: number }> {
    const outer = this.getBoundingClientRect();
    const inner = this.drawing.getBoundingClientRect();
    const scale = inner.width / this.#drawn.width;
    return new Map(
      this.#drawn.boxes.map(({ id, x, y, width, height }) => [
        id,
        {
          x: inner.left - outer.left + (id === 0 ? 60 : x + width / 2) * scale,
          y: inner.top - outer.top + (id === 0 ? 20 : y + height / 2) * scale,
        },
      ]),
    );
  }

  /** Shows objects on their way from one region to another. */
  #fly(before: Map<number, { x: number; y: number }>): void {
    let number = 0;
    for (const [from, to, objects] of this.frame.flows) {
      const start = before.get(from) ?? this.#places.get(from);
      const end = this.#places.get(to) ?? before.get(to);
      if (!start || !end || number++ >= MOST_FLIGHTS) continue;
      const flight = document.createElement("span");
      flight.className = "flight";
      flight.textContent = multiset(objects);
      const hue = this.#hue(Object.keys(objects)[0] ?? "");
      flight.style.color = hue;
      this.sky.append(flight);
      const at = ({ x, y }: { x: number; y: number }) =>
        `translate(${x}px, ${y}px) translate(-50%, -50%)`;
      flight
        .animate([{ transform: at(start) }, { transform: at(end), opacity: 0.85 }], {
          duration: FLIGHT_MS,
          easing: "ease-in-out",
          fill: "forwards",
        })
        .finished.then(
          () => flight.remove(),
          () => flight.remove(),
        );
    }
  }

  protected override render(): TemplateResult {
    const { width, height, boxes } = this.#drawn;
    const fit = Math.min(this.size.width / width, this.size.height / height);
    const scale = Math.max(SMALLEST, Math.min(LARGEST, fit));
    const busy = new Set(this.frame.applied.map(({ membrane }) => membrane));
    return html`
      <div class="stage" tabindex="0" role="group" aria-label="Drawing of the membranes">
        <svg
          viewBox="0 0 ${width} ${height}"
          width=${width * scale}
          height=${height * scale}
          role="img"
          aria-label=${this.#spoken()}
        >
          ${repeat(
            boxes,
            ({ id }) => id,
            (box) => this.#box(box, busy),
          )}
        </svg>
      </div>
      <div class="flights" aria-hidden="true"></div>
    `;
  }

  /** What is drawn, in words; long ones are cut. */
  #spoken(): string {
    const text = this.frame.text;
    return `Step ${this.frame.step}: ${text.length > 400 ? `${text.slice(0, 400)} and so on` : text}`;
  }

  #box(box: Box, busy: ReadonlySet<number>): TemplateResult {
    const { id, x, y, width, height, label, charge, depth, chips } = box;
    const world = id === 0;
    const kind = [
      world ? "world" : "box",
      depth === 1 ? "skin" : "",
      busy.has(id) ? "busy" : "",
      this.marked.has(id) ? "marked" : "",
    ].join(" ");
    const round = Math.min(16, height / 2.4);
    return svg`<g>
      <rect class=${kind} x=${x} y=${y} width=${width} height=${height} rx=${world ? 0 : round} />
      <text class=${world ? "world-label" : "label"} x=${x + 12} y=${y + 16}>${label}</text>
      ${
        charge === "0"
          ? nothing
          : svg`<circle class="charge" cx=${x + width - 4} cy=${y + 5} r="9" />
              <text class="sign" x=${x + width - 4} y=${y + 9.5} text-anchor="middle">${
                charge === "-" ? "−" : "+"
              }</text>`
      }
      ${chips.map((chip) => this.#chip(chip))}
      <title>${world ? "The environment" : this.#title(box)}</title>
    </g>`;
  }

  #title({ id, charge, chips }: Box): string {
    const name = membraneName(id, this.frame);
    const held = Object.fromEntries(chips.map((chip) => [chip.name, chip.count]));
    const sign = charge === "0" ? "" : `, charge ${charge}`;
    return `${name}${sign}: ${multiset(held)}`;
  }

  #chip({ name, count, x, y, width }: Chip): TemplateResult {
    const { stem, index } = objectName(name);
    const hue = this.#hue(name);
    return svg`<rect
        class="chip" x=${x} y=${y} width=${width} height=${CHIP_HEIGHT} rx=${CHIP_HEIGHT / 2}
        fill=${hue} stroke=${hue}
      />
      <text x=${x + width / 2} y=${y + 15.5} text-anchor="middle">${stem}${
        index ? svg`<tspan class="index" dy="3">${index}</tspan>` : nothing
      }${
        count > 1
          ? svg`<tspan class="times" dx="4" dy=${index ? -3 : 0}>×${count.toLocaleString("en")}</tspan>`
          : nothing
      }</text>`;
  }
}
