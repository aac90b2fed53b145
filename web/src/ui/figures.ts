import { html, type nothing, type TemplateResult } from "lit";

import type { AnswerFigures } from "../talk/tree.js";
import { count, seconds, threeDigits } from "./format.js";

const ENDINGS = {
  end: "",
  stop: "",
  length: " · ended at its longest length",
  cancelled: " · stopped",
} as const;

/** The small type below an answer: who answered, how fast, and why not someone better. */
export function figures(
  done: AnswerFigures,
  more: TemplateResult | typeof nothing,
): TemplateResult {
  return html`<p class="figures fine number">
    ${
      done.backend === "mock"
        ? html`<strong class="warning">mock, not a language model</strong>`
        : html`${done.backend} · ${done.model}`
    }
    · ${count(done.n_tokens, "token")} · ${threeDigits(done.tokens_per_second)} tokens/s · first
    token after ${seconds(done.first_token_seconds)}${ENDINGS[done.stop_reason]} ${more}
    ${done.failures.map(
      ({ backend, reason }) => html`<br /><span class="warning">Not ${backend}: ${reason}</span>`,
    )}
  </p>`;
}
