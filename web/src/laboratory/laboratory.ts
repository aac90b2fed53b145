import { css, nothing, type PropertyValues, type TemplateResult } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { html, unsafeStatic } from "lit/static-html.js";

import { SECTION_NAMES, type SectionName } from "../address.js";
import { SessionElement } from "../ui/element.js";
import { look } from "../ui/look.js";
import { SECTIONS } from "./sections.js";

const STILL = matchMedia("(prefers-reduced-motion: reduce)");

/** The laboratory: its sections, one at a time, each with a program of its own. */
@customElement("echo-laboratory")
export class Laboratory extends SessionElement {
  @property() section: SectionName = "membranes";
  @state() private loaded = new Set<SectionName>();
  @state() private problem = "";
  @state() private still = STILL.matches;
  @query("h2") private heading!: HTMLElement;

  static override styles = [
    look,
    css`
      :host {
        display: grid;
        grid-template-rows: auto minmax(0, 1fr);
        min-height: 0;
        background: var(--paper);
      }
      nav {
        display: flex;
        gap: 0.25rem;
        padding: 0 1.1rem;
        border-bottom: 1px solid var(--line);
        background: var(--surface);
        overflow-x: auto;
      }
      nav a {
        display: inline-flex;
        align-items: center;
        min-height: 2.75rem;
        padding: 0 0.75rem;
        border-bottom: 2px solid transparent;
        color: var(--muted);
        text-decoration: none;
      }
      nav a:hover {
        color: var(--ink);
      }
      nav a[aria-current] {
        border-bottom-color: var(--accent);
        color: var(--ink);
        font-weight: 600;
      }
      .body {
        overflow-y: auto;
        padding: 1.5rem 1.1rem 4rem;
      }
      .measure {
        max-width: 78rem;
        margin: 0 auto;
      }
      h2 {
        margin-bottom: 0.3rem;
        font-size: 1.375rem;
        line-height: 1.25;
        letter-spacing: -0.01em;
      }
      h2:focus-visible {
        outline: none;
      }
      .head {
        display: flex;
        flex-wrap: wrap;
        align-items: baseline;
        gap: 0 1.25rem;
      }
      .about {
        flex: 1 1 20rem;
        max-width: 100ch;
        font-size: 0.9375rem;
        color: var(--muted);
      }
      @media (max-width: 48rem) {
        nav {
          padding: 0 0.5rem;
        }
        .body {
          padding: 1.1rem 0.85rem 4rem;
        }
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    STILL.addEventListener("change", this.#motion);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    STILL.removeEventListener("change", this.#motion);
  }

  readonly #motion = () => (this.still = STILL.matches);

  /** What led here is gone, so the keyboard begins with the section. */
  protected override firstUpdated(): void {
    this.heading.focus();
  }

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed);
    if (changed.has("section") && !this.loaded.has(this.section)) void this.#load(this.section);
  }

  async #load(name: SectionName): Promise<void> {
    try {
      await SECTIONS[name].load();
      this.loaded = new Set(this.loaded).add(name);
      this.problem = "";
    } catch {
      this.problem = "This section's program could not be fetched from this site; reload the page.";
    }
  }

  protected override render(): TemplateResult {
    const { title, about, tag } = SECTIONS[this.section];
    const element = unsafeStatic(tag);
    return html`
      <nav aria-label="Laboratory">
        ${SECTION_NAMES.map(
          (name) =>
            html`<a
              href=${`#/laboratory/${name}`}
              aria-current=${name === this.section ? "page" : nothing}
              >${SECTIONS[name].title}</a
            >`,
        )}
      </nav>
      <div class="body" role="main">
        <div class="measure">
          <div class="head">
            <h2 tabindex="-1">${title}</h2>
            <p class="about">${about}</p>
          </div>
          ${
            this.loaded.has(this.section)
              ? html`<${element} .session=${this.session} .still=${this.still}></${element}>`
              : html`<p class="muted" role=${this.problem ? "alert" : "status"}>
                  ${this.problem || "Opening…"}
                </p>`
          }
        </div>
      </div>
    `;
  }
}
