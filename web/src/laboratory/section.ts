import { css, html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { property, state } from "lit/decorators.js";

import { SessionElement } from "../ui/element.js";
import { megabytes } from "../ui/format.js";
import { icon } from "../ui/icons.js";

/** Where the docs' pages lie, seen from the page. */
const DOCS = "docs/";

/**
 * A section of the laboratory. It says what it is called in Python, and what it asks for first;
 * that happens once Python is there, and again after the engine was started anew.
 */
export abstract class Section extends SessionElement {
  /** What went wrong last, in one sentence. */
  @state() protected problem = "";
  @state() protected opened = false;
  /** Nobody asks for motion. */
  @property({ attribute: false }) still = false;

  #engine: unknown = null;

  /** The section's name in `laboratory/door.py`. */
  protected abstract readonly name: string;

  /** Asks for what the section begins with. */
  protected abstract begin(): Promise<void>;

  /** Calls a method of the section's class in Python; fails with its sentence. */
  protected async ask<Reply>(method: string, values: object = {}): Promise<Reply> {
    return (await this.session.engine.laboratory(this.name, method, values)) as Reply;
  }

  /** Does something that may fail, and shows the sentence if it does; whether it did not. */
  protected async attempt(work: () => Promise<void>): Promise<boolean> {
    const { engine } = this.session;
    try {
      await work();
      if (engine === this.session.engine) this.problem = "";
      return true;
    } catch (error) {
      // What an engine that is gone would have said is of no interest.
      if (engine === this.session.engine) this.problem = (error as Error).message;
      return false;
    }
  }

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed);
    const { engine, phase } = this.session;
    if (phase === "broken" || this.#engine === engine) return;
    this.#engine = engine;
    this.opened = false;
    void this.attempt(() => this.begin()).then((done) => (this.opened = done));
  }

  /** What stands here until Python has answered, or where it cannot. */
  protected waiting(): TemplateResult {
    const { phase, problem, parts } = this.session;
    if (phase === "broken") {
      return html`<div class="note problem" role="alert">
        <p>${icon("warning")} ${problem}</p>
        <button @click=${() => this.session.restart()}>Restart the engine</button>
      </div>`;
    }
    if (this.problem) {
      return html`<div class="note problem" role="alert">
        <p>${icon("warning")} ${this.problem}</p>
      </div>`;
    }
    let done = 0;
    let total = 0;
    for (const part of parts.values()) {
      if (part.part === "model") continue;
      done += part.done;
      total += part.total;
    }
    const coming = total > 0 && done < total;
    return html`<div class="note" role="status">
      <p>
        Python is
        starting${
          coming
            ? html`: <span class="number">${megabytes(done)} of ${megabytes(total)} MB</span>`
            : nothing
        }…
      </p>
      <progress .value=${total > 0 ? done : 0} .max=${total || 1} aria-label="Starting"></progress>
    </div>`;
  }

  /** Two sentences for whoever has never seen such a thing, and the way to the docs. */
  protected explained(text: TemplateResult, page: string, title: string): TemplateResult {
    return html`<details class="explained">
      <summary class="fine">What am I looking at?</summary>
      <p class="fine">
        ${text} <a href=${`${DOCS}${page}.html`} target="_blank">More in the docs: ${title}</a>
      </p>
    </details>`;
  }
}

/** What sections have in common. */
export const bench = css`
  :host {
    display: block;
  }
  h3 {
    margin-bottom: 0.5rem;
    font-size: 1rem;
    line-height: 1.3;
  }
  .lead {
    max-width: 70ch;
    color: var(--muted);
  }
  .note {
    display: grid;
    gap: 0.6rem;
    justify-items: start;
    max-width: 40rem;
    margin: 1rem 0;
    padding: 0.9rem 1.1rem;
    border: 1px solid var(--line);
    border-radius: 0.75rem;
    background: var(--surface);
  }
  .note p {
    overflow-wrap: anywhere;
  }
  .note svg {
    vertical-align: -0.2em;
  }
  .note.problem {
    border-color: transparent;
    background: var(--warning-surface);
    color: var(--warning);
  }
  .row {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 0.5rem;
  }
  .row.end {
    align-items: end;
    gap: 0.75rem;
  }
  .field {
    display: grid;
    gap: 0.2rem;
    font-size: 0.8125rem;
    color: var(--muted);
  }
  .field input,
  .field select {
    font-size: 0.9375rem;
    color: var(--ink);
  }
  .card {
    min-width: 0;
    padding: 1rem;
    border: 1px solid var(--line);
    border-radius: 0.9rem;
    background: var(--surface);
  }
  .chooser {
    display: flex;
    flex-wrap: wrap;
    gap: 0.4rem;
    margin: 0.9rem 0;
  }
  .chooser button {
    border-radius: 999px;
    padding-inline: 0.9rem;
  }
  .chooser button[aria-pressed="true"] {
    border-color: var(--accent);
    background: var(--accent);
    color: var(--on-accent);
  }
  .explained {
    margin: 0.75rem 0;
  }
  .explained p {
    max-width: 70ch;
    margin-top: 0.4rem;
  }
  summary {
    cursor: pointer;
    color: var(--accent);
  }
  .scroll {
    overflow: auto;
    max-height: 24rem;
    border: 1px solid var(--line);
    border-radius: 0.6rem;
  }
  table {
    width: 100%;
    border-collapse: collapse;
    font-size: 0.875rem;
    font-variant-numeric: tabular-nums;
  }
  th,
  td {
    padding: 0.35rem 0.6rem;
    border-bottom: 1px solid var(--line);
    text-align: start;
    vertical-align: top;
  }
  th {
    position: sticky;
    top: 0;
    background: var(--side);
    font-weight: 600;
  }
  tbody tr:last-child td {
    border-bottom: 0;
  }
  .count {
    text-align: end;
  }
  code,
  .code {
    font-family: ui-monospace, "Cascadia Code", "Source Code Pro", Menlo, Consolas, monospace;
    font-size: 0.8125rem;
  }
  sub,
  sup {
    font-size: 0.7em;
    line-height: 0;
  }
`;
