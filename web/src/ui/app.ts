import { css, html, nothing, type TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { unsafeHTML } from "lit/directives/unsafe-html.js";

import { readPlace, writePlace, type Column, type Place } from "../address.js";
import type { OfflineState } from "../sw/offline.js";
import type { RequestsDialog, SettingsDialog } from "./dialogs.js";
import { SessionElement } from "./element.js";
import { megabytes } from "./format.js";
import { icon } from "./icons.js";
import type { Inside, View } from "./inside.js";
import { look } from "./look.js";
import { MARK } from "./mark.js";
import type { TalkView } from "./talk.js";
import "./conversations.js";
import "./dialogs.js";
import "./inside.js";
import "./status.js";
import "./talk.js";

/** The frame: three columns, the bar above them, and the keys that work everywhere. */
@customElement("echo-app")
export class App extends SessionElement {
  @state() private place: Place = readPlace(location.hash);
  @state() private dropping = false;
  @state() offline: OfflineState | null = null;
  @state() private renewal = "New version: reload";
  @state() private laboratory: "" | "coming" | "here" | "missing" = "";

  /** Reloads into the newer build; false if other pages of this site keep the old one. */
  renew: () => Promise<boolean> = () => Promise.resolve(false);
  @query("echo-talk") private talk!: TalkView;
  @query("echo-settings") private settings!: SettingsDialog;
  @query("echo-requests") private requests!: RequestsDialog;

  static override styles = [
    look,
    css`
      :host {
        display: grid;
        grid-template-rows: auto minmax(0, 1fr);
        height: 100dvh;
        background: var(--paper);
      }
      main {
        display: grid;
        grid-template: minmax(0, 1fr) / 16rem minmax(0, 1fr);
        min-height: 0;
      }
      :host([inside]) main {
        grid-template-columns: 16rem minmax(0, 1fr) minmax(22rem, 28rem);
      }
      .top {
        display: flex;
        align-items: center;
        gap: 0.25rem;
        padding: 0.4rem 0.75rem;
        border-bottom: 1px solid var(--line);
        background: var(--surface);
      }
      h1 {
        display: flex;
        align-items: center;
        gap: 0.55rem;
        margin-inline-end: auto;
        padding-inline-start: 0.35rem;
        font-size: 1rem;
        font-weight: 650;
        letter-spacing: -0.005em;
        white-space: nowrap;
      }
      h1 svg {
        color: var(--accent);
      }
      nav,
      .inside {
        min-height: 0;
        background: var(--side);
      }
      nav {
        border-inline-end: 1px solid var(--line);
      }
      .inside {
        border-inline-start: 1px solid var(--line);
        background: var(--surface);
      }
      nav > *,
      .inside > * {
        height: 100%;
      }
      .centre {
        display: flex;
        flex-direction: column;
        min-height: 0;
        min-width: 0;
      }
      echo-talk {
        flex: 1;
      }
      .chats {
        display: none;
      }
      .coming {
        padding: 1.5rem;
        color: var(--muted);
      }
      .top a {
        display: inline-flex;
        align-items: center;
        gap: 0.4em;
        min-height: 2.25rem;
        padding: 0.25rem 0.75rem;
        border-radius: 0.5rem;
        color: inherit;
        text-decoration: none;
      }
      .top a:hover {
        background: var(--hover);
      }
      button[aria-pressed="true"] {
        background: var(--hover);
        color: var(--accent);
      }
      .memory {
        font-size: 0.875rem;
        white-space: nowrap;
      }
      .gauge {
        width: 2.5rem;
        height: 0.4rem;
        border-radius: 0.2rem;
        background: linear-gradient(currentColor 0 0) no-repeat var(--line) 0 0 /
          calc(100% * var(--held)) 100%;
        color: var(--accent);
      }
      .memory.warning .gauge {
        color: var(--warning);
      }
      .fresh {
        color: var(--accent);
      }
      .drop {
        position: fixed;
        inset: 0.75rem;
        z-index: 2;
        display: grid;
        place-items: center;
        border: 2px dashed var(--accent);
        border-radius: 1rem;
        background: color-mix(in srgb, var(--paper) 88%, transparent);
        font-size: 1.25rem;
        pointer-events: none;
      }
      @media (max-width: 68rem) {
        :host([inside]) main {
          grid-template-columns: 0 minmax(0, 1fr) minmax(20rem, 24rem);
        }
        :host([inside]) nav {
          visibility: hidden;
          border: 0;
          overflow: hidden;
        }
      }
      @media (max-width: 48rem) {
        main,
        :host([inside]) main {
          grid-template-columns: minmax(0, 1fr);
        }
        nav,
        .inside {
          border: 0;
        }
        .chats {
          display: inline-flex;
        }
        main > * {
          grid-area: 1 / 1;
        }
        :host([column="chats"]) main > :not(nav),
        :host([column="talk"]) main > :not(.centre),
        :host([column="inside"]) main > :not(.inside) {
          display: none;
        }
        :host([column="chats"]) nav {
          visibility: visible;
        }
        .gauge,
        h1 svg {
          display: none;
        }
        .memory {
          padding-inline: 0.35rem;
        }
        .wide {
          position: absolute;
          width: 1px;
          height: 1px;
          overflow: hidden;
          clip-path: inset(50%);
        }
      }
      @media (max-width: 24rem) {
        .top button,
        .top a {
          padding-inline: 0.5rem;
        }
        .top .memory {
          padding-inline: 0.2rem;
        }
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener("hashchange", this.#navigated);
    addEventListener("keydown", this.#key);
    addEventListener("dragover", this.#drag);
    addEventListener("dragleave", this.#dragEnd);
    addEventListener("drop", this.#drop);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("hashchange", this.#navigated);
    removeEventListener("keydown", this.#key);
    removeEventListener("dragover", this.#drag);
    removeEventListener("dragleave", this.#dragEnd);
    removeEventListener("drop", this.#drop);
  }

  readonly #navigated = () => {
    const place = readPlace(location.hash);
    // The laboratory has no talk of its own: the one at hand goes on behind it.
    if (place.laboratory) {
      this.place = { ...place, talk: this.place.talk };
      return;
    }
    if (this.place.laboratory) void this.updateComplete.then(() => this.talk.focus());
    this.place = place;
    if (this.place.talk) this.session.openTalk(this.place.talk);
    else this.session.newTalk();
  };

  protected override willUpdate(changed: Map<string, unknown>): void {
    super.willUpdate(changed);
    // The address follows the talk: a new talk gets its address with its first message.
    const { talk } = this.session;
    const id = talk.leaf === null ? null : talk.id;
    if (id !== this.place.talk) this.#go({ talk: id });
    if (this.place.laboratory) this.#openLaboratory();
    this.toggleAttribute("inside", this.place.view !== null);
    this.setAttribute("column", this.place.column);
  }

  protected override firstUpdated(): void {
    if (!this.place.laboratory && matchMedia("(hover: hover)").matches)
      void this.updateComplete.then(() => this.talk.focus());
  }

  /** The laboratory's program comes when somebody goes there. */
  #openLaboratory(): void {
    if (this.laboratory) return;
    this.laboratory = "coming";
    import("../laboratory/laboratory.js").then(
      () => (this.laboratory = "here"),
      () => (this.laboratory = "missing"),
    );
  }

  #go(change: Partial<Place>): void {
    const place = { ...this.place, ...change };
    const hash = writePlace(place);
    if (hash !== location.hash) {
      history.pushState(null, "", hash || location.pathname + location.search);
    }
    this.place = place;
  }

  protected override render(): TemplateResult {
    const { session, place } = this;
    return html`
      <div class="top" role="banner">
        <button
          class="quiet chats"
          ?hidden=${place.laboratory !== null}
          aria-pressed=${place.column === "chats"}
          @click=${() => this.#toggle("chats")}
        >
          ${icon("chats")} <span class="wide">Chats</span>
        </button>
        <h1>${unsafeHTML(MARK)} Deep Tree Echo</h1>
        ${
          this.offline === "newer"
            ? html`<button class="quiet fresh" @click=${() => void this.#renew()}>
                ${icon("again")} <span class="wide">${this.renewal}</span>
              </button>`
            : nothing
        }
        ${this.#memory()} ${place.laboratory ? this.#wayBack() : this.#wayIn()}
      </div>
      ${place.laboratory ? this.#bench(place.laboratory) : nothing}
      <main ?hidden=${place.laboratory !== null}>
        <nav aria-label="Chats">
          <echo-conversations .session=${session} @chosen=${this.#chosen}></echo-conversations>
        </nav>
        <section class="centre">
          <echo-talk .session=${session}></echo-talk>
          <echo-status .session=${session} @requests=${() => this.requests.open()}></echo-status>
        </section>
        ${
          place.view === null
            ? nothing
            : html`<section class="inside" aria-label="Inside">
                <echo-inside
                  .session=${session}
                  .view=${place.view}
                  @view=${(event: CustomEvent<View>) => this.#go({ view: event.detail })}
                  @close=${this.#closeInside}
                ></echo-inside>
              </section>`
        }
        <echo-settings .session=${session}></echo-settings>
        <echo-requests .session=${session}></echo-requests>
        ${this.dropping ? html`<div class="drop">Drop a model file to load it</div>` : nothing}
      </main>
    `;
  }

  /** What the top offers beside the chat. */
  #wayIn(): TemplateResult {
    const { place } = this;
    return html`<a class="quiet" href="#/laboratory/membranes">
        ${icon("laboratory")} <span class="wide">Laboratory</span>
      </a>
      <button class="quiet" @click=${() => this.settings.open()}>
        ${icon("settings")} <span class="wide">Settings</span>
      </button>
      <button
        class="quiet"
        aria-pressed=${place.view !== null && place.column !== "chats"}
        @click=${() => this.#toggle("inside")}
      >
        ${icon("inside")} <span class="wide">Inside</span>
      </button>`;
  }

  /** The way from the laboratory back to the talk. */
  #wayBack(): TemplateResult {
    const hash = writePlace({ ...this.place, laboratory: null });
    return html`<a class="quiet" href=${hash || "#"}>
      ${icon("chats")} <span class="wide">Chat</span>
    </a>`;
  }

  #bench(section: NonNullable<Place["laboratory"]>): TemplateResult {
    if (this.laboratory === "here") {
      return html`<echo-laboratory .session=${this.session} .section=${section}></echo-laboratory>`;
    }
    return html`<p class="coming" role=${this.laboratory === "missing" ? "alert" : "status"}>
      ${
        this.laboratory === "missing"
          ? "The laboratory's program could not be fetched from this site; reload the page."
          : "Opening the laboratory…"
      }
    </p>`;
  }

  /** The memory held, in short; it leads to the whole of it. */
  #memory(): TemplateResult | typeof nothing {
    const { loaded, memory } = this.session;
    if (!loaded) return nothing;
    const limit = loaded.limitBytes;
    const held = memory.heldBytes;
    return html`<button
      class=${`quiet memory number${held > limit ? " warning" : ""}`}
      title=${`${megabytes(held)} of ${megabytes(limit)} MB of memory`}
      @click=${this.#showMemory}
    >
      <span class="gauge" .style=${`--held: ${Math.min(1, held / limit)}`}></span>
      <span class="hidden-text">Memory: </span>${Math.round(held / 1e6)} MB<span
        class="hidden-text"
      >
        of ${megabytes(limit)} MB</span
      >
    </button>`;
  }

  async #showMemory(): Promise<void> {
    this.#go({ view: "model", column: "inside", laboratory: null });
    await this.updateComplete;
    await this.renderRoot.querySelector<Inside>("echo-inside")!.showMemory();
  }

  async #renew(): Promise<void> {
    if (await this.renew()) return;
    this.renewal = "New version: close this site's other tabs first";
  }

  #toggle(column: Column): void {
    if (column === "inside") {
      const open = this.place.view !== null;
      this.#go({ view: open ? null : "state", column: open ? "talk" : "inside" });
    } else {
      this.#go({ column: this.place.column === column ? "talk" : column });
    }
  }

  /** What had the focus is gone: it goes to the button that opens Inside again. */
  #closeInside(): void {
    this.#toggle("inside");
    this.renderRoot.querySelector<HTMLElement>(".top button:last-child")?.focus();
  }

  #chosen(): void {
    this.#go({ column: "talk", laboratory: null });
    this.talk.focus();
  }

  readonly #key = (event: KeyboardEvent) => {
    if (event.defaultPrevented) return;
    const dialog = this.renderRoot.querySelector("echo-settings, echo-requests");
    const modal = dialog?.shadowRoot?.querySelector("dialog[open]");
    if (event.key === "Escape" && !modal && this.session.answering) {
      this.session.stop();
    } else if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.session.newTalk();
      this.#chosen();
    } else if (event.key === "/" && !typing(event) && !this.place.laboratory) {
      event.preventDefault();
      this.#chosen();
    }
  };

  readonly #drag = (event: DragEvent) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    this.dropping = true;
  };

  readonly #dragEnd = (event: DragEvent) => {
    if (event.relatedTarget === null) this.dropping = false;
  };

  readonly #drop = (event: DragEvent) => {
    this.dropping = false;
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    event.preventDefault();
    this.#go({ view: "model", column: "inside", laboratory: null });
    if (this.session.phase === "ready") void this.session.models.pick({ kind: "file", file });
  };
}

function typing(event: KeyboardEvent): boolean {
  const target = event.composedPath()[0];
  return (
    target instanceof HTMLInputElement ||
    target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement
  );
}
