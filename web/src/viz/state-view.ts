import { css, html, nothing, type TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";

import { callback } from "../engine/link.js";
import { SessionElement } from "../ui/element.js";
import { threeDigits } from "../ui/format.js";
import { look } from "../ui/look.js";
import type { Cell } from "./heatmap.js";
import type { StateView as View } from "../worker/protocol.js";
import "./heatmap.js";
import "./plot.js";

/** Points kept of the norm over time; older ones are thinned out by half when it is full. */
const HISTORY = 600;

/** The state view: what the model remembers of the talk, as numbers that move. */
@customElement("echo-state")
export class StateView extends SessionElement {
  @state() private view: View | null = null;
  @state() private layer = 0;
  @state() private head = 0;
  @state() private change = false;

  #tokens: number[] = [];
  #norms: number[] = [];
  #asked: unknown = null;

  static override styles = [
    look,
    css`
      :host {
        display: block;
      }
      section + section {
        margin-top: 1.5rem;
      }
      h3 {
        margin-bottom: 0.4rem;
        font-size: 0.9375rem;
      }
      .choice {
        display: grid;
        grid-template-columns: 1fr 1fr;
        gap: 0.75rem;
        margin: 0.5rem 0 0.75rem;
      }
      .choice label {
        font-size: 0.8125rem;
        color: var(--muted);
      }
      .check {
        display: flex;
        align-items: center;
        gap: 0.5rem;
        min-height: 2rem;
      }
      .check input {
        accent-color: var(--accent);
        width: 1.1rem;
        height: 1.1rem;
      }
      details {
        margin-bottom: 1rem;
      }
      summary {
        cursor: pointer;
        color: var(--accent);
      }
      .detail {
        max-width: 22rem;
      }
    `,
  ];

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#asked = null;
    if (this.session.phase === "ready") {
      void this.session.engine.watchState(
        null,
        callback(() => undefined),
      );
    }
  }

  protected override updated(): void {
    // Ask once the engine is there, and again when it is a new one or another place is chosen.
    if (this.session.phase !== "ready") return;
    const { layer, head, change } = this;
    const key = `${layer} ${head} ${change}`;
    const asked = this.#asked as { loaded: unknown; key: string } | null;
    if (asked?.loaded === this.session.loaded && asked?.key === key) return;
    if (asked?.loaded !== this.session.loaded) this.#clear();
    this.#asked = { loaded: this.session.loaded, key };
    void this.session.engine.watchState(
      { layer, head, change },
      callback((view: View | null) => this.#take(view)),
    );
  }

  #clear(): void {
    this.view = null;
    this.#tokens = [];
    this.#norms = [];
    const { n_layer = 1, n_head = 1 } = this.session.loaded?.description ?? {};
    this.layer = Math.min(this.layer, n_layer - 1);
    this.head = Math.min(this.head, Math.max(n_head, 1) - 1);
  }

  #take(view: View | null): void {
    if (!view) {
      this.#clear();
      return;
    }
    const last = this.#tokens.at(-1) ?? -1;
    if (view.tokens < last) {
      // Another talk or branch: its own history begins.
      this.#tokens = [];
      this.#norms = [];
    }
    const norm = Math.hypot(...view.norms);
    if (view.tokens === last) {
      this.#norms[this.#norms.length - 1] = norm;
    } else {
      this.#tokens.push(view.tokens);
      this.#norms.push(norm);
    }
    if (this.#tokens.length > HISTORY) {
      const even = (_: number, i: number) => i % 2 === 0;
      this.#tokens = this.#tokens.filter(even);
      this.#norms = this.#norms.filter(even);
    }
    this.view = view;
  }

  protected override render(): TemplateResult {
    const { view } = this;
    return html`
      <details>
        <summary class="fine">What am I looking at?</summary>
        <p class="fine">
          This is everything the model remembers of the talk: one small matrix for each head of each
          layer, changed a little by every token and never any larger. Dark blue is little, yellow
          is much; a head that flares up has just stored something, one that fades is forgetting.
        </p>
      </details>
      ${view ? this.#maps(view) : this.#nothing()}
    `;
  }

  #nothing(): TemplateResult {
    const { loaded, phase } = this.session;
    if (phase !== "ready") return this.absent;
    if (loaded?.backend === "mock") {
      return html`<p class="muted">The mock has no state: there is no model behind it.</p>`;
    }
    const { replay } = this.session;
    if (replay.length === 0) {
      return html`<p class="muted">
        Nothing has been read yet. Ask something and watch the state fill.
      </p>`;
    }
    return html`<p class="muted">Nothing has been read since the page was opened.</p>
      <button ?disabled=${this.session.answering} @click=${() => replay.go(replay.length - 1)}>
        Read the last answer again
      </button>`;
  }

  #maps(view: View): TemplateResult {
    // The longer side runs across, so that the map stays flat.
    const turned = view.layers > view.heads;
    const pooled = view.tileColumns < view.columns;
    const choose = (event: CustomEvent<[number, number]>) => {
      const [row, column] = event.detail;
      [this.layer, this.head] = turned ? [column, row] : [row, column];
    };
    const inTile = ({ tileRow, tileColumn, value }: Cell) =>
      `layer ${(turned ? tileColumn : tileRow) + 1}, head ${(turned ? tileRow : tileColumn) + 1}: ` +
      threeDigits(value) +
      (pooled ? " (root mean square)" : "");
    const inHead = ({ row, column, value }: Cell) =>
      `${view.axes[0]} ${row + 1}, ${view.axes[1]} ${column + 1}: ${value < 0 ? "−" : ""}${threeDigits(Math.abs(value))}`;
    return html`
      <section>
        <h3>All heads${view.change ? ", change by the last token" : ""}</h3>
        <p class="fine muted">
          One ${turned ? "column" : "row"} for each layer, one ${turned ? "row" : "column"} for each
          head; after
          <span class="number">${view.tokens.toLocaleString("en")}</span> tokens. Choose a tile by
          click or arrow keys.
        </p>
        <label class="check fine">
          <input
            type="checkbox"
            .checked=${this.change}
            @change=${(event: Event) => (this.change = (event.target as HTMLInputElement).checked)}
          />
          Show the change against the previous token
        </label>
        <echo-heatmap
          choosable
          label="State of all heads; the arrow keys choose one"
          .values=${turned ? transposed(view) : view.overview}
          .tileRows=${turned ? view.heads : view.layers}
          .tileColumns=${turned ? view.layers : view.heads}
          .rows=${view.tileRows}
          .columns=${view.tileColumns}
          .chosen=${turned ? [view.head, view.layer] : [view.layer, view.head]}
          .describe=${inTile}
          @choose=${choose}
        ></echo-heatmap>
      </section>
      <section class="detail">
        <h3>Layer ${view.layer + 1}${view.heads > 1 ? html`, head ${view.head + 1}` : nothing}</h3>
        <p class="fine muted">
          Each pixel is one number; ${view.axes[0]}s run down, ${view.axes[1]}s across.
        </p>
        <echo-heatmap
          signed
          label=${`Layer ${view.layer + 1}, head ${view.head + 1}: ${view.rows} by ${view.columns} numbers`}
          .values=${view.detail}
          .rows=${view.rows}
          .columns=${view.columns}
          .describe=${inHead}
        ></echo-heatmap>
      </section>
      ${
        view.spectrum.length
          ? html`<section>
              <h3>Singular values of this head</h3>
              <p class="fine muted">
                How many things it holds apart: one tall bar is one association, many bars are many.
              </p>
              <echo-plot
                kind="bars"
                xLabel="index, largest first"
                yLabel="singular value"
                .x=${Array.from(view.spectrum, (_, i) => i + 1)}
                .y=${view.spectrum}
              ></echo-plot>
            </section>`
          : nothing
      }
      <section>
        <h3>Norm of the whole state</h3>
        <p class="fine muted">How much it holds in all, token by token.</p>
        <echo-plot
          xLabel="tokens read"
          yLabel="norm"
          .x=${[...this.#tokens]}
          .y=${[...this.#norms]}
        ></echo-plot>
      </section>
    `;
  }
}

/** The overview by heads, then layers. */
function transposed({ overview, layers, heads, tileRows, tileColumns }: View): Float32Array {
  const tile = tileRows * tileColumns;
  const result = new Float32Array(overview.length);
  for (let layer = 0; layer < layers; layer++) {
    for (let head = 0; head < heads; head++) {
      const from = (layer * heads + head) * tile;
      result.set(overview.subarray(from, from + tile), (head * layers + layer) * tile);
    }
  }
  return result;
}
