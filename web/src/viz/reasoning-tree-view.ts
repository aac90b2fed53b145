import { css, html, LitElement, nothing, svg, type PropertyValues, type TemplateResult } from "lit";
import { customElement, property } from "lit/decorators.js";

import { named } from "../talk/words.js";
import { percent } from "../ui/format.js";
import { look } from "../ui/look.js";
import type { Drawn, TreeNode } from "../worker/protocol.js";
import { elected, runsOf, voteOf, type Run } from "./reasoning-tree.js";

const TOKEN = { pad: 5, letter: 6.8, least: 34, gap: 3 };
const ROW = 58;
const BOX = 36;
const FORK = 26;
const LEAF = 150;
/** Between the ends of candidates that say the same. */
const LINE = 32;
/** Letters of a token that are drawn. */
const LETTERS = 14;

/**
 * Candidates and their shared beginnings: every token with its probability, the shown answer in
 * the accent colour, votes at the ends. Fires `take` with the number of a candidate.
 */
@customElement("echo-reasoning-tree")
export class ReasoningTree extends LitElement {
  @property({ attribute: false }) drawn!: Drawn;
  /** None can be taken just now. */
  @property({ type: Boolean }) busy = false;

  #runs: Run[] = [];

  static override styles = [
    look,
    css`
      :host {
        display: block;
      }
      .scroll {
        overflow: auto;
        max-height: 26rem;
        border: 1px solid var(--line);
        border-radius: 0.5rem;
        background: var(--paper);
      }
      svg {
        display: block;
      }
      text {
        font-size: 12px;
        fill: var(--ink);
      }
      .share {
        font-size: 10px;
        fill: var(--muted);
        font-variant-numeric: tabular-nums;
      }
      .token {
        fill: var(--surface);
        stroke: var(--line-strong);
      }
      path {
        fill: none;
        stroke: var(--line-strong);
        stroke-width: 1.5;
      }
      .chosen .token {
        fill: var(--said);
        stroke: var(--accent);
      }
      path.chosen {
        stroke: var(--accent);
        stroke-width: 2.5;
      }
      .leaf {
        font-variant-numeric: tabular-nums;
      }
      .leaf.chosen text {
        fill: var(--accent);
        font-weight: 600;
      }
      table {
        width: 100%;
        margin-top: 0.75rem;
        border-collapse: collapse;
        font-size: 0.8125rem;
        line-height: 1.4;
      }
      caption {
        text-align: start;
      }
      th,
      td {
        padding: 0.35rem 0.5rem 0.35rem 0;
        border-bottom: 1px solid var(--line);
        text-align: start;
        vertical-align: top;
      }
      td:nth-child(2) {
        overflow-wrap: anywhere;
      }
      .cut {
        display: -webkit-box;
        overflow: hidden;
        -webkit-box-orient: vertical;
        -webkit-line-clamp: 3;
      }
      .wide {
        overflow-x: auto;
      }
      td button.small {
        white-space: nowrap;
      }
    `,
  ];

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has("drawn")) this.#runs = runsOf(this.drawn);
  }

  protected override render(): TemplateResult {
    const { drawn } = this;
    const n = drawn.candidates.length;
    return html`
      <div
        class="scroll"
        tabindex="0"
        role="region"
        aria-label="The tree of the ${n} candidates; arrow keys move it"
      >
        ${this.#drawing()}
      </div>
      <div class="wide">
        <table>
          <caption class="hidden-text">
            The candidates, their votes and scores
          </caption>
          <thead>
            <tr>
              <th scope="col">No.</th>
              <th scope="col">Candidate</th>
              <th scope="col">Vote</th>
              <th scope="col">Per token</th>
              <th scope="col"><span class="hidden-text">Take it</span></th>
            </tr>
          </thead>
          <tbody>
            ${drawn.candidates.map((_, number) => this.#row(number))}
          </tbody>
        </table>
      </div>
    `;
  }

  #row(number: number): TemplateResult {
    const { drawn } = this;
    const one = drawn.candidates[number]!;
    const vote = voteOf(drawn, number);
    return html`<tr>
      <th scope="row" class="number">${number + 1}</th>
      <td><span class="cut" title=${one.text.trim()}>${one.text.trim() || "(nothing)"}</span></td>
      <td class="number">
        ${vote ? `group ${vote.group}, ${percent(vote.share)}` : "none, it was stopped"}
      </td>
      <td class="number">${mean(one.per_token)}</td>
      <td>
        ${
          number === drawn.chosen
            ? html`<b>shown</b>${number === elected(drawn) ? nothing : html`, by you`}`
            : html`<button
                class="small"
                ?disabled=${this.busy}
                aria-label=${`Take it: candidate ${number + 1} instead`}
                @click=${() => this.dispatchEvent(new CustomEvent("take", { detail: number }))}
              >
                Take it
              </button>`
        }
      </td>
    </tr>`;
  }

  #drawing(): TemplateResult {
    const { drawn } = this;
    const runs = this.#runs;
    const lefts: number[] = [];
    const widths = runs.map((run) => widthOf(run));
    runs.forEach((run, at) => {
      lefts[at] = run.parent < 0 ? FORK : lefts[run.parent]! + widths[run.parent]! + FORK;
    });
    const right = Math.max(FORK, ...runs.map((_, at) => lefts[at]! + widths[at]!));
    const height = Math.max(1, drawn.candidates.length) * ROW + 8;
    const middle = (row: number) => row * ROW + ROW / 2 + 4;
    const start = middle((drawn.candidates.length - 1) / 2);
    const isChosen = (run: Run) => run.candidates.includes(drawn.chosen);
    // The chosen line last, so that it lies above the others.
    const places = runs
      .map((_, at) => at)
      .sort((a, b) => +isChosen(runs[a]!) - +isChosen(runs[b]!));
    const last = (number: number) => runs.findLastIndex((run) => run.candidates.includes(number));
    return html`<svg
      width=${right + LEAF}
      height=${height}
      role="img"
      aria-label=${`${drawn.candidates.length} candidates from one state; the table below has them all`}
    >
      <circle cx="6" cy=${start} r="4" fill="var(--accent)"></circle>
      ${places.map((at) => {
        const run = runs[at]!;
        const y = middle(run.row);
        const x = lefts[at]!;
        const [fromX, fromY] =
          run.parent < 0
            ? [10, start]
            : [lefts[run.parent]! + widths[run.parent]!, middle(runs[run.parent]!.row)];
        const bend = (fromX + x) / 2;
        return svg`<path
          class=${isChosen(run) ? "chosen" : ""}
          d=${`M${fromX} ${fromY}C${bend} ${fromY} ${bend} ${y} ${x} ${y}`}
        ></path>`;
      })}
      ${runs.map((run, at) => drawRun(run, lefts[at]!, middle(run.row), isChosen(run)))}
      ${drawn.candidates.map((one, number) => {
        const at = last(number);
        const x = at < 0 ? FORK : lefts[at]! + widths[at]! + 8;
        // Candidates that say the same end in the same place; each has a line of its own there.
        const same = drawn.candidates.flatMap((other, i) => (other.leaf === one.leaf ? [i] : []));
        const shift = (same.indexOf(number) - (same.length - 1) / 2) * LINE;
        const y = (at < 0 ? start : middle(runs[at]!.row)) + shift;
        const vote = voteOf(drawn, number);
        return svg`<g class=${number === drawn.chosen ? "leaf chosen" : "leaf"}>
          <text x=${x} y=${y - 1}>${number + 1}: ${vote ? `vote ${percent(vote.share)}` : "no vote"}</text>
          <text class="share" x=${x} y=${y + 13}>${mean(one.per_token)} a token</text>
        </g>`;
      })}
    </svg>`;
  }
}

function shown(text: string): string {
  const name = named(text);
  return name.length > LETTERS ? `${name.slice(0, LETTERS - 1)}…` : name;
}

function tokenWidth([, text]: TreeNode): number {
  return Math.max(TOKEN.least, shown(text).length * TOKEN.letter + 2 * TOKEN.pad);
}

function widthOf({ nodes }: Run): number {
  return nodes.reduce((sum, node) => sum + tokenWidth(node) + TOKEN.gap, -TOKEN.gap);
}

function drawRun({ nodes }: Run, left: number, y: number, chosen: boolean): TemplateResult {
  let x = left;
  return svg`<g class=${chosen ? "chosen" : ""}>${nodes.map((node) => {
    const width = tokenWidth(node);
    const here = x;
    x += width + TOKEN.gap;
    const middle = here + width / 2;
    return svg`<rect class="token" x=${here} y=${y - BOX / 2} width=${width} height=${BOX} rx="5"></rect>
      <text x=${middle} y=${y - 2} text-anchor="middle">${shown(node[1])}</text>
      <text class="share" x=${middle} y=${y + 12} text-anchor="middle">${
        node[2] === null ? "—" : percent(Math.exp(node[2]))
      }</text>`;
  })}</g>`;
}

/** The mean probability of a candidate's tokens. */
function mean(perToken: number | null): string {
  return perToken === null ? "—" : percent(Math.exp(perToken));
}
