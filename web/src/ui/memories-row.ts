import { css, html, nothing, type TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";

import type { MemoryChange } from "../engine/memories.js";
import { MEMORY_TYPES, type Memory } from "../worker/protocol.js";
import { SessionElement } from "./element.js";
import { capital } from "./format.js";
import { icon } from "./icons.js";
import { look } from "./look.js";

/**
 * One memory: what it says, what is known of it, and what can be done with it.
 *
 * Fires `tag` with a tag that was chosen, `change` with a {@link MemoryChange}, `remove`, and
 * `link` to choose another one that belongs to it, or to be that one.
 */
@customElement("echo-memory-row")
export class MemoryRow extends SessionElement {
  @property({ attribute: false }) memory!: Memory;
  /** Another memory is being linked: `"from"` this one, or perhaps `"to"` it. */
  @property() linking: "" | "from" | "to" = "";
  @state() private editing = false;

  static override styles = [
    look,
    css`
      :host {
        display: block;
        padding: 0.6rem 0;
        border-bottom: 1px solid var(--line);
      }
      .content {
        display: -webkit-box;
        overflow: hidden;
        white-space: pre-line;
        overflow-wrap: anywhere;
        -webkit-box-orient: vertical;
        -webkit-line-clamp: 6;
      }
      .tools {
        display: flex;
        flex-wrap: wrap;
        gap: 0.1rem;
        margin-inline-start: -0.5rem;
      }
      .near button {
        min-height: 0;
        padding: 0.1rem 0.3rem;
        vertical-align: middle;
      }
      .near svg,
      .tools svg {
        width: 15px;
        height: 15px;
      }
      textarea {
        width: 100%;
        min-height: 4rem;
        padding: 0.4rem 0.6rem;
        border: 1px solid var(--line-strong);
        border-radius: 0.5rem;
        background: var(--paper);
        resize: vertical;
      }
      .fields {
        display: grid;
        grid-template-columns: 1fr 6rem;
        gap: 0.4rem 0.6rem;
        margin-block: 0.3rem;
      }
      .wide {
        grid-column: 1 / -1;
      }
    `,
  ];

  protected override render(): TemplateResult {
    return this.editing ? this.#form() : this.#shown();
  }

  #shown(): TemplateResult {
    const { memory } = this;
    const used = memory.access_count === 1 ? "used once" : `used ${memory.access_count} times`;
    return html`
      <p class="content">${memory.content}</p>
      <p class="fine muted number">
        ${memory.memory_type} · importance ${memory.importance.toFixed(2)} · ${used} ·
        ${date(memory.timestamp)}
      </p>
      ${
        memory.near.length
          ? html`<p class="fine muted">
              Belongs to:
              ${memory.near.map(
                (text, place) =>
                  html`<span class="near"
                    >“${text}”<button
                      class="small quiet"
                      aria-label=${`“${text}” no longer belongs to this`}
                      title="No longer belongs to this"
                      @click=${() => this.#fire("unlink", memory.associations[place])}
                    >
                      ${icon("close")}
                    </button></span
                  > `,
              )}
            </p>`
          : nothing
      }
      <div class="tools">
        ${memory.tags.map(
          (tag) =>
            html`<button
              class="small quiet"
              title="Only what has this tag"
              @click=${() => this.#fire("tag", tag)}
            >
              #${tag}
            </button>`,
        )}
        <button class="small quiet" @click=${this.#edit}>${icon("edit")} Edit</button>
        <button
          class="small quiet"
          aria-pressed=${this.linking === "from"}
          @click=${() => this.#fire("link")}
        >
          ${icon("plus")} ${this.linking === "to" ? "Belongs to this" : "Link"}
        </button>
        <button class="small quiet" @click=${() => this.#fire("remove")}>
          ${icon("delete")} Delete
        </button>
      </div>
    `;
  }

  #form(): TemplateResult {
    const { memory } = this;
    return html`<form @submit=${this.#save} @keydown=${this.#key}>
      <textarea aria-label="What is remembered" required .value=${memory.content}></textarea>
      <div class="fields">
        <label class="fine"
          >Type
          <select name="type">
            ${MEMORY_TYPES.map(
              (type) =>
                html`<option value=${type} ?selected=${type === memory.memory_type}>
                  ${capital(type)}
                </option>`,
            )}
          </select>
        </label>
        <label class="fine"
          >Importance
          <input
            name="importance"
            type="number"
            min="0"
            max="1"
            step="any"
            required
            .value=${String(memory.importance)}
          />
        </label>
        <label class="fine wide"
          >Tags, with commas between
          <input name="tags" type="text" .value=${memory.tags.join(", ")} />
        </label>
      </div>
      <button class="small primary" type="submit">Save</button>
      <button class="small quiet" type="button" @click=${this.#leave}>Cancel</button>
    </form>`;
  }

  async #edit(): Promise<void> {
    this.editing = true;
    await this.updateComplete;
    this.renderRoot.querySelector("textarea")?.focus();
  }

  async #leave(): Promise<void> {
    this.editing = false;
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>("button")?.focus();
  }

  #key(event: KeyboardEvent): void {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    void this.#leave();
  }

  #save(event: SubmitEvent): void {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const field = (name: string) => form.querySelector<HTMLInputElement>(`[name=${name}]`)!;
    const changes: MemoryChange = {
      content: form.querySelector("textarea")!.value,
      memory_type: field("type").value as Memory["memory_type"],
      importance: field("importance").valueAsNumber,
      tags: field("tags")
        .value.split(",")
        .map((tag) => tag.trim())
        .filter(Boolean),
    };
    void this.#leave();
    this.#fire("change", changes);
  }

  #fire(name: string, detail?: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** The day of seconds since 1970: `22 Nov 2026`. */
function date(seconds: number): string {
  return new Date(seconds * 1000).toLocaleDateString("en-GB", { dateStyle: "medium" });
}
