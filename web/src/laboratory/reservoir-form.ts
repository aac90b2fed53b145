import { css, html, LitElement, type TemplateResult } from "lit";
import { customElement, property } from "lit/decorators.js";

import { look } from "../ui/look.js";
import { bench } from "./section.js";
import type { Options, Settings } from "./workbench.js";

interface Slider {
  name: "size" | "spectral_radius" | "leak_rate" | "density" | "input_scaling";
  label: string;
  says: string;
  least: number;
  most: number;
  step: number;
}

const SLIDERS: readonly Slider[] = [
  {
    name: "size",
    label: "Units",
    says: "how many neurons there are",
    least: 10,
    most: 1000,
    step: 10,
  },
  {
    name: "spectral_radius",
    label: "Spectral radius ρ",
    says: "the larger, the longer the echo",
    least: 0,
    most: 1.5,
    step: 0.05,
  },
  {
    name: "leak_rate",
    label: "Leak rate a",
    says: "the smaller, the slower the units",
    least: 0.05,
    most: 1,
    step: 0.05,
  },
  {
    name: "density",
    label: "Density of W",
    says: "the share of connections that are there",
    least: 0.01,
    most: 1,
    step: 0.01,
  },
  {
    name: "input_scaling",
    label: "Input scaling",
    says: "the larger, the less linear",
    least: 0.05,
    most: 2,
    step: 0.05,
  },
];

/** The settings of a reservoir; each change is told as `change`. */
@customElement("echo-reservoir-form")
export class ReservoirForm extends LitElement {
  @property({ attribute: false }) settings!: Settings;
  @property({ attribute: false }) options!: Options;

  static override styles = [
    look,
    bench,
    css`
      .sliders {
        display: grid;
        gap: 0.65rem;
      }
      .slider {
        display: grid;
        grid-template-columns: minmax(0, 1fr) 4.5rem;
        gap: 0 0.75rem;
        align-items: center;
        font-size: 0.8125rem;
        color: var(--muted);
      }
      .slider label {
        grid-column: 1 / -1;
      }
      .slider b {
        font-weight: 600;
        color: var(--ink);
      }
      input[type="range"] {
        width: 100%;
        min-height: 1.75rem;
        accent-color: var(--accent);
      }
      input[type="number"] {
        width: 100%;
        min-height: 1.9rem;
        padding: 0.1rem 0.35rem;
        border: 1px solid var(--line-strong);
        border-radius: 0.4rem;
        background: var(--surface);
        color: var(--ink);
        text-align: end;
      }
      .choices {
        display: grid;
        grid-template-columns: repeat(3, minmax(0, 1fr));
        gap: 0.75rem;
        margin-top: 0.9rem;
      }
      .choices select,
      .choices input {
        width: 100%;
      }
      @media (max-width: 30rem) {
        .choices {
          grid-template-columns: repeat(2, minmax(0, 1fr));
        }
      }
    `,
  ];

  protected override render(): TemplateResult {
    const { settings, options } = this;
    return html`
      <div class="sliders">${SLIDERS.map((slider) => this.#slider(slider))}</div>
      <div class="choices">
        ${this.#choice("recurrent", "Weights of W", options.recurrent)}
        ${this.#choice("activation", "Activation f", options.activations)}
        <label class="field"
          >Seed
          <input
            type="number"
            min="0"
            step="1"
            .value=${String(settings.seed)}
            @change=${(event: Event) => this.#set("seed", event.target as HTMLInputElement)}
          />
        </label>
      </div>
    `;
  }

  #slider({ name, label, says, least, most, step }: Slider): TemplateResult {
    const value = this.settings[name];
    const set = (event: Event) => this.#set(name, event.target as HTMLInputElement);
    return html`<div class="slider">
      <label for=${name}><b>${label}</b>: ${says}</label>
      <input
        id=${name}
        type="range"
        min=${least}
        max=${most}
        step=${step}
        .value=${String(value)}
        @input=${set}
      />
      <input
        type="number"
        aria-label=${label}
        min=${least}
        max=${most}
        step="any"
        .value=${String(value)}
        @change=${set}
      />
    </div>`;
  }

  #choice(name: "recurrent" | "activation", label: string, all: string[]): TemplateResult {
    return html`<label class="field"
      >${label}
      <select
        @change=${(event: Event) =>
          this.#tell({ ...this.settings, [name]: (event.target as HTMLSelectElement).value })}
      >
        ${all.map(
          (one) =>
            html`<option value=${one} ?selected=${one === this.settings[name]}>
              ${one.replaceAll("_", " ")}
            </option>`,
        )}
      </select>
    </label>`;
  }

  #set(name: Slider["name"] | "seed", field: HTMLInputElement): void {
    const value = field.valueAsNumber;
    // What is no number stays in the field until it is one.
    if (Number.isFinite(value)) this.#tell({ ...this.settings, [name]: value });
  }

  #tell(settings: Settings): void {
    this.dispatchEvent(new CustomEvent("change", { detail: settings }));
  }
}
