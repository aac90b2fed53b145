import { css, html, nothing, type TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";

import { DEFAULTS, RANGES, type Range } from "../talk/settings.js";
import type { RequestRecord, Settings } from "../worker/protocol.js";
import { SessionElement } from "./element.js";
import { icon } from "./icons.js";
import { look } from "./look.js";
import { offlineRequests } from "../sw/offline.js";

function header(title: string, close: () => void): TemplateResult {
  return html`<div class="head">
    <h2 id="title">${title}</h2>
    <button class="quiet" aria-label="Close" @click=${close}>${icon("close")}</button>
  </div>`;
}

/** How the next token is chosen. Every change counts for the next answer and is kept. */
@customElement("echo-settings")
export class SettingsDialog extends SessionElement {
  @query("dialog") private dialog!: HTMLDialogElement;

  static override styles = [
    look,
    css`
      .row {
        display: grid;
        grid-template-columns: 1fr 5.5rem;
        gap: 0.15rem 0.75rem;
        align-items: center;
        margin-bottom: 0.9rem;
      }
      .row label {
        font-weight: 600;
        font-size: 0.9375rem;
      }
      .row p {
        grid-column: 1 / -1;
      }
      footer {
        display: flex;
        justify-content: space-between;
        align-items: center;
        gap: 1rem;
      }
    `,
  ];

  open(): void {
    this.dialog.showModal();
  }

  protected override render(): TemplateResult {
    const { settings } = this.session;
    return html`<dialog aria-labelledby="title">
      ${header("Settings", () => this.dialog.close())}
      <div class="body">
        ${RANGES.map((range) => this.#row(range))}
        <div class="row">
          <label for="seed">Seed</label>
          <input
            id="seed"
            type="number"
            min="0"
            step="1"
            placeholder="fresh"
            aria-describedby="seed-hint"
            .value=${settings.seed === null ? "" : String(settings.seed)}
            @change=${this.#seed}
          />
          <p class="fine muted" id="seed-hint">
            The same seed and the same talk give the same answer; empty takes a fresh one.
          </p>
        </div>
        <footer>
          <span class="fine muted">Kept on this machine.</span>
          <button @click=${() => this.session.saveSettings({ ...DEFAULTS })}>Reset all</button>
        </footer>
      </div>
    </dialog>`;
  }

  #row({ name, label, hint, min, max, step }: Range): TemplateResult {
    const value = this.session.settings[name];
    const set = (event: Event) => {
      const number = (event.target as HTMLInputElement).valueAsNumber;
      const bounded = Number.isFinite(number) ? Math.min(max, Math.max(min, number)) : value;
      this.#save({ [name]: step % 1 === 0 ? Math.round(bounded) : bounded });
      (event.target as HTMLInputElement).value = String(this.session.settings[name]);
    };
    return html`<div class="row">
      <label for=${name}>${label}</label>
      <input
        type="number"
        aria-label=${`${label}, as a number`}
        min=${min}
        max=${max}
        step=${step}
        .value=${String(value)}
        @change=${set}
      />
      <p>
        <input
          id=${name}
          type="range"
          aria-describedby=${`${name}-hint`}
          min=${min}
          max=${max}
          step=${step}
          .value=${String(value)}
          @input=${set}
        />
      </p>
      <p class="fine muted" id=${`${name}-hint`}>${hint}</p>
    </div>`;
  }

  #seed(event: Event): void {
    const input = event.target as HTMLInputElement;
    const number = input.valueAsNumber;
    const seed = Number.isSafeInteger(number) && number >= 0 ? number : null;
    this.#save({ seed });
    input.value = seed === null ? "" : String(seed);
  }

  #save(change: Partial<Settings>): void {
    this.session.saveSettings({ ...this.session.settings, ...change });
  }
}

/** Every request that the page, the engine and the offline copy have made. */
@customElement("echo-requests")
export class RequestsDialog extends SessionElement {
  @query("dialog") private dialog!: HTMLDialogElement;
  @state() private records: RequestRecord[] = [];

  static override styles = [
    look,
    css`
      table {
        width: 100%;
        margin-top: 1rem;
        border-collapse: collapse;
        font-size: 0.8125rem;
        line-height: 1.4;
      }
      th,
      td {
        padding: 0.3rem 0.5rem 0.3rem 0;
        border-bottom: 1px solid var(--line);
        text-align: start;
        vertical-align: top;
      }
      td:first-child {
        overflow-wrap: anywhere;
      }
      .amount {
        text-align: end;
        white-space: nowrap;
      }
    `,
  ];

  async open(): Promise<void> {
    this.dialog.showModal();
    const page = performance
      .getEntries()
      .filter((entry) => entry.entryType === "resource" || entry.entryType === "navigation")
      .map((entry) => ({
        url: entry.name,
        by: "page" as const,
        bytes: (entry as PerformanceResourceTiming).transferSize,
        at: performance.timeOrigin + entry.startTime,
      }));
    this.records = page;
    const engine = this.session.phase === "broken" ? [] : await this.session.engine.requests();
    this.records = [...page, ...engine, ...(await offlineRequests())].sort((a, b) => a.at - b.at);
  }

  protected override render(): TemplateResult {
    const elsewhere = this.records.filter(({ url }) => new URL(url).origin !== location.origin);
    return html`<dialog aria-labelledby="title">
      ${header("Every request this page has made", () => this.dialog.close())}
      <div class="body">
        <p>
          ${
            elsewhere.length === 0
              ? html`All of them fetched files of this site, from <b>${location.host}</b>. None
                  carried anything you typed.`
              : html`<b>${elsewhere.length}</b> went to another machine, because you gave its
                  address for a model. None carried anything you typed.`
          }
        </p>
        <p class="fine muted">
          Nothing here counts or watches you, and the models answer without the network.
        </p>
        <table>
          <thead>
            <tr>
              <th scope="col">Address</th>
              <th scope="col">Made by</th>
              <th scope="col" class="amount">Network bytes</th>
            </tr>
          </thead>
          <tbody>
            ${this.records.map(
              ({ url, by, bytes }) =>
                html`<tr>
                  <td>${shortened(url)}</td>
                  <td>${by}</td>
                  <td class="amount number">
                    ${bytes ? bytes.toLocaleString("en") : "from cache"}
                  </td>
                </tr>`,
            )}
          </tbody>
        </table>
        ${this.records.length ? nothing : html`<p class="muted">Collecting…</p>`}
      </div>
    </dialog>`;
  }
}

function shortened(url: string): string {
  const { origin, pathname, search } = new URL(url);
  return origin === location.origin ? pathname + search : url;
}
