import { css, html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";

import type { Message } from "../talk/tree.js";
import type { Account, AccountStep, MembraneName, MembranePart } from "../worker/protocol.js";
import { framesOf } from "../viz/engine-frames.js";
import type { Frame } from "../viz/frame.js";
import "../viz/reasoning-tree-view.js";
import { SessionElement } from "./element.js";
import { capital, count, percent, seconds, threeDigits } from "./format.js";
import { look } from "./look.js";
import "./nested.js";

const PARTS: readonly MembraneName[] = ["memory", "grammar", "reasoning"];

/** What a step does, by its part and name. */
const STEPS: Record<string, string> = {
  "memory prepare": "Memory recalls",
  "memory learn": "Memory learns",
  "grammar begin": "Grammar reads what was asked for",
  "grammar finish": "Grammar looks back",
  "reasoning begin": "Reasoning plans",
  "reasoning vote": "Reasoning counts the votes",
  "reasoning answer": "Reasoning draws",
  "reasoning finish": "Reasoning weighs the answer",
  "model read": "The model reads",
  "model write": "The model writes",
  "model fallback": "Another backend takes over",
};

/** What went on inside one answer: every step on one time axis, and each membrane's numbers. */
@customElement("echo-membranes")
export class MembranesView extends SessionElement {
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
      h4 {
        margin: 0;
        font-size: 0.875rem;
      }
      details {
        margin-bottom: 1rem;
      }
      summary {
        cursor: pointer;
        color: var(--accent);
      }
      .question {
        display: -webkit-box;
        overflow: hidden;
        margin-bottom: 1rem;
        -webkit-box-orient: vertical;
        -webkit-line-clamp: 2;
      }
      ol {
        margin: 0;
        padding: 0;
        list-style: none;
      }
      .name button {
        min-height: 0;
        padding: 0;
        border: 0;
        background: none;
        text-align: start;
      }
      .name button:hover {
        text-decoration: underline;
      }
      li[aria-current] .name button {
        font-weight: 600;
        color: var(--accent);
      }
      .together {
        margin-top: 0.6rem;
      }
      li.step {
        padding: 0.3rem 0;
        border-bottom: 1px solid var(--line);
      }
      .name {
        display: flex;
        justify-content: space-between;
        gap: 0.75rem;
      }
      .track {
        position: relative;
        height: 0.5rem;
        margin: 0.15rem 0;
        border-radius: 0.25rem;
        background: var(--line);
      }
      .bar {
        position: absolute;
        inset-block: 0;
        min-width: 3px;
        border-radius: 0.25rem;
        background: var(--accent);
      }
      .model .bar {
        background: var(--muted);
      }
      .broken .bar {
        background: var(--warning);
      }
      .axis {
        display: flex;
        justify-content: space-between;
        margin-top: 0.2rem;
      }
      .part {
        padding: 0.6rem 0;
        border-bottom: 1px solid var(--line);
      }
      dl {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
        gap: 0.1rem 0.9rem;
        margin: 0.3rem 0 0;
        font-size: 0.8125rem;
        line-height: 1.45;
      }
      dt {
        color: var(--muted);
      }
      dd {
        margin: 0;
        overflow-wrap: anywhere;
      }
      .cut {
        display: -webkit-box;
        overflow: hidden;
        -webkit-box-orient: vertical;
        -webkit-line-clamp: 3;
      }
    `,
  ];

  /** The step that is shown; `null` follows the last one. */
  @state() private at: number | null = null;
  #frames: { account: Account; ended: boolean; frames: Frame[] } | null = null;
  #answered: Message | null = null;

  protected override willUpdate(changed: PropertyValues<this>): void {
    super.willUpdate(changed);
    const answer = this.session.lookedAt;
    if (answer === this.#answered) return;
    this.#answered = answer;
    this.at = null;
  }

  protected override render(): TemplateResult {
    const answer = this.session.lookedAt;
    return html`
      <details>
        <summary class="fine">What am I looking at?</summary>
        <p class="fine">
          Around the model stand three membranes: memory recalls before an answer, grammar allows
          only tokens that fit a form, reasoning draws several answers and has them vote. The
          drawing shows one step at a time: which membrane is at work, what it holds, and what went
          from one into another. Each bar below is a step, placed by when it began after the
          question and as long as it took.
          <a href="docs/page.html#membranes" target="_blank">More in the docs</a>
        </p>
      </details>
      ${this.#answer(answer)}
    `;
  }

  #answer(answer: Message | null): TemplateResult {
    if (!answer) {
      return html`<p class="muted">No answer yet. Ask something, and every step shows here.</p>`;
    }
    const { membranes: account } = answer;
    if (!account && answer.status === "waiting") {
      return html`<p class="muted">The engine is still opening; the answer has not begun.</p>`;
    }
    if (!account && this.session.answering === answer) {
      return html`<p class="muted">The answer has just begun.</p>`;
    }
    if (!account) {
      return html`<p class="muted">
        What went on inside this answer was not kept: it was given before the page did so, or the
        engine stopped in the middle. Regenerate it to see its steps.
      </p>`;
    }
    const question = answer.parent === null ? null : this.session.talk.messages[answer.parent];
    return html`
      ${question ? html`<p class="fine muted question">To “${question.text}”</p>` : nothing}
      ${this.#nested(account, answer)} ${this.#timeline(account, answer)}
      ${this.#drawn(account, answer)} ${this.#parts(account)}
    `;
  }

  /** The steps as frames of nested membranes; made anew when there are more. */
  #framesOf(account: Account, answer: Message): Frame[] {
    const ended = answer.status === "done";
    if (this.#frames?.account !== account || this.#frames.ended !== ended) {
      this.#frames = { account, ended, frames: framesOf(account, ended) };
    }
    return this.#frames.frames;
  }

  #nested(account: Account, answer: Message): TemplateResult {
    const frames = this.#framesOf(account, answer);
    const names = ["The question", ...account.steps.map(stepName), "The answer"];
    return html`<echo-nested
      .frames=${frames}
      .names=${names}
      ?follows=${this.at === null}
      .at=${Math.min(this.at ?? frames.length - 1, frames.length - 1)}
      @show=${({ detail }: CustomEvent<number>) => (this.at = detail)}
    ></echo-nested>`;
  }

  #timeline({ steps }: Account, answer: Message): TemplateResult {
    const end = Math.max(1e-6, ...steps.map((step) => step.begin + (step.seconds ?? 0)));
    const live = this.session.answering === answer;
    return html`<section aria-label="Steps in time order">
      <h3>Steps, in time order</h3>
      <ol>
        ${steps.map((step, place) => this.#step(step, end, place + 1))}
      </ol>
      <p class="axis fine muted number" aria-hidden="true">
        <span>0</span><span>time since the question →</span><span>${time(end)}</span>
      </p>
      ${live ? html`<p class="fine muted" role="status">It goes on…</p>` : nothing}
      ${
        answer.status === "failed"
          ? html`<p class="fine warning">The answer ended there: ${answer.problem}</p>`
          : nothing
      }
    </section>`;
  }

  #step(step: AccountStep, end: number, place: number): TemplateResult {
    const left = (100 * step.begin) / end;
    const width = Math.min(100 - left, (100 * (step.seconds ?? end - step.begin)) / end);
    const kind = step.error ? "broken" : step.part === "model" ? "model" : "membrane";
    return html`<li class=${`step ${kind}`} aria-current=${place === this.at ? "step" : nothing}>
      <div class="name fine">
        <button title="Show it in the drawing" @click=${() => (this.at = place)}>
          ${stepName(step)}
        </button>
        <span class="number muted">${step.seconds === null ? "…" : time(step.seconds)}</span>
      </div>
      <div class="track" aria-hidden="true">
        <div class="bar" .style=${`left: ${left}%; width: ${width}%`}></div>
      </div>
      ${step.error ? html`<p class="fine warning">${step.error}</p>` : nothing}
      ${
        Object.keys(step.numbers).length
          ? html`<p class="fine muted number">${numbers(step.numbers)}</p>`
          : nothing
      }
      ${step.text ? html`<p class="fine cut">${step.text}</p>` : nothing}
    </li>`;
  }

  #drawn({ drawn }: Account, answer: Message): TemplateResult | typeof nothing {
    if (!drawn) return nothing;
    const { session } = this;
    return html`<section aria-label="Reasoning">
      <h3>${count(drawn.candidates.length, "candidate")} from one state</h3>
      <p class="fine muted">
        ${capital(drawn.kind)} by its words, so they are compared by
        ${drawn.compare === "answer" ? "their last number or conclusion" : "the words they share"}.
        Under each token stands its probability; at the ends the share of the votes and the mean
        probability of a token.
      </p>
      <echo-reasoning-tree
        .drawn=${drawn}
        .busy=${session.answering !== null || session.phase !== "ready"}
        @take=${({ detail }: CustomEvent<number>) => void session.answers.takeCandidate(answer, detail)}
      ></echo-reasoning-tree>
    </section>`;
  }

  #parts({ parts, confidence }: Account): TemplateResult | typeof nothing {
    if (!PARTS.some((name) => parts[name])) return nothing;
    return html`<section aria-label="Membranes">
      <h3>What each membrane received, did and gave</h3>
      ${PARTS.map((name) => (parts[name] ? partRow(name, parts[name]) : nothing))}
      <p class="together fine muted number">
        Confidence of all together: ${confidence === null ? "—" : percent(confidence)}, the mean of
        those that there are.
      </p>
    </section>`;
  }
}

/** Short times with their digits: `0.4 ms`. */
function time(value: number): string {
  return value < 0.01 ? `${threeDigits(value * 1000)} ms` : seconds(value);
}

function stepName({ part, step }: AccountStep): string {
  const known = STEPS[`${part} ${step}`];
  if (step.startsWith("candidate")) return `${capital(step)} is drawn`;
  return known ?? `${capital(part)}: ${step.replaceAll("_", " ")}`;
}

function partRow(name: MembraneName, part: MembranePart): TemplateResult {
  if (!part.active && !part.error) {
    return html`<div class="part">
      <h4>${capital(name)}</h4>
      <p class="fine muted">${part.why}</p>
    </div>`;
  }
  const label = name === "reasoning" && !part.calibrated ? " (uncalibrated)" : "";
  const meant = name === "grammar" ? " of the model’s probability fitted the form" : label;
  return html`<div class="part">
    <h4>${capital(name)}</h4>
    ${part.error ? html`<p class="fine warning">It failed: ${part.error}</p>` : nothing}
    <dl>
      <dt>received</dt>
      <dd class="cut">${part.received || "nothing"}</dd>
      ${
        name === "memory"
          ? nothing // what it says is only in the memories, where it can be deleted
          : html`<dt>gave</dt>
              <dd class="cut">${part.gave || "nothing; it changed nothing"}</dd>`
      }
      <dt>confidence</dt>
      <dd class="number">
        ${
          part.confidence === null
            ? html`— <span class="muted">${part.why}</span>`
            : html`${percent(part.confidence)}${meant}${
                name === "reasoning" && part.calibrated ? " (calibrated)" : nothing
              }`
        }
      </dd>
      <dt>took</dt>
      <dd class="number">${time(part.seconds)}</dd>
      ${
        Object.keys(part.numbers).length
          ? html`<dt>numbers</dt>
              <dd class="number">${numbers(part.numbers)}</dd>`
          : nothing
      }
    </dl>
  </div>`;
}

/** `tokens 12 · groups 2`. */
function numbers(found: Record<string, number>): string {
  return Object.entries(found)
    .map(([name, value]) => {
      const number = Number.isInteger(value) ? value.toLocaleString("en") : short(value);
      return `${name.replaceAll("_", " ")} ${number}`;
    })
    .join(" · ");
}

function short(value: number): string {
  return value < 0 ? `−${threeDigits(-value)}` : threeDigits(value);
}
