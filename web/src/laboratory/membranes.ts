import { css, html, nothing, type TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";

import { csv, fileName, keep } from "../file.js";
import { icon } from "../ui/icons.js";
import { look } from "../ui/look.js";
import { membraneName, type Frame } from "../viz/frame.js";
import type { MembraneView } from "../viz/membrane-view.js";
import "../viz/membrane-view.js";
import { keepFigure } from "./figure.js";
import { traceRows, type Advanced, type Example, type Opened } from "./frames.js";
import "./player.js";
import { Playback } from "./playback.js";
import "./rules-list.js";
import { drawn } from "./save.js";
import "./save.js";
import { bench, Section } from "./section.js";
import type { SourceEditor } from "./source-editor.js";
import "./source-editor.js";
import "./trace-table.js";

/** Objects fly only where there is time for it. */
const FASTEST_FLIGHTS = 5;
/** The seed that the gallery begins with; it makes the first system interesting. */
const FIRST_SEED = 4;
const MOST_SEED = 2 ** 32 - 1;

const FIRST_OWN = `/* Two objects a become one b; every b is sent out. */
@model<transition>
def main()
{
  @mu = [[]'2]'1;
  @ms(2) = a*7;

  [a*2 --> b]'2;
  [b]'2 --> c []'2;
}
`;

/** Membrane systems: a gallery, an editor, and steps to watch. */
@customElement("echo-lab-membranes")
export class Membranes extends Section {
  protected readonly name = "membranes";
  @state() private examples: Example[] = [];
  /** The system of the gallery, `null` for an own one. */
  @state() private chosen: Example | null = null;
  @state() private values: Record<string, string> = {};
  @state() private seed = FIRST_SEED;
  @state() private system: Opened | null = null;
  @state() private marked: ReadonlySet<number> = new Set();
  @state() private own = FIRST_OWN;
  @state() private ownProblem = "";
  @state() private reading = false;
  @query("echo-membrane-view") private view?: MembraneView;
  @query("echo-source-editor") private editor?: SourceEditor;

  readonly #play = new Playback(
    async (most, seconds) => {
      let made: Advanced = { frames: [], halted: false, limit: null };
      const asked = async () => {
        made = await this.ask<Advanced>("advance", { most, seconds });
      };
      if (!(await this.attempt(asked))) return { ...made, limit: this.problem };
      return made;
    },
    () => this.requestUpdate(),
  );

  static override styles = [
    look,
    bench,
    css`
      .about {
        margin: 0.25rem 0 0.75rem;
      }
      .line {
        font-size: 1.0625rem;
        font-weight: 600;
      }
      .field input {
        width: 7rem;
      }
      .field input.wide {
        width: 15rem;
      }
      .stage {
        display: grid;
        grid-template-columns: minmax(0, 1fr) 21rem;
        gap: 1rem;
        margin-top: 1rem;
        align-items: start;
      }
      .intro {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto;
        gap: 0.75rem 2.5rem;
        align-items: end;
      }
      .below {
        margin-top: 1rem;
      }
      @media (max-width: 60rem) {
        .intro,
        .stage {
          grid-template-columns: minmax(0, 1fr);
        }
      }
      @media (max-width: 48rem) {
        .card {
          padding: 0.75rem;
        }
        .field,
        .field input,
        .field input.wide {
          width: 100%;
        }
      }
    `,
  ];

  protected override async begin(): Promise<void> {
    const { systems } = await this.ask<{ systems: Example[] }>("gallery");
    this.examples = systems;
    const again = systems.find(({ id }) => id === this.chosen?.id);
    if (this.system && !this.chosen) await this.#read(this.own);
    else await this.#take(again ?? systems[0]!, again ? this.values : {});
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#play.pause();
  }

  async #take(example: Example, values: Record<string, string>): Promise<void> {
    const { seed } = this;
    const opened = await this.ask<Opened>("take", { id: example.id, values, seed });
    this.chosen = example;
    this.values = Object.fromEntries(
      example.parameters.map(({ name, value }) => [name, values[name] ?? value]),
    );
    this.#put(opened);
  }

  #put(opened: Opened): void {
    this.view?.forget();
    this.system = opened;
    this.marked = new Set();
    this.#play.open(opened.frame);
  }

  async #read(text: string): Promise<void> {
    this.reading = true;
    this.own = text;
    try {
      if (!text.trimStart().startsWith("{")) await this.session.engine.addPackage("lark");
      const opened = await this.ask<Opened>("read", { text, seed: this.seed });
      this.ownProblem = "";
      this.chosen = null;
      this.#put(opened);
    } catch (error) {
      this.ownProblem = (error as Error).message;
    } finally {
      this.reading = false;
    }
  }

  protected override render(): TemplateResult {
    const { frame } = this.#play;
    return html`
      ${this.explained(
        html`Each box is a membrane with its label, each pill an object with how often it is there.
        In a step the rules on the right are used up at once, wherever they can be applied and as
        often as possible; a seed decides where there are several ways.`,
        "psystem",
        "membrane systems",
      )}
      ${
        this.opened && frame && this.system
          ? this.#bench(this.system, frame)
          : html`${this.waiting()}`
      }
    `;
  }

  #bench(system: Opened, frame: Frame): TemplateResult {
    return html`
      <div class="chooser" role="group" aria-label="Systems">
        ${this.examples.map(
          (example) =>
            html`<button
              aria-pressed=${example === this.chosen}
              @click=${() => void this.attempt(() => this.#take(example, {}))}
            >
              ${example.title}
            </button>`,
        )}
        <button aria-pressed=${this.chosen === null} @click=${this.#beginOwn}>Own system</button>
      </div>
      ${this.chosen ? this.#about(this.chosen, system) : this.#editor()}
      ${
        this.problem && !this.#play.limit
          ? html`<div class="note problem" role="alert">
              <p>${icon("warning")} ${this.problem}</p>
            </div>`
          : nothing
      }
      <div class="stage">
        <div class="card">
          <echo-player .play=${this.#play} output=${system.output}>
            <echo-membrane-view
              .frame=${frame}
              .marked=${this.marked}
              .moves=${
                this.#play.forward &&
                !this.still &&
                !(this.#play.playing && this.#play.speed > FASTEST_FLIGHTS)
              }
            ></echo-membrane-view>
          </echo-player>
        </div>
        <div class="card">
          <echo-rules
            .frame=${frame}
            .previous=${this.#play.frames[this.#play.at - 1] ?? null}
            .rules=${system.rules}
            .priorities=${system.priorities}
            @mark=${(event: CustomEvent<Set<number>>) => (this.marked = event.detail)}
          ></echo-rules>
        </div>
      </div>
      <div class="card below">
        <h3>Trace</h3>
        <echo-trace
          .frames=${this.#play.frames}
          .length=${this.#play.frames.length}
          .at=${this.#play.at}
          @show=${(event: CustomEvent<number>) => this.#play.show(event.detail)}
        ></echo-trace>
        ${this.#saves(system, frame)}
      </div>
    `;
  }

  #about(example: Example, { line }: Opened): TemplateResult {
    return html`<div class="intro">
      <div>
        <p class="lead">${example.about}</p>
        <p class="line">${line}</p>
      </div>
      <form class="row end" @submit=${this.#submit}>
        ${example.parameters.map(
          ({ name, label, most }) =>
            html`<label class="field"
              >${label}
              <input
                type="text"
                class=${most === null ? "wide" : ""}
                inputmode=${most === null ? "text" : "numeric"}
                name=${name}
                .value=${this.values[name] ?? ""}
                autocomplete="off"
              />
            </label>`,
        )}
        ${this.#seedField()}
        <button type="submit">Start anew</button>
      </form>
    </div>`;
  }

  #editor(): TemplateResult {
    return html`
      <p class="lead">
        Write a system in P-Lingua, or paste the JSON of one. The docs list what is read.
      </p>
      <div class="card about">
        <echo-source-editor
          .text=${this.own}
          .problem=${this.ownProblem}
          ?busy=${this.reading}
          @run=${(event: CustomEvent<string>) => void this.#read(event.detail)}
        ></echo-source-editor>
      </div>
      <form class="row end" @submit=${this.#submit}>${this.#seedField()}</form>
    `;
  }

  #seedField(): TemplateResult {
    return html`<label class="field"
        >Seed
        <input
          type="text"
          inputmode="numeric"
          name="seed"
          .value=${String(this.seed)}
          autocomplete="off"
        />
      </label>
      <button type="button" @click=${this.#otherSeed}>${icon("again")} Another seed</button>`;
  }

  #beginOwn(): void {
    if (this.chosen === null) return;
    const { source } = this.system!;
    // What was on the bench is where to begin.
    if (this.own === FIRST_OWN && source) this.own = `/* ${this.chosen.title} */\n${source}`;
    this.chosen = null;
    void this.updateComplete.then(() => this.editor?.focus());
  }

  #submit(event: SubmitEvent): void {
    event.preventDefault();
    const given = Object.fromEntries(
      [...new FormData(event.target as HTMLFormElement)].map(([key, value]) => [
        key,
        String(value),
      ]),
    );
    void this.attempt(async () => {
      const { seed = "", ...values } = given;
      if (!/^\s*\d{1,10}\s*$/.test(seed) || Number(seed) > MOST_SEED) {
        throw new Error(`The seed is '${seed}'; it must be an integer from 0 to ${MOST_SEED}.`);
      }
      this.seed = Number(seed);
      await this.#anew(values);
    });
  }

  async #anew(values: Record<string, string>): Promise<void> {
    if (this.chosen) await this.#take(this.chosen, values);
    else await this.#read(this.editor?.text ?? this.own);
  }

  #otherSeed(): void {
    this.seed = crypto.getRandomValues(new Uint32Array(1))[0]! % 10_000;
    void this.attempt(() => this.#anew(this.values));
  }

  #saves(system: Opened, frame: Frame): TemplateResult {
    const name = fileName(`${system.title} ${frame.step}`);
    const line = system.line.replace(/[.?]$/, "");
    const title = `${[system.title, line].filter(Boolean).join(": ")}; step ${frame.step}`;
    const description = `${frame.text} (${membraneName(0, frame)} outside; seed ${system.seed}, made by ${system.engine})`;
    const about = { name, title, description };
    const text = (form: "plingua" | "json", ending: string, type: string) => async () => {
      const written = await this.ask<{ text: string }>("write", { form });
      keep(`${fileName(system.title)}.${ending}`, written.text, type);
    };
    const trace = () =>
      keep(`${fileName(system.title)}-trace.csv`, csv(traceRows(this.#play.frames)), "text/csv");
    const plingua = ["P-Lingua", text("plingua", "pli", "text/plain")];
    return html`<echo-save
      label="Save"
      .items=${[
        "Save the drawing:",
        ...drawn((form) => keepFigure(this.view!.drawing, form, about)),
        "the trace:",
        ["CSV", trace],
        "the system:",
        ...(system.source === null ? [] : [plingua]),
        ["JSON", text("json", "json", "application/json")],
      ]}
    ></echo-save>`;
  }
}
