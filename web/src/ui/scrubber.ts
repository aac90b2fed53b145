import { css, html, nothing, type TemplateResult } from "lit";
import { customElement } from "lit/decorators.js";

import { SPEEDS } from "../engine/replay.js";
import { path } from "../talk/tree.js";
import { SessionElement } from "./element.js";
import { icon } from "./icons.js";
import { look } from "./look.js";

/** Goes through the talk token by token; the views of Inside follow. */
@customElement("echo-scrubber")
export class Scrubber extends SessionElement {
  static override styles = [
    look,
    css`
      :host {
        display: block;
      }
      .row {
        display: flex;
        align-items: center;
        gap: 0.4rem;
        min-height: 2rem;
      }
      button.small {
        flex: none;
        min-width: 2rem;
      }
      input {
        flex: 1;
        min-width: 0;
      }
      .place {
        flex: none;
        min-width: 6.5rem;
        text-align: end;
        white-space: nowrap;
      }
      .thin {
        height: 2px;
        margin-top: -2px;
      }
      .thin progress {
        height: 2px;
      }
    `,
  ];

  protected override render(): TemplateResult | typeof nothing {
    const { session } = this;
    const { replay } = session;
    if (!path(session.talk).some(({ role }) => role === "assistant")) return nothing;
    const { length, at, playing } = replay;
    const idle = length === 0 || session.answering !== null || session.phase !== "ready";
    const here = at === null ? null : replay.locate(at);
    const number = here
      ? replay.stretches.findIndex(({ answer }) => answer === here.answer) + 1
      : 0;
    const words = here?.answer.words?.length ?? 0;
    const said = here
      ? `answer ${number}, token ${here.words} of ${words}`
      : "now, at the end of the talk";
    return html`
      <div class="row" role="group" aria-label="Replay of the talk">
        <button
          class="small quiet"
          aria-label=${playing ? "Pause" : "Replay token by token"}
          title=${playing ? "Pause" : "Replay token by token"}
          ?disabled=${idle}
          @click=${() => (playing ? replay.pause() : replay.play())}
        >
          ${icon(playing ? "pause" : "play")}
        </button>
        <input
          type="range"
          aria-label="Place in the talk"
          aria-valuetext=${said}
          min="0"
          max=${Math.max(1, length)}
          .value=${String(at ?? Math.max(1, length))}
          ?disabled=${idle}
          @input=${(event: Event) => replay.go((event.target as HTMLInputElement).valueAsNumber)}
        />
        <span class="place fine muted number">
          ${here ? html`token ${here.words} of ${words}` : "now"}
        </span>
        ${
          here
            ? html`<button class="small quiet" @click=${() => replay.leave()}>Back to now</button>`
            : html`<button
                class="small quiet number"
                aria-label=${`${replay.speed}/s: tokens a second`}
                title="Tokens a second"
                ?disabled=${idle}
                @click=${this.#faster}
              >
                ${replay.speed}/s
              </button>`
        }
      </div>
      <div class="thin">
        ${
          replay.progress && replay.progress.total > 32
            ? html`<progress
                aria-label="Reading the talk again"
                max=${replay.progress.total}
                .value=${replay.progress.done}
              ></progress>`
            : nothing
        }
      </div>
      ${
        replay.problem && here
          ? html`<p class="fine warning" role="alert">${replay.problem}</p>`
          : nothing
      }
    `;
  }

  #faster(): void {
    const { replay } = this.session;
    replay.speed = SPEEDS[(SPEEDS.indexOf(replay.speed) + 1) % SPEEDS.length]!;
    this.session.changed();
  }
}
