import { css, html, nothing, type TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";

import { callback } from "../engine/link.js";
import { SessionElement } from "../ui/element.js";
import { threeDigits } from "../ui/format.js";
import { look } from "../ui/look.js";
import type { ReservoirView as View } from "../worker/protocol.js";
import type { Cell } from "./heatmap.js";
import "./heatmap.js";
import "./spectrum.js";
import "./trajectory.js";

/** Units that are drawn; more could not be told apart. */
const ROWS = 128;
/** Tokens that are drawn, also while there are fewer: before the first one it is at rest. */
const COLUMNS = 160;

/** The reservoir view: a second memory, fixed and random, that hears each token of the answer. */
@customElement("echo-reservoir")
export class ReservoirView extends SessionElement {
  /** `undefined` before the engine has told. */
  @state() private view: View | null | undefined;

  #asked: unknown = null;
  #drawn: View | null = null;
  #map = new Float32Array(0);

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
      details {
        margin-bottom: 1rem;
      }
      summary {
        cursor: pointer;
        color: var(--accent);
      }
      .axes {
        display: flex;
        justify-content: space-between;
        margin: 0.5rem 0 0.3rem;
      }
    `,
  ];

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#asked = null;
    if (this.session.phase === "ready") {
      void this.session.engine.watchReservoir(
        false,
        callback(() => undefined),
      );
    }
  }

  protected override updated(): void {
    const { phase, loaded } = this.session;
    if (phase !== "ready" || this.#asked === loaded) return;
    this.#asked = loaded;
    this.view = undefined;
    void this.session.engine
      .watchReservoir(
        true,
        callback((view: View | null) => (this.view = view)),
      )
      // Where the talk has gone back already, its words have not been heard.
      .then(() => this.session.replay.again());
  }

  protected override render(): TemplateResult {
    const { view } = this;
    return html`
      <details>
        <summary class="fine">What am I looking at?</summary>
        <p class="fine">
          A reservoir is a network of random, fixed connections that is never trained: each token of
          the answer gives it a push, through the model's hidden state, and its units echo that push
          for a while. What similar tokens do to it looks similar, so the way of the whole network,
          drawn below as one point, shows where the answer turns.
          <a href="docs/words.html#the-reservoir" target="_blank">More in the docs</a>
        </p>
      </details>
      ${view ? this.#drawings(view) : this.#nothing()}
    `;
  }

  #nothing(): TemplateResult {
    const { loaded, phase, replay } = this.session;
    if (phase !== "ready") return this.absent;
    if (this.view === undefined) {
      return html`<p class="muted">The reservoir hears the words of the answer…</p>`;
    }
    if (loaded?.backend === "mock") {
      return html`<p class="muted">
        The mock has no hidden state: there is no model behind it, and nothing to hear.
      </p>`;
    }
    if (replay.at !== null) return html`<p class="muted">Before the first token it is at rest.</p>`;
    if (replay.length === 0) return html`<p class="muted">It has heard nothing yet.</p>`;
    return html`<p class="muted">It has heard nothing since the page was opened.</p>
      <button ?disabled=${this.session.answering} @click=${() => replay.go(replay.length - 1)}>
        Hear the last answer again
      </button>`;
  }

  #drawings(view: View): TemplateResult {
    const { steps, size, first } = view;
    if (view !== this.#drawn) {
      this.#drawn = view;
      this.#map = drawn(view);
    }
    const last = first + steps;
    const inMap = ({ row, column, value }: Cell) => {
      const token = last - COLUMNS + column + 1;
      return token < 1
        ? "at rest, before the first token"
        : `unit ${row + 1}, token ${token}: ${value < 0 ? "−" : ""}${threeDigits(Math.abs(value))}`;
    };
    let largest = 0;
    for (let i = 0; i < view.eigenvalues.length; i += 2) {
      largest = Math.max(largest, Math.hypot(view.eigenvalues[i]!, view.eigenvalues[i + 1]!));
    }
    return html`
      <section>
        <h3>Activity of its units</h3>
        <p class="fine muted">
          One row for each of ${ROWS} of its ${size} units, one column for each token of the answer;
          the last one is token <span class="number">${last.toLocaleString("en")}</span>. A unit's
          activity is between −1 and 1.
        </p>
        <p class="axes fine muted number" aria-hidden="true">
          <span>unit ↓</span>
          <span>the last ${COLUMNS} tokens →</span>
        </p>
        <echo-heatmap
          signed
          label=${`The activity of ${ROWS} of ${size} units over the last ${COLUMNS} tokens, up to token ${last} of the answer`}
          .values=${this.#map}
          .rows=${ROWS}
          .columns=${COLUMNS}
          .describe=${inMap}
        ></echo-heatmap>
      </section>
      <section>
        <h3>Its way, token by token</h3>
        <p class="fine muted">
          All units together as one point, in the plane where they vary most over these tokens.
        </p>
        ${
          steps < 3
            ? html`<p class="muted">A way needs three tokens.</p>`
            : html`<echo-trajectory
                .path=${view.path}
                .shares=${view.shares}
                .at=${steps - 1}
              ></echo-trajectory>`
        }
      </section>
      <section>
        <h3>Spectrum of its connections</h3>
        <p class="fine muted">
          The eigenvalues of W, each a way in which it echoes: the nearer to the dashed unit circle,
          the longer. Beyond it echoes could grow by themselves.
        </p>
        <echo-spectrum
          .values=${view.eigenvalues}
          summary=${`The ${size} eigenvalues of W in the complex plane, the largest of modulus ${threeDigits(largest)}, inside the unit circle.`}
        ></echo-spectrum>
      </section>
      <p class="fine muted number">
        ${size} units, spectral radius ${view.spectralRadius}, leak rate ${view.leakRate}, density
        ${view.density}, seed ${view.seed}; driven by the ${view.inputs} numbers of the hidden
        state.${first ? html` The last ${steps} tokens are drawn.` : nothing}
      </p>
    `;
  }
}

/** (ROWS, COLUMNS): a row for each unit, the newest token at its end. */
function drawn({ states, steps, size }: View): Float32Array<ArrayBuffer> {
  const map = new Float32Array(ROWS * COLUMNS);
  const width = Math.min(steps, COLUMNS);
  for (let column = 0; column < width; column++) {
    const step = steps - width + column;
    for (let unit = 0; unit < ROWS; unit++) {
      map[unit * COLUMNS + COLUMNS - width + column] = states[step * size + unit]!;
    }
  }
  return map;
}
