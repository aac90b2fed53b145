import { css, html, nothing, type TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";

import type { CachedModel, ModelSource } from "../worker/protocol.js";
import { SessionElement } from "./element.js";
import { megabytes } from "./format.js";
import { icon } from "./icons.js";
import { look } from "./look.js";
import "./head-choice.js";
import "./memory-view.js";

/** The model view: what runs, and how to run another one. */
@customElement("echo-model")
export class ModelView extends SessionElement {
  @state() private cached: CachedModel[] = [];
  @state() private address = "";

  #listedFor: unknown = undefined;

  static override styles = [
    look,
    css`
      section + section {
        margin-top: 1.75rem;
      }
      h3 {
        margin-bottom: 0.5rem;
        font-size: 0.9375rem;
      }
      dl {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 0.25rem 1rem;
        margin: 0;
        font-size: 0.9375rem;
      }
      dt {
        color: var(--muted);
      }
      dd {
        margin: 0;
        overflow-wrap: anywhere;
      }
      .actions {
        display: grid;
        gap: 0.75rem;
      }
      .actions button {
        justify-content: flex-start;
      }
      .url {
        display: grid;
        grid-template-columns: 1fr auto;
        gap: 0.5rem;
      }
      .url label {
        grid-column: 1 / -1;
        font-size: 0.8125rem;
        color: var(--muted);
      }
      .note {
        margin-bottom: 1.25rem;
        padding: 0.75rem 0.9rem;
        border-radius: 0.6rem;
        background: var(--side);
      }
      .note.problem {
        background: var(--warning-surface);
        color: var(--warning);
      }
      .note p {
        overflow-wrap: anywhere;
      }
      .way-out {
        margin-top: 0.6rem;
        color: var(--ink);
      }
      .round {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 0.6rem;
        cursor: pointer;
      }
      .round input {
        width: 1.1rem;
        height: 1.1rem;
        margin: 0.1rem 0 0;
        accent-color: var(--accent);
      }
      .note .foot {
        display: flex;
        align-items: center;
        justify-content: space-between;
        gap: 1rem;
        margin-top: 0.5rem;
      }
      li {
        display: flex;
        align-items: center;
        gap: 0.5rem;
      }
      li button:first-child {
        flex: 1;
        min-width: 0;
        justify-content: flex-start;
        text-align: start;
        overflow-wrap: anywhere;
      }
    `,
  ];

  protected override updated(): void {
    const { phase, loaded } = this.session;
    if (phase !== "ready" || this.#listedFor === loaded) return;
    this.#listedFor = loaded;
    void this.#list();
  }

  async #list(): Promise<void> {
    this.cached = await this.session.engine.cachedModels();
  }

  protected override render(): TemplateResult {
    const { session } = this;
    return html`${this.#loading()}
      <echo-head-choice .session=${session}></echo-head-choice>
      ${this.#current()}
      <section><echo-memory .session=${session}></echo-memory></section>
      ${this.#another()} ${this.#kept()}`;
  }

  #loading(): TemplateResult | typeof nothing {
    const { loaded, models } = this.session;
    const { loading } = models;
    if (!loading) return nothing;
    const dismiss = () => this.session.models.cancel();
    if (loading.problem !== undefined) {
      return html`<div class="note problem" role="alert" id="load-problem">
        <p>${loading.problem}</p>
        <div class="foot fine">
          <span>${loaded ? `${loaded.model} goes on working.` : ""}</span>
          <button class="small" @click=${dismiss}>Dismiss</button>
        </div>
        ${
          loading.needsRoom
            ? html`<button class="way-out" @click=${() => this.session.models.makeRoom()}>
                ${icon("again")} Load the bundled model, then this
              </button>`
            : nothing
        }
      </div>`;
    }
    const { step, label } = loading;
    return html`<div class="note">
      <p>${step?.phase === "download" ? "Fetching" : "Loading"} ${label}</p>
      <progress
        aria-label=${`Loading ${label}`}
        max=${step?.total || 1}
        .value=${step?.done ?? 0}
      ></progress>
      <div class="foot fine number">
        <span
          >${
            step
              ? `${megabytes(step.done)}${step.total ? ` of ${megabytes(step.total)}` : ""} MB`
              : "…"
          }</span
        >
        <button class="small" @click=${dismiss}>Cancel</button>
      </div>
    </div>`;
  }

  #current(): TemplateResult {
    const { loaded } = this.session;
    if (!loaded) return this.absent;
    const { description: about, backend, model, failures } = loaded;
    const facts: [string, string][] = [
      ["Model", model],
      ["Backend", BACKENDS[backend] ?? backend],
    ];
    if (backend !== "mock") {
      const parameters = about["n_parameters"];
      if (typeof parameters === "number") facts.push(["Parameters", millions(parameters)]);
      facts.push(["Architecture", `RWKV ${about.architecture}`]);
      facts.push(["Layers", String(about.n_layer)]);
      facts.push(["Width", String(about.n_embed)]);
      if (about.n_head) {
        facts.push(["Heads", `${about.n_head} of ${about.head_size} × ${about.head_size}`]);
      }
      facts.push(["Vocabulary", `${about.n_vocab?.toLocaleString("en")} tokens`]);
      const format = about["format"] ?? about["type"];
      if (format) {
        const rounded = loaded.head ? `, the head rounded to ${loaded.head}` : "";
        facts.push(["Numbers", `${String(format)}${rounded}`]);
      }
      const weights = about["weight_bytes"];
      const state = about["state_bytes"];
      if (typeof weights === "number") facts.push(["Weights", `${megabytes(weights)} MB`]);
      if (typeof state === "number") {
        facts.push(["One state", `${(state / 1000).toFixed(0)} kB, whatever the talk's length`]);
      }
    }
    return html`<section>
      <h3>In use</h3>
      <dl class="number">
        ${facts.map(
          ([name, value]) =>
            html`<dt>${name}</dt>
              <dd>${value}</dd>`,
        )}
      </dl>
      ${failures.map(
        ({ backend: name, reason }) =>
          html`<p class="fine warning" data-failure=${name}>Not ${name}: ${reason}</p>`,
      )}
    </section>`;
  }

  #another(): TemplateResult {
    const { loaded, models, phase } = this.session;
    const { loading } = models;
    const busy = phase !== "ready" || (loading !== null && loading.problem === undefined);
    return html`<section>
      <h3>Load another</h3>
      <div class="actions">
        <p class="fine muted">
          RWKV 4 to 7 in rwkv.cpp's file format, 6 and 7 also in GGUF, as much as
          ${loaded ? megabytes(loaded.limitBytes) : "600"} MB of memory holds. You can also drop a
          file anywhere on the page.
        </p>
        <button ?disabled=${busy} @click=${this.#pick}>
          ${icon("file")} Open a file from disk…
        </button>
        <input type="file" hidden aria-label="Model file" @change=${this.#picked} />
        <form class="url" @submit=${this.#fetch}>
          <label for="address"
            >Address of a model file; the page asks that server for it, and nothing else</label
          >
          <input
            id="address"
            type="text"
            inputmode="url"
            autocomplete="off"
            spellcheck="false"
            placeholder="https://"
            .value=${this.address}
            @input=${(event: Event) => (this.address = (event.target as HTMLInputElement).value)}
          />
          <button ?disabled=${busy || !this.address.trim()}>Fetch</button>
        </form>
        <label class="round">
          <input
            type="checkbox"
            .checked=${models.roundHeads}
            @change=${(event: Event) =>
              models.setRoundHeads((event.target as HTMLInputElement).checked)}
          />
          <span class="fine"
            >Round large heads in FP16 or FP32 to Q8_0 while loading: less memory, faster, slightly
            other logits</span
          >
        </label>
        <button ?disabled=${busy} @click=${() => this.#load({ kind: "bundled" })}>
          ${icon("again")} Back to the bundled model
        </button>
      </div>
    </section>`;
  }

  #kept(): TemplateResult | typeof nothing {
    if (this.cached.length === 0) return nothing;
    return html`<section>
      <h3>Kept on this machine</h3>
      <p class="fine muted">
        On disk, ${megabytes(this.cached.reduce((sum, { bytes }) => sum + bytes, 0))} MB in all;
        none of it is in memory until it is loaded.
      </p>
      <ul>
        ${this.cached.map(({ name, bytes, url }) => {
          const file = url.split("/").at(-1) || url;
          return html`<li>
            <button
              class="quiet"
              title=${url}
              @click=${() => this.session.models.pick({ kind: "cached", name })}
            >
              ${icon("file")} ${file} <span class="fine muted">${megabytes(bytes)} MB</span>
            </button>
            <button
              class="quiet"
              aria-label=${`Delete ${file}`}
              title="Delete"
              @click=${() => this.#delete(name)}
            >
              ${icon("delete")}
            </button>
          </li>`;
        })}
      </ul>
    </section>`;
  }

  #load(source: ModelSource): Promise<void> {
    return this.session.models.load(source);
  }

  #pick(): void {
    this.renderRoot.querySelector<HTMLInputElement>("input[type=file]")!.click();
  }

  #picked(event: Event): void {
    const input = event.target as HTMLInputElement;
    const file = input.files?.[0];
    if (file) void this.session.models.pick({ kind: "file", file });
    input.value = "";
  }

  #fetch(event: Event): void {
    event.preventDefault();
    void this.#load({ kind: "url", url: this.address });
  }

  async #delete(name: string): Promise<void> {
    await this.session.models.remove(name);
    await this.#list();
  }
}

const BACKENDS: Record<string, string> = {
  rwkv_cpp: "rwkv_cpp, the C++ core in WebAssembly",
  python_rwkv: "python_rwkv, the same mathematics in NumPy",
  mock: "mock, which is no language model",
};

function millions(n: number): string {
  return n >= 1e9 ? `${(n / 1e9).toFixed(2)} billion` : `${(n / 1e6).toFixed(2)} million`;
}
