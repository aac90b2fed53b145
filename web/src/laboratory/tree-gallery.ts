import { css, html, LitElement, svg, type TemplateResult } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";

import { icon } from "../ui/icons.js";
import { look } from "../ui/look.js";
import { bench } from "./section.js";
import { drawTree, LARGE, MEDIUM, SMALL, tabled, treeSize } from "./tree-drawing.js";
import { equation } from "./equation.js";
import { signed, type Tree, type Weighed } from "./weights.js";

const POSTER_WIDTH = 900;
/** Up to this order there are so few trees that they can be large. */
const FEW = 5;

/**
 * The trees of one order, each marked by whether its order condition holds, and one of them in
 * full. Fires `choose` with the place of a tree among all.
 */
@customElement("echo-tree-gallery")
export class TreeGallery extends LitElement {
  @property({ attribute: false }) trees: readonly Tree[] = [];
  @property({ attribute: false }) weighed: Weighed | null = null;
  @property({ attribute: false }) order = 4;
  /** A place among all trees. */
  @property({ attribute: false }) chosen = 0;
  @state() private poster = false;
  @query(".poster") private sheet?: SVGSVGElement;
  @query(".trees") private list!: HTMLElement;

  static override styles = [
    look,
    bench,
    css`
      .both {
        display: grid;
        grid-template-columns: minmax(0, 1fr) 21rem;
        gap: 1rem;
        align-items: start;
      }
      .trees {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(6.25rem, 1fr));
        gap: 0.5rem;
        max-height: 30rem;
        overflow-y: auto;
        padding: 3px;
      }
      .trees button {
        position: relative;
        display: grid;
        grid-template-rows: 1fr auto;
        justify-items: center;
        align-items: end;
        min-height: 8.5rem;
        padding: 0.6rem 0.25rem 0.4rem;
        border-color: var(--line);
        border-radius: 0.7rem;
        background: var(--paper);
      }
      .trees button:hover {
        background: var(--hover);
      }
      .trees button[aria-pressed="true"] {
        border-color: var(--accent);
        box-shadow: inset 0 0 0 1px var(--accent);
        background: var(--said);
      }
      .mark {
        position: absolute;
        top: 0.35rem;
        inset-inline-end: 0.4rem;
        font-size: 0.75rem;
        line-height: 1;
        font-weight: 700;
        color: var(--accent);
      }
      .fails .mark {
        color: var(--warning);
      }
      .fails .vertex {
        fill: var(--surface);
      }
      .edge {
        stroke: var(--ink);
        stroke-width: 1.5;
        stroke-linecap: round;
      }
      .vertex {
        fill: var(--ink);
        stroke: var(--ink);
        stroke-width: 1.5;
      }
      .root,
      .fails .root {
        fill: var(--accent);
        stroke: var(--accent);
      }
      .differential {
        font-size: 0.75rem;
        overflow-wrap: anywhere;
        text-align: center;
        line-height: 1.3;
      }
      .trees.few {
        grid-template-columns: repeat(auto-fill, minmax(8.25rem, 1fr));
      }
      .few button {
        min-height: 10.5rem;
      }
      .few .differential {
        font-size: 0.875rem;
      }
      .one svg {
        display: block;
        max-width: 100%;
        height: auto;
        max-height: 15rem;
        margin: 0 auto 0.9rem;
      }
      dl {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 0.3rem 0.9rem;
        margin: 0;
        font-size: 0.9375rem;
      }
      dt {
        color: var(--muted);
      }
      dd {
        margin: 0;
        overflow-wrap: anywhere;
        font-variant-numeric: tabular-nums;
      }
      .verdict {
        margin-top: 0.8rem;
        padding: 0.5rem 0.75rem;
        border-radius: 0.5rem;
        background: var(--said);
        font-size: 0.9375rem;
      }
      .verdict.no {
        background: var(--warning-surface);
        color: var(--warning);
      }
      .verdict svg {
        display: inline;
        margin: 0;
        vertical-align: -0.2em;
      }
      .sheet {
        position: absolute;
        inset-inline-start: -9999px;
      }
      .poster text {
        font:
          12px system-ui,
          sans-serif;
        fill: var(--ink);
      }
      .poster .fine {
        font-size: 10px;
        fill: var(--muted);
      }
      @media (max-width: 60rem) {
        .both {
          grid-template-columns: minmax(0, 1fr);
        }
        .one {
          order: -1;
        }
        .trees {
          max-height: 26rem;
        }
      }
    `,
  ];

  /** Draws all trees of the order as one picture, for as long as the work takes. */
  async withPoster(work: (sheet: SVGSVGElement) => Promise<void>): Promise<void> {
    this.poster = true;
    await this.updateComplete;
    try {
      await work(this.sheet!);
    } finally {
      this.poster = false;
    }
  }

  protected override render(): TemplateResult {
    const tree = this.trees[this.chosen];
    return html`
      <div class="both">
        <div
          class=${this.order <= FEW ? "trees few" : "trees"}
          role="group"
          aria-label=${`Trees of order ${this.order}`}
          @keydown=${this.#key}
        >
          ${this.trees.map((one, i) => (one.order === this.order ? this.#card(one, i) : ""))}
        </div>
        ${tree ? this.#one(tree) : ""}
      </div>
      ${this.poster ? this.#poster() : ""}
    `;
  }

  #holds(i: number): boolean | null {
    return this.weighed?.rows[i]?.holds ?? null;
  }

  #card(tree: Tree, i: number): TemplateResult {
    const scale = this.order <= FEW ? MEDIUM : SMALL;
    const { width, height } = treeSize(tree, scale);
    const holds = this.#holds(i);
    const said = holds === null ? "" : holds ? ", its condition holds" : ", its condition fails";
    return html`<button
      class=${holds === false ? "fails" : ""}
      aria-pressed=${i === this.chosen}
      aria-label=${`${tree.differential}, the tree ${tree.text}${said}`}
      tabindex=${i === this.chosen ? 0 : -1}
      data-place=${i}
      @click=${() => this.#choose(i)}
    >
      <span class="mark" aria-hidden="true">${holds === null ? "" : holds ? "✓" : "✗"}</span>
      <svg
        width=${width}
        height=${height}
        viewBox="0 0 ${width} ${height}"
        aria-hidden="true"
        focusable="false"
      >
        ${drawTree(tree, scale)}
      </svg>
      <span class="differential">${tree.differential}</span>
    </button>`;
  }

  #one(tree: Tree): TemplateResult {
    const { width, height } = treeSize(tree, LARGE);
    const row = this.weighed?.rows[this.chosen];
    return html`<div class="one card" aria-live="polite">
      <svg
        width=${width}
        height=${height}
        viewBox="0 0 ${width} ${height}"
        role="img"
        aria-label=${`The tree ${tree.text}`}
        class=${row?.holds === false ? "fails" : ""}
      >
        ${drawTree(tree, LARGE)}
      </svg>
      <dl>
        <dt>tree τ</dt>
        <dd>${tree.text}</dd>
        <dt>order |τ|</dt>
        <dd>${tree.order}</dd>
        <dt>symmetry σ</dt>
        <dd>${tree.symmetry.toLocaleString("en")}</dd>
        <dt>density γ</dt>
        <dd>${tree.density.toLocaleString("en")}</dd>
        <dt>labellings α</dt>
        <dd>${tree.alpha.toLocaleString("en")}</dd>
        <dt>F(τ)</dt>
        <dd>${tree.differential}</dd>
        <dt>condition</dt>
        <dd>${equation(tree.condition)}</dd>
        ${
          row
            ? html`<dt>method</dt>
                <dd>${signed(row.weight)}</dd>
                <dt>solution</dt>
                <dd>${row.wanted}</dd>`
            : ""
        }
      </dl>
      ${
        row
          ? html`<p class=${row.holds ? "verdict" : "verdict no"}>
              ${
                row.holds
                  ? html`${icon("check")} The condition holds.`
                  : html`${icon("warning")} Off by
                      <span class="number">${signed(row.difference)}</span>.`
              }
            </p>`
          : ""
      }
    </div>`;
  }

  #poster(): TemplateResult {
    const places = this.trees.flatMap((tree, i) => (tree.order === this.order ? [i] : []));
    const sheet = tabled(
      places.map((i) => this.trees[i]!),
      POSTER_WIDTH,
    );
    return html`<div class="sheet" aria-hidden="true">
      <svg
        class="poster"
        width=${sheet.width}
        height=${sheet.height}
        viewBox="0 0 ${sheet.width} ${sheet.height}"
      >
        ${sheet.placed.map(({ tree, x, y, width, height }, i) => {
          const size = treeSize(tree, SMALL);
          const left = x + (width - size.width) / 2;
          const top = y + height - 42 - size.height;
          return svg`
            <g class=${this.#holds(places[i]!) === false ? "fails" : ""}
              transform="translate(${left}, ${top})">${drawTree(tree, SMALL)}</g>
            <text x=${x + width / 2} y=${y + height - 24} text-anchor="middle">${tree.differential}</text>
            <text class="fine" x=${x + width / 2} y=${y + height - 10} text-anchor="middle"
              >σ ${tree.symmetry} · γ ${tree.density} · α ${tree.alpha}</text>`;
        })}
      </svg>
    </div>`;
  }

  #choose(place: number): void {
    this.dispatchEvent(new CustomEvent("choose", { detail: place }));
  }

  async #key(event: KeyboardEvent): Promise<void> {
    const cards = [...this.list.querySelectorAll<HTMLElement>("button")];
    const at = cards.findIndex((card) => Number(card.dataset["place"]) === this.chosen);
    const columns = cards.filter((card) => card.offsetTop === cards[0]!.offsetTop).length;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    const next = step === undefined ? undefined : cards[at + step];
    if (!next) return;
    event.preventDefault();
    this.#choose(Number(next.dataset["place"]));
    await this.updateComplete;
    next.focus();
  }
}
