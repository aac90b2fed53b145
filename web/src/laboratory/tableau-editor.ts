import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { customElement, property, query } from "lit/decorators.js";

import { look } from "../ui/look.js";
import { bench } from "./section.js";
import { signed, type Method } from "./weights.js";

const MOST_STAGES = 8;

/**
 * A method's tableau: to read, or with `editable` to type in. Fires `edit` with `{a, b}` as they
 * were typed.
 */
@customElement("echo-tableau")
export class TableauEditor extends LitElement {
  @property({ attribute: false }) method!: Method;
  @property({ type: Boolean }) editable = false;
  /** The stages need one another. */
  @property({ type: Boolean }) implicit = false;
  @query("table") private table!: HTMLTableElement;

  static override styles = [
    look,
    bench,
    css`
      .scroll {
        max-height: none;
        border: 0;
      }
      table {
        width: auto;
        font-size: 0.9375rem;
      }
      td {
        padding: 0.15rem 0.4rem;
        border: 0;
        text-align: center;
        vertical-align: middle;
        white-space: nowrap;
      }
      td:first-child {
        border-inline-end: 1.5px solid var(--ink);
        color: var(--muted);
        text-align: end;
      }
      tr.weights td {
        border-top: 1.5px solid var(--ink);
        padding-top: 0.35rem;
      }
      input[type="text"] {
        width: 4.6rem;
        min-height: 1.9rem;
        padding: 0 0.35rem;
        text-align: center;
        font-size: 0.875rem;
        font-variant-numeric: tabular-nums;
      }
      .row {
        margin-top: 0.6rem;
      }
      .check {
        display: inline-flex;
        align-items: center;
        gap: 0.4rem;
      }
      .check input {
        width: 1.1rem;
        height: 1.1rem;
        accent-color: var(--accent);
      }
    `,
  ];

  protected override render(): TemplateResult {
    const { a, b, c, stages } = this.method;
    return html`
      <div class="scroll" tabindex="0" role="region" aria-label="Tableau">
        <table @input=${this.#typed}>
          <tbody>
            ${a.map(
              (row, i) =>
                html`<tr>
                  <td>${signed(c[i]!)}</td>
                  ${row.map(
                    (value, j) =>
                      html`<td>
                        ${
                          j < i || this.implicit
                            ? this.#cell(value, `a, row ${i + 1}, column ${j + 1}`)
                            : nothing
                        }
                      </td>`,
                  )}
                </tr>`,
            )}
            <tr class="weights">
              <td></td>
              ${b.map((value, j) => html`<td>${this.#cell(value, `b, column ${j + 1}`)}</td>`)}
            </tr>
          </tbody>
        </table>
      </div>
      ${
        this.editable
          ? html`<div class="row">
              <button
                class="small"
                ?disabled=${stages >= MOST_STAGES}
                @click=${() => this.#resize(stages + 1)}
              >
                Add a stage
              </button>
              <button
                class="small"
                ?disabled=${stages <= 1}
                @click=${() => this.#resize(stages - 1)}
              >
                Remove the last
              </button>
              <label class="check fine">
                <input type="checkbox" .checked=${this.implicit} @change=${this.#fill} />
                implicit
              </label>
            </div>`
          : nothing
      }
    `;
  }

  #cell(value: string, label: string): TemplateResult {
    if (!this.editable) return html`${signed(value)}`;
    return html`<input
      type="text"
      aria-label=${label}
      autocomplete="off"
      .value=${value === "0" ? "" : value}
      placeholder="0"
    />`;
  }

  #read(): { a: string[][]; b: string[] } {
    const rows = [...this.table.rows].map((row) =>
      [...row.cells].slice(1).map((cell) => cell.querySelector("input")?.value ?? ""),
    );
    return { a: rows.slice(0, -1), b: rows.at(-1)! };
  }

  #tell(detail: { a: string[][]; b: string[] }): void {
    this.dispatchEvent(new CustomEvent("edit", { detail }));
  }

  #typed(): void {
    this.#tell(this.#read());
  }

  #fill(event: Event): void {
    this.implicit = (event.target as HTMLInputElement).checked;
    const { a, b } = this.#read();
    this.#tell(this.implicit ? { a, b } : { a: a.map((row, i) => row.slice(0, i)), b });
  }

  #resize(stages: number): void {
    const { a, b } = this.#read();
    const line = (row: string[]) => Array.from({ length: stages }, (_, j) => row[j] ?? "");
    this.#tell({ a: Array.from({ length: stages }, (_, i) => line(a[i] ?? [])), b: line(b) });
  }
}
