import { css, html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";

import { keep } from "../file.js";
import type { MemoryChange, MemoryQuery } from "../engine/memories.js";
import type { MemoriesState, Memory, MemoryList } from "../worker/protocol.js";
import { SessionElement } from "./element.js";
import { count } from "./format.js";
import { icon } from "./icons.js";
import { look } from "./look.js";
import type { RecalledView } from "./memories-recalled.js";
import "./adaptation-gauge.js";
import "./memories-filters.js";
import "./memories-recalled.js";
import "./memories-row.js";
import "./memories-switches.js";

const PAGE = 25;
const FILE = "memories.json";

const START: MemoryQuery = { text: "", type: "", tag: "", sort: "newest", start: 0, count: PAGE };

/** What is remembered: the switch, what was recalled for an answer and why, and all memories. */
@customElement("echo-memories")
export class MemoriesView extends SessionElement {
  @state() private query = START;
  @state() private listed: MemoryList | null = null;
  /** What was just done, or why not. */
  @state() private note = "";
  @state() private problem = "";
  /** The memory deleted last, until the next change. */
  @state() private deleted: Memory | null = null;
  /** The memory for which another one is being chosen. */
  @state() private linking: Memory | null = null;
  @state() private forgetting = false;
  #asked: unknown = null;

  static override styles = [
    look,
    css`
      :host {
        display: block;
      }
      h3 {
        margin: 1.25rem 0 0.4rem;
        font-size: 0.9375rem;
      }
      details,
      echo-recalled {
        display: block;
        margin-bottom: 1rem;
      }
      summary {
        cursor: pointer;
        color: var(--accent);
      }
      .foot,
      .note {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.5rem;
        margin-top: 0.6rem;
      }
      .add {
        display: flex;
        gap: 0.5rem;
        margin-block: 0.4rem;
      }
      .pages {
        display: flex;
        align-items: center;
        justify-content: space-between;
        margin-top: 0.4rem;
      }
    `,
  ];

  protected override updated(_changed: PropertyValues): void {
    // What is there changes with every answer, and with the place where it is kept.
    const { memories, phase, store } = this.session;
    if (phase !== "ready" || memories.state === null) return;
    const { answering, lookedAt } = this.session;
    const answer = [lookedAt?.id, answering === null];
    const now = JSON.stringify([memories.state, store.state, this.query, answer]);
    if (now === this.#asked) return;
    this.#asked = now;
    void this.#list();
  }

  async #list(): Promise<void> {
    try {
      const { query } = this;
      const listed = await this.session.memories.list(query);
      if (query !== this.query) return;
      this.listed = listed;
      if (listed.memories.length === 0 && query.start > 0) this.#find({ start: 0 });
    } catch (error) {
      this.problem = (error as Error).message;
    }
  }

  protected override render(): TemplateResult {
    const { memories, phase } = this.session;
    return html`
      <details>
        <summary class="fine">What am I looking at?</summary>
        <p class="fine">
          What you tell in one chat can help in the next: statements that seem to matter are kept,
          and those similar to a message are read by the model before it. The list below is all that
          is kept, and what you delete here is overwritten on the disk.
          <a href="docs/memory.html" target="_blank">More in the docs</a>
        </p>
      </details>
      ${
        phase !== "broken" && memories.state
          ? html`<echo-memories-switches .session=${this.session}></echo-memories-switches>
              <echo-adaptation .session=${this.session}></echo-adaptation>
              <echo-recalled .session=${this.session}></echo-recalled>
              ${this.#all(memories.state)}`
          : this.absent
      }
    `;
  }

  #all(now: MemoriesState): TemplateResult {
    const { listed, query } = this;
    return html`
      <h3>
        All memories${now.count ? html` <span class="muted number">${now.count}</span>` : nothing}
      </h3>
      ${
        now.count === 0
          ? html`<p class="fine muted">
              Nothing is remembered.
              ${
                now.on
                  ? "Tell something in the chat, such as “Remember that my sister Anna plays the cello.”"
                  : "Switch it on above, or write something down here."
              }
            </p>`
          : html`<echo-memories-filters
              .query=${this.query}
              .tags=${listed?.tags ?? []}
              @find=${({ detail }: CustomEvent<Partial<MemoryQuery>>) => this.#find(detail)}
            ></echo-memories-filters>`
      }
      ${this.#notes()}
      <form class="add" @submit=${this.#add}>
        <input type="text" aria-label="A new memory" placeholder="Write a memory down" required />
        <button type="submit">${icon("plus")} Add</button>
      </form>
      ${listed && now.count ? this.#rows(listed, query) : nothing} ${this.#foot(now)}
    `;
  }

  #rows({ memories, total }: MemoryList, { start }: MemoryQuery): TemplateResult {
    if (total === 0) return html`<p class="fine muted">No memory is like that.</p>`;
    const end = start + memories.length;
    return html`<div role="list" aria-label="Memories">
        ${repeat(
          memories,
          ({ id }) => id,
          (memory) =>
            html`<echo-memory-row
              role="listitem"
              .session=${this.session}
              .memory=${memory}
              .linking=${this.#linkOf(memory)}
              @tag=${({ detail }: CustomEvent<string>) => this.#find({ tag: detail })}
              @change=${({ detail }: CustomEvent<MemoryChange>) =>
                void this.#do(() => this.session.memories.edit(memory.id, detail), "Changed.")}
              @remove=${() => void this.#remove(memory)}
              @link=${() => void this.#link(memory)}
              @unlink=${({ detail }: CustomEvent<string>) =>
                void this.#do(
                  () => this.session.memories.dissociate(memory.id, detail),
                  "They no longer belong together.",
                )}
            ></echo-memory-row>`,
        )}
      </div>
      ${
        total > memories.length
          ? html`<div class="pages fine number">
              <button
                class="small"
                ?disabled=${start === 0}
                @click=${() => this.#find({ start: Math.max(0, start - PAGE) })}
              >
                ${icon("left")} Before
              </button>
              <span>${start + 1} to ${end} of ${total.toLocaleString("en")}</span>
              <button
                class="small"
                ?disabled=${end >= total}
                @click=${() => this.#find({ start: start + PAGE })}
              >
                After ${icon("right")}
              </button>
            </div>`
          : nothing
      }`;
  }

  #notes(): TemplateResult {
    return html`<div role="status" class="note fine">
      ${this.problem ? html`<span class="warning">${this.problem}</span>` : this.note}
      ${
        this.deleted
          ? html`<button class="small" @click=${this.#undo}>${icon("again")} Undo</button>`
          : nothing
      }
      ${
        this.linking
          ? html`<span>Choose the one that “${this.linking.content.slice(0, 60)}” belongs to.</span>
              <button class="small" @click=${() => (this.linking = null)}>Cancel</button>`
          : nothing
      }
    </div>`;
  }

  #foot(now: MemoriesState): TemplateResult {
    return html`<div class="foot">
      <button class="small" ?disabled=${now.count < 2} @click=${this.#consolidate}>
        Merge what says the same
      </button>
      <button class="small" ?disabled=${now.count === 0} @click=${this.#export}>Export</button>
      <button class="small" @click=${() => this.#file.click()}>${icon("file")} Import</button>
      <input
        type="file"
        hidden
        accept=".json,application/json"
        aria-label="A file of memories"
        @change=${this.#import}
      />
      ${
        this.forgetting
          ? html`<span class="fine warning"
                >Delete all ${count(now.count, "memory").replace(/ys$/, "ies")}?</span
              >
              <button class="small" @click=${this.#forget}>Delete all</button>
              <button class="small" @click=${() => (this.forgetting = false)}>Keep them</button>`
          : html`<button
              class="small"
              ?disabled=${now.count === 0}
              @click=${() => (this.forgetting = true)}
            >
              ${icon("delete")} Forget all
            </button>`
      }
    </div>`;
  }

  get #file(): HTMLInputElement {
    return this.renderRoot.querySelector<HTMLInputElement>("input[type=file]")!;
  }

  #find(change: Partial<MemoryQuery>): void {
    this.query = { ...this.query, start: 0, ...change };
  }

  /** Does something, and shows what there is then; whether it could be done. */
  async #do(work: () => Promise<unknown>, note = ""): Promise<boolean> {
    this.problem = "";
    this.deleted = null;
    try {
      await work();
      this.note = note;
    } catch (error) {
      this.problem = (error as Error).message;
    }
    await this.#list();
    this.renderRoot.querySelector<RecalledView>("echo-recalled")?.renew();
    return this.problem === "";
  }

  async #add(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const field = (event.target as HTMLFormElement).querySelector("input")!;
    if (await this.#do(() => this.session.memories.add(field.value), "Added.")) field.value = "";
  }

  async #remove(memory: Memory): Promise<void> {
    let gone: Memory | null = null;
    await this.#do(async () => (gone = await this.session.memories.delete(memory.id)), "Deleted.");
    this.deleted = gone;
  }

  #undo(): void {
    const { deleted } = this;
    if (deleted) void this.#do(() => this.session.memories.restore(deleted), "It is back.");
  }

  #linkOf({ id }: Memory): "" | "from" | "to" {
    if (!this.linking) return "";
    return this.linking.id === id ? "from" : "to";
  }

  async #link(memory: Memory): Promise<void> {
    const { linking } = this;
    if (!linking) {
      this.linking = memory;
      return;
    }
    this.linking = null;
    if (linking.id === memory.id) return;
    await this.#do(() => this.session.memories.associate(linking.id, memory.id), "Linked.");
  }

  async #consolidate(): Promise<void> {
    let note = "";
    await this.#do(async () => {
      const { merged } = await this.session.memories.consolidate();
      note = merged ? `${merged} merged into others.` : "No two say the same.";
    });
    this.note = note;
  }

  async #export(): Promise<void> {
    await this.#do(async () =>
      keep(FILE, await this.session.memories.export(), "application/json"),
    );
  }

  async #import(): Promise<void> {
    const file = this.#file.files?.[0];
    if (!file) return;
    this.#file.value = "";
    let note = "";
    await this.#do(async () => {
      note = `${await this.session.memories.import(await file.text())} imported.`;
    });
    this.note = note;
  }

  async #forget(): Promise<void> {
    this.forgetting = false;
    await this.#do(() => this.session.memories.forget(), "All are deleted.");
  }
}
