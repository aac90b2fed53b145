import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { customElement, property, query } from "lit/decorators.js";

import { look } from "../ui/look.js";
import type { Frame } from "../viz/frame.js";
import { objectsIn } from "./frames.js";
import { bench } from "./section.js";

/** Rows that are drawn; the file has all. */
const MOST_ROWS = 200;
/** Characters of a configuration that are drawn. */
const MOST_TEXT = 400;

/** The steps so far as a table; fires `show` with the place of the one that was chosen. */
@customElement("echo-trace")
export class TraceTable extends LitElement {
  @property({ attribute: false }) frames: readonly Frame[] = [];
  /** How many there are: the list is the same object when it grows. */
  @property({ attribute: false }) length = 0;
  @property({ attribute: false }) at = 0;
  @query("[aria-current]") private current?: HTMLElement;
  @query(".scroll") private box!: HTMLElement;

  static override styles = [
    look,
    bench,
    css`
      .scroll {
        max-height: 17rem;
      }
      tr[aria-current] td {
        background: var(--said);
      }
      td:last-child {
        min-width: 18rem;
        overflow-wrap: anywhere;
      }
      td:nth-child(2) {
        min-width: 8rem;
      }
      .step {
        min-height: 0;
        padding: 0 0.4rem;
        border: 0;
        background: none;
        color: var(--accent);
        text-decoration: underline;
        text-underline-offset: 0.15em;
      }
    `,
  ];

  protected override updated(): void {
    const { current, box } = this;
    if (!current) return;
    // Within the table only: the page itself stays where it is.
    const top = current.offsetTop - 40;
    const bottom = current.offsetTop + current.offsetHeight;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight;
  }

  protected override render(): TemplateResult {
    const { frames, at } = this;
    const first = Math.max(0, Math.min(at - MOST_ROWS / 2, frames.length - MOST_ROWS));
    const shown = frames.slice(first, first + MOST_ROWS);
    return html`
      <div class="scroll" tabindex="0" role="region" aria-label="Trace">
        <table>
          <thead>
            <tr>
              <th class="count" scope="col">Step</th>
              <th scope="col">Applied</th>
              <th class="count" scope="col">Membranes</th>
              <th class="count" scope="col">Objects</th>
              <th scope="col">Configuration</th>
            </tr>
          </thead>
          <tbody>
            ${shown.map((frame, i) => this.#row(frame, first + i))}
          </tbody>
        </table>
      </div>
      ${
        shown.length < frames.length
          ? html`<p class="fine muted">
              ${shown.length} of ${frames.length} rows are drawn; the CSV file has all.
            </p>`
          : nothing
      }
    `;
  }

  #row(frame: Frame, place: number): TemplateResult {
    const { text } = frame;
    const cut = text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)}…` : text;
    return html`<tr aria-current=${place === this.at ? "step" : nothing}>
      <td class="count">
        <button
          class="step"
          aria-label=${`Show step ${frame.step}`}
          @click=${() => this.#show(place)}
        >
          ${frame.step}
        </button>
      </td>
      <td>${summed(frame)}</td>
      <td class="count">${frame.membranes.length}</td>
      <td class="count">${objectsIn(frame).toLocaleString("en")}</td>
      <td><code>${cut}</code></td>
    </tr>`;
  }

  #show(place: number): void {
    this.dispatchEvent(new CustomEvent("show", { detail: place }));
  }
}

/** Rules with how often they were applied in all membranes: `r1 ×4, r2`. */
function summed(frame: Frame): string {
  const times = new Map<string, number>();
  for (const item of frame.applied) times.set(item.name, (times.get(item.name) ?? 0) + item.times);
  return [...times].map(([name, n]) => (n === 1 ? name : `${name} ×${n}`)).join(", ") || "–";
}
