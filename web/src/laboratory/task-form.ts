import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";

import { icon } from "../ui/icons.js";
import { look } from "../ui/look.js";
import { powerOfTen } from "../viz/ticks.js";
import { bench } from "./section.js";
import type { Options, Plan, Read } from "./workbench.js";

/** A file of 20,000 lines with 16 numbers each is a tenth of it. */
const MOST_BYTES = 64_000_000;

/** What is learned, and how; changes are told as `change`, a CSV text as `table`. */
@customElement("echo-task-form")
export class TaskForm extends LitElement {
  @property({ attribute: false }) plan!: Plan;
  @property({ attribute: false }) options!: Options;
  /** The reader's own table, if there is one. */
  @property({ attribute: false }) table: Read | null = null;
  @property() tableProblem = "";
  @state() private over = false;

  static override styles = [
    look,
    bench,
    css`
      .fields {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr));
        gap: 0.75rem 1rem;
        align-items: end;
      }
      .fields input,
      .fields select {
        width: 100%;
        min-height: 2.25rem;
        padding: 0.2rem 0.5rem;
        border: 1px solid var(--line-strong);
        border-radius: 0.5rem;
        background: var(--surface);
      }
      .drop {
        display: grid;
        gap: 0.6rem;
        margin: 0.25rem 0 0.9rem;
        padding: 0.9rem;
        border: 1px dashed var(--line-strong);
        border-radius: 0.75rem;
      }
      .drop.over {
        border-color: var(--accent);
        background: var(--said);
      }
      textarea {
        width: 100%;
        min-height: 4.5rem;
        padding: 0.5rem;
        border: 1px solid var(--line-strong);
        border-radius: 0.5rem;
        background: var(--surface);
      }
      .columns {
        display: flex;
        flex-wrap: wrap;
        gap: 0.25rem 1rem;
        margin: 0;
        padding: 0;
        border: 0;
        font-size: 0.875rem;
      }
      .columns label {
        display: inline-flex;
        gap: 0.35rem;
        align-items: center;
        min-height: 1.75rem;
      }
      legend {
        padding: 0;
        font-size: 0.8125rem;
        color: var(--muted);
      }
      input[type="checkbox"] {
        width: 1rem;
        height: 1rem;
        accent-color: var(--accent);
      }
    `,
  ];

  protected override render(): TemplateResult {
    const { plan, options } = this;
    const task = options.tasks.find(({ id }) => id === plan.task)!;
    return html`
      <div class="chooser" role="group" aria-label="Task">
        ${options.tasks.map(
          ({ id, title, horizon, free }) =>
            html`<button
              aria-pressed=${id === plan.task}
              @click=${() => this.#tell({ task: id, horizon, free: plan.free && free })}
            >
              ${title}
            </button>`,
        )}
      </div>
      <p class="fine muted">${task.title}: ${task.about}.</p>
      ${plan.task === "own" ? this.#own() : nothing}
      <div class="fields">
        <label class="field"
          >Output
          <select @change=${(event: Event) => this.#output(event.target as HTMLSelectElement)}>
            ${
              task.free
                ? html`<option value="ahead" ?selected=${!plan.free}>some steps ahead</option>
                    <option value="free" ?selected=${plan.free}>running freely</option>`
                : html`<option selected>the task's own</option>`
            }
          </select>
        </label>
        ${
          plan.free || !task.free
            ? nothing
            : this.#number("horizon", "Steps ahead", 1, options.most_horizon)
        }
        ${
          plan.task === "own"
            ? nothing
            : html`${this.#number("steps", "Steps in all", options.least_steps, options.most_steps)}
              ${this.#number("seed", "Seed of the series", 0, Number.MAX_SAFE_INTEGER)}`
        }
        <label class="field"
          >Readout
          <select
            @change=${(event: Event) =>
              this.#tell({ readout: (event.target as HTMLSelectElement).value })}
          >
            ${options.readouts.map(
              ({ id, title }) =>
                html`<option value=${id} ?selected=${id === plan.readout}>${title}</option>`,
            )}
          </select>
        </label>
        ${
          plan.readout === "lms"
            ? nothing
            : html`<label class="field"
                >Regularisation
                <select
                  @change=${(event: Event) =>
                    this.#tell({
                      regularisation: Number((event.target as HTMLSelectElement).value),
                    })}
                >
                  ${[1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1].map(
                    (value) =>
                      html`<option value=${value} ?selected=${value === plan.regularisation}>
                        ${value === 1 ? "1" : powerOfTen(Math.round(Math.log10(value)))}
                      </option>`,
                  )}
                </select>
              </label>`
        }
      </div>
    `;
  }

  #number(
    name: "horizon" | "steps" | "seed",
    label: string,
    least: number,
    most: number,
  ): TemplateResult {
    return html`<label class="field"
      >${label}
      <input
        type="number"
        min=${least}
        max=${most}
        step="1"
        .value=${String(this.plan[name])}
        @change=${(event: Event) => {
          const value = (event.target as HTMLInputElement).valueAsNumber;
          if (Number.isInteger(value)) this.#tell({ [name]: value });
        }}
      />
    </label>`;
  }

  #own(): TemplateResult {
    const { table, tableProblem, plan } = this;
    return html`<div
      class=${this.over ? "drop over" : "drop"}
      @dragover=${(event: DragEvent) => {
        event.preventDefault();
        this.over = true;
      }}
      @dragleave=${() => (this.over = false)}
      @drop=${(event: DragEvent) => {
        event.preventDefault();
        this.over = false;
        void this.#take(event.dataTransfer?.files[0]);
      }}
    >
      <div class="row">
        <label class="field"
          >Pick a CSV file, or drop it here; it is read on this machine and stays there.
          <input
            type="file"
            accept=".csv,.tsv,.txt,text/csv,text/plain"
            @change=${(event: Event) =>
              void this.#take((event.target as HTMLInputElement).files?.[0])}
          />
        </label>
      </div>
      <label class="field"
        >Or paste it
        <textarea
          class="code"
          spellcheck="false"
          placeholder="time,value&#10;0,0.12&#10;1,0.15"
          @change=${(event: Event) => this.#text((event.target as HTMLTextAreaElement).value)}
        ></textarea>
      </label>
      ${
        tableProblem
          ? html`<p class="fine warning" role="alert">${icon("warning")} ${tableProblem}</p>`
          : nothing
      }
      ${
        table
          ? html`<fieldset class="columns">
              <legend>Columns to predict, of ${table.steps.toLocaleString("en")} lines</legend>
              ${table.names.map(
                (name, i) =>
                  html`<label
                    ><input
                      type="checkbox"
                      .checked=${plan.columns.includes(i)}
                      @change=${() => this.#column(i)}
                    />${name}</label
                  >`,
              )}
            </fieldset>`
          : nothing
      }
    </div>`;
  }

  #column(at: number): void {
    const { columns } = this.plan;
    const rest = columns.filter((one) => one !== at);
    const chosen = rest.length === columns.length ? [...columns, at] : rest;
    this.#tell({ columns: chosen.sort((a, b) => a - b) });
  }

  async #take(file: File | undefined): Promise<void> {
    if (!file) return;
    if (file.size > MOST_BYTES) {
      this.tableProblem = `${file.name} has ${(file.size / 1e6).toFixed(0)} MB; the laboratory takes files of up to ${MOST_BYTES / 1e6} MB.`;
      return;
    }
    try {
      this.#text(await file.text());
    } catch {
      this.tableProblem = `${file.name} cannot be read; pick it again.`;
    }
  }

  #text(text: string): void {
    if (text) this.dispatchEvent(new CustomEvent("table", { detail: text }));
  }

  #output(field: HTMLSelectElement): void {
    this.#tell({ free: field.value === "free" });
  }

  #tell(change: Partial<Plan>): void {
    this.dispatchEvent(new CustomEvent("change", { detail: { ...this.plan, ...change } }));
  }
}
