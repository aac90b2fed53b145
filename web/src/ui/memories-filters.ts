import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { customElement, property } from "lit/decorators.js";

import type { MemoryQuery } from "../engine/memories.js";
import { MEMORY_TYPES, type MemoryList } from "../worker/protocol.js";
import { capital } from "./format.js";
import { look } from "./look.js";

const SORTS: readonly (readonly [MemoryQuery["sort"], string])[] = [
  ["newest", "Newest first"],
  ["oldest", "Oldest first"],
  ["important", "Most important first"],
  ["used", "Most used first"],
];

/** Which memories are listed, and in which order. Fires `find` with what changes of that. */
@customElement("echo-memories-filters")
export class MemoriesFilters extends LitElement {
  @property({ attribute: false }) query!: MemoryQuery;
  @property({ attribute: false }) tags: MemoryList["tags"] = [];

  static override styles = [
    look,
    css`
      :host {
        display: block;
      }
      .row {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr));
        gap: 0.4rem;
        margin-top: 0.4rem;
      }
    `,
  ];

  protected override render(): TemplateResult {
    const { query, tags } = this;
    return html`<input
        type="text"
        aria-label="Search memories"
        placeholder="Search"
        .value=${query.text}
        @input=${(event: Event) => this.#find({ text: (event.target as HTMLInputElement).value })}
      />
      <div class="row">
        ${this.#choice("Type", "type", query.type, [
          ["", "Every type"],
          ...MEMORY_TYPES.map((type) => [type, capital(type)] as const),
        ])}
        ${
          tags.length
            ? this.#choice("Tag", "tag", query.tag, [
                ["", "Every tag"],
                ...tags.map(([tag, n]) => [tag, `#${tag} (${n})`] as const),
              ])
            : nothing
        }
        ${this.#choice("Order", "sort", query.sort, SORTS)}
      </div>`;
  }

  #choice(
    label: string,
    name: "type" | "tag" | "sort",
    chosen: string,
    options: readonly (readonly [string, string])[],
  ): TemplateResult {
    return html`<select
      aria-label=${label}
      @change=${(event: Event) => this.#find({ [name]: (event.target as HTMLSelectElement).value })}
    >
      ${options.map(
        ([value, text]) =>
          html`<option value=${value} .selected=${value === chosen}>${text}</option>`,
      )}
    </select>`;
  }

  #find(change: Partial<MemoryQuery>): void {
    this.dispatchEvent(new CustomEvent("find", { detail: change }));
  }
}
