import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { customElement, property } from "lit/decorators.js";

import { count } from "../ui/format.js";
import { icon } from "../ui/icons.js";
import { look } from "../ui/look.js";
import { objectsIn } from "./frames.js";
import type { Playback } from "./playback.js";
import { bench } from "./section.js";

/** Buttons and sliders around a drawing that moves, and where the system stands, in words. */
@customElement("echo-player")
export class Player extends LitElement {
  /** The same object all the time; it is drawn again whenever it is handed over. */
  @property({ attribute: false, hasChanged: () => true }) play!: Playback;
  /** The region whose contents are the result. */
  @property() output = "";

  static override styles = [
    look,
    bench,
    css`
      .tools {
        margin-bottom: 0.75rem;
      }
      .tools button {
        min-width: 2.6rem;
      }
      .speed {
        display: flex;
        align-items: center;
        gap: 0.5rem;
        width: 13rem;
        margin-inline-start: auto;
        font-size: 0.8125rem;
        color: var(--muted);
        white-space: nowrap;
      }
      .scrub {
        display: grid;
        margin-top: 0.75rem;
        grid-template-columns: auto 1fr auto;
        align-items: center;
        gap: 0.6rem;
        font-size: 0.8125rem;
        color: var(--muted);
      }
      .state {
        min-height: 3.2em;
        margin-top: 0.2rem;
        font-size: 0.9375rem;
      }
      .state .end {
        font-weight: 600;
        color: var(--accent);
      }
      .state .limit {
        color: var(--warning);
      }
      @media (max-width: 48rem) {
        .speed {
          width: 100%;
        }
      }
    `,
  ];

  protected override render(): TemplateResult {
    return html`${this.#tools()}<slot></slot>${this.#place()}`;
  }

  #tools(): TemplateResult {
    const play = this.play;
    const moving = play.playing || play.running;
    const name = moving ? "Pause" : "Play";
    return html`<div class="row tools" role="group" aria-label="Steps">
      <button aria-label="Back to the start" title="Back to the start" @click=${() => play.show(0)}>
        ${icon("first")}
      </button>
      <button
        aria-label="One step back"
        title="One step back"
        ?disabled=${play.at === 0}
        @click=${() => play.show(play.at - 1)}
      >
        ${icon("left")}
      </button>
      <button
        class="primary"
        ?disabled=${play.ended}
        @click=${() => (moving ? play.pause() : void play.play())}
      >
        ${icon(moving ? "pause" : "play")} ${name}
      </button>
      <button ?disabled=${play.ended} @click=${this.#step}>${icon("right")} Step</button>
      <button ?disabled=${play.ended || play.running} @click=${() => void play.toEnd()}>
        ${icon("last")} Run to the end
      </button>
      <div class="speed">
        <span aria-hidden="true">Speed</span>
        <input
          type="range"
          aria-label="Speed"
          min="1"
          max="20"
          .value=${String(play.speed)}
          aria-valuetext=${`${count(play.speed, "step")} a second`}
          @input=${(event: Event) => {
            play.speed = Number((event.target as HTMLInputElement).value);
            this.requestUpdate();
          }}
        />
        <span class="number" aria-hidden="true">${play.speed}/s</span>
      </div>
    </div>`;
  }

  /** Which step is shown, and how the system stands there. */
  #place(): TemplateResult {
    const play = this.play;
    const last = play.frames.length - 1;
    return html`<div class="scrub">
        <span aria-hidden="true">Step</span>
        <input
          type="range"
          aria-label="Step"
          aria-valuetext=${`${play.at} of ${last}`}
          min="0"
          max=${Math.max(1, last)}
          ?disabled=${last === 0}
          .value=${String(play.at)}
          @input=${(event: Event) => play.show(Number((event.target as HTMLInputElement).value))}
        />
        <span class="number" aria-hidden="true"
          >${play.at} of ${last}${play.halted || play.limit ? "" : "…"}</span
        >
      </div>
      <p class="state" role="status">${this.#state()}</p>`;
  }

  #step(): void {
    this.play.pause();
    void this.play.step();
  }

  /** Where the system stands, in words; quiet while it plays. */
  #state(): TemplateResult {
    const { frame, at, playing, running, halted, limit, ended } = this.play;
    if (!frame) return html``;
    if (playing || running)
      return html`<span class="muted">${running ? "Running" : "Playing"}…</span>`;
    const holds = `${count(frame.membranes.length, "membrane")}, ${count(objectsIn(frame), "object")}.`;
    const times = frame.applied.reduce((sum, item) => sum + item.times, 0);
    const did =
      at === 0
        ? "At the start:"
        : `${count(new Set(frame.applied.map(({ rule }) => rule)).size, "rule")} applied ${times === 1 ? "once" : `${times.toLocaleString("en")} times`};`;
    const region = this.output === "environment" ? "The environment" : `Membrane ${this.output}`;
    return html`${did} ${holds}
    ${
      ended && halted
        ? html`<span class="end"
            >Halted after ${count(at, "step")}: no rule can be applied. ${region} holds
            ${frame.result === "#" ? "nothing" : frame.result.replaceAll("*", " ×")}.</span
          >`
        : nothing
    }
    ${ended && limit ? html`<span class="limit">${limit}</span>` : nothing}`;
  }
}
