import { css, html, LitElement, type PropertyValues, type TemplateResult } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";

import { threeDigits } from "../ui/format.js";
import { look } from "../ui/look.js";
import { colour, GRADIENT_STOPS } from "./colours.js";

/** Where a reader points in a map of tiles. */
export interface Cell {
  tileRow: number;
  tileColumn: number;
  row: number;
  column: number;
  value: number;
}

/**
 * A grid of square tiles of numbers as colours, with a colour bar and a reading of the number
 * under the pointer. With `choosable`, a click or the arrow keys choose a tile: `choose`.
 */
@customElement("echo-heatmap")
export class Heatmap extends LitElement {
  /** `(tileRows, tileColumns, rows, columns)` numbers. */
  @property({ attribute: false }) values = new Float32Array(0);
  @property({ type: Number }) tileRows = 1;
  @property({ type: Number }) tileColumns = 1;
  @property({ type: Number }) rows = 1;
  @property({ type: Number }) columns = 1;
  /** Colours are centred on zero, for numbers with a sign. */
  @property({ type: Boolean }) signed = false;
  @property({ type: Boolean }) choosable = false;
  @property({ attribute: false }) chosen: [number, number] | null = null;
  /** A column of the first tile that a line marks. */
  @property({ attribute: false }) marked: number | null = null;
  @property() label = "";
  @property({ attribute: false }) describe: (cell: Cell) => string = ({ value }) =>
    threeDigits(value);
  @state() private pointed: string | null = null;
  @query("canvas") private canvas!: HTMLCanvasElement;

  #limit = 0;
  #fitted = "";

  /** The map as a PNG file's data URL, and the size that the ends of its scale stand for. */
  picture(): { url: string; limit: number } {
    return { url: this.canvas.toDataURL("image/png"), limit: this.#limit };
  }

  static override styles = [
    look,
    css`
      :host {
        display: block;
      }
      .map {
        position: relative;
        line-height: 0;
      }
      canvas {
        display: block;
        width: 100%;
        border-radius: 0.25rem;
        background: var(--line-strong);
        image-rendering: pixelated;
      }
      .choosable canvas {
        cursor: pointer;
      }
      .frame {
        position: absolute;
        border: 2px solid var(--surface);
        outline: 2px solid var(--accent);
        border-radius: 2px;
        pointer-events: none;
      }
      .mark {
        position: absolute;
        top: 0;
        bottom: 0;
        width: 2px;
        margin-left: -1px;
        background: var(--surface);
        outline: 1px solid var(--accent);
        pointer-events: none;
      }
      .scale {
        display: grid;
        grid-template-columns: auto 1fr auto;
        align-items: center;
        gap: 0.5rem;
        margin-top: 0.4rem;
      }
      .bar {
        height: 0.5rem;
        border-radius: 0.25rem;
      }
      output {
        display: block;
        min-height: 1.45em;
      }
    `,
  ];

  /** A gap of one number between tiles. */
  get #gap(): number {
    return this.tileRows * this.tileColumns > 1 ? 1 : 0;
  }

  protected override willUpdate(): void {
    const largest = ceiling(this.values);
    const shape = `${this.tileRows} ${this.tileColumns} ${this.rows} ${this.columns} ${this.signed}`;
    // The scale falls slowly, so that one strong token does not make the map flicker.
    this.#limit = shape === this.#fitted ? Math.max(largest, this.#limit * 0.97) : largest;
    this.#fitted = shape;
  }

  protected override updated(_changed: PropertyValues): void {
    const { canvas, tileRows, tileColumns, rows, columns } = this;
    const gap = this.#gap;
    const width = tileColumns * (columns + gap) - gap;
    const height = tileRows * (rows + gap) - gap;
    if (width <= 0 || height <= 0) return;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const image = new ImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const high = this.#limit || 1;
    const low = this.signed ? -high : 0;
    let at = 0;
    for (let tr = 0; tr < tileRows; tr++) {
      for (let tc = 0; tc < tileColumns; tc++) {
        for (let r = 0; r < rows; r++) {
          let pixel = (tr * (rows + gap) + r) * width + tc * (columns + gap);
          for (let c = 0; c < columns; c++) {
            pixels[pixel++] = colour(this.values[at++] ?? 0, low, high);
          }
        }
      }
    }
    canvas.getContext("2d")!.putImageData(image, 0, 0);
  }

  protected override render(): TemplateResult {
    const low = this.signed ? -this.#limit : 0;
    return html`
      <div class=${this.choosable ? "map choosable" : "map"}>
        <canvas
          role=${this.choosable ? "application" : "img"}
          aria-label=${this.label}
          tabindex=${this.choosable ? 0 : -1}
          @pointermove=${this.#point}
          @pointerleave=${() => (this.pointed = null)}
          @click=${this.#click}
          @keydown=${this.#key}
        ></canvas>
        ${this.chosen ? html`<div class="frame" .style=${this.#frame(this.chosen)}></div>` : ""}
        ${
          this.marked === null
            ? ""
            : html`<div
                class="mark"
                .style=${`left: ${(100 * (this.marked + 0.5)) / this.columns}%`}
              ></div>`
        }
      </div>
      <div class="scale fine muted number">
        <span>${low < 0 ? `≤ −${threeDigits(-low)}` : "0"}</span>
        <div class="bar" .style=${`background: ${GRADIENT}`}></div>
        <span>≥ ${threeDigits(this.#limit)}</span>
      </div>
      <output class="fine muted number">${this.pointed ?? ""}</output>
    `;
  }

  #frame([row, column]: [number, number]): string {
    const gap = this.#gap;
    const width = this.tileColumns * (this.columns + gap) - gap;
    const height = this.tileRows * (this.rows + gap) - gap;
    const percent = (value: number, of: number) => `${(100 * value) / of}%`;
    return (
      `left: ${percent(column * (this.columns + gap), width)};` +
      `top: ${percent(row * (this.rows + gap), height)};` +
      `width: ${percent(this.columns, width)}; height: ${percent(this.rows, height)};`
    );
  }

  #cell(event: MouseEvent): Cell | null {
    const box = this.canvas.getBoundingClientRect();
    const gap = this.#gap;
    const x = Math.floor(((event.clientX - box.left) / box.width) * this.canvas.width);
    const y = Math.floor(((event.clientY - box.top) / box.height) * this.canvas.height);
    const tileColumn = Math.floor(x / (this.columns + gap));
    const tileRow = Math.floor(y / (this.rows + gap));
    const column = x - tileColumn * (this.columns + gap);
    const row = y - tileRow * (this.rows + gap);
    if (row < 0 || column < 0 || row >= this.rows || column >= this.columns) return null;
    const tile = tileRow * this.tileColumns + tileColumn;
    const value = this.values[(tile * this.rows + row) * this.columns + column];
    return value === undefined ? null : { tileRow, tileColumn, row, column, value };
  }

  #point(event: PointerEvent): void {
    const cell = this.#cell(event);
    this.pointed = cell && this.describe(cell);
  }

  #click(event: MouseEvent): void {
    const cell = this.#cell(event);
    if (cell && this.choosable) this.#choose(cell.tileRow, cell.tileColumn);
  }

  #key(event: KeyboardEvent): void {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[
      event.key
    ];
    if (!step || !this.choosable || !this.chosen) return;
    event.preventDefault();
    this.#choose(this.chosen[0] + step[0]!, this.chosen[1] + step[1]!);
  }

  #choose(row: number, column: number): void {
    if (row < 0 || column < 0 || row >= this.tileRows || column >= this.tileColumns) return;
    this.dispatchEvent(new CustomEvent("choose", { detail: [row, column] }));
  }
}

/** The size that one number in two hundred exceeds, so that a few large ones hide nothing. */
function ceiling(values: Float32Array): number {
  const step = Math.max(1, Math.floor(values.length / 4096));
  const sizes: number[] = [];
  for (let i = 0; i < values.length; i += step) sizes.push(Math.abs(values[i]!));
  sizes.sort((a, b) => a - b);
  return sizes[Math.floor((sizes.length - 1) * 0.995)] || sizes.at(-1) || 0;
}

const GRADIENT = `linear-gradient(90deg, ${GRADIENT_STOPS.map(([, colour]) => colour).join(", ")})`;
