import { html, nothing, type TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { unsafeHTML } from "lit/directives/unsafe-html.js";

import { readPlace, writePlace, type Column, type Place, type View } from "../address.js";
import type { Message } from "../talk/tree.js";
import type { OfflineState } from "../sw/offline.js";
import type { RequestsDialog, SettingsDialog } from "./dialogs.js";
import { SessionElement } from "./element.js";
import { megabytes } from "./format.js";
import { frame } from "./frame.js";
import { icon } from "./icons.js";
import type { Inside } from "./inside.js";
import { look } from "./look.js";
import { MARK } from "./mark.js";
import type { TalkView } from "./talk.js";
import type { Compare } from "./compare.js";
import type { Conversations } from "./conversations.js";
import "./compare.js";
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
  @query("echo-conversations") private conversations!: Conversations;
  @query("echo-compare") private compare!: Compare;
  @query("echo-settings") private settings!: SettingsDialog;
  @query("echo-requests") private requests!: RequestsDialog;

  static override styles = [look, frame];

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
    if (this.place.talk) void this.session.openTalk(this.place.talk);
    else this.session.newTalk();
  };

  protected override willUpdate(changed: Map<string, unknown>): void {
    super.willUpdate(changed);
    // The address follows the talk: a new talk gets its address with its first message.
    const { talk, wanted } = this.session;
    const id = talk.leaf === null ? null : talk.id;
    // Until the store is open, the talk of the address is still to come.
    if (id !== this.place.talk && wanted === null) {
      // The way back leads past talks that are gone, not to them.
      const known = this.session.talks.some((other) => other.id === this.place.talk);
      this.#go({ talk: id }, this.place.talk !== null && !known);
    }
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

  #go(change: Partial<Place>, replaces = false): void {
    const place = { ...this.place, ...change };
    const hash = writePlace(place);
    if (hash !== location.hash) {
      const address = hash || location.pathname + location.search;
      if (replaces) history.replaceState(null, "", address);
      else history.pushState(null, "", address);
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
          <echo-talk
            .session=${session}
            @look-inside=${this.#lookInside}
            @compare=${(event: CustomEvent<Message>) => this.compare.open(event.detail)}
          ></echo-talk>
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
        <echo-compare .session=${session}></echo-compare>
        <echo-requests .session=${session}></echo-requests>
        ${this.dropping ? html`<div class="drop">Drop a model file to load it</div>` : nothing}
      </main>
    `;
  }

  /** What the top offers beside the chat. */
  #wayIn(): TemplateResult {
    const { place } = this;
    return html`<a class="quiet" href="#/laboratory/reservoir">
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

  /** An answer's steps or memories, as its button asks. */
  #lookInside({ detail: view }: CustomEvent<View>): void {
    this.#go({ view, column: "inside" });
    void this.updateComplete.then(() =>
      this.renderRoot.querySelector<Inside>("echo-inside")?.focusTab(),
    );
  }

  async #renew(): Promise<void> {
    this.renewal = "New version: waits for this site’s other tabs";
    if (await this.renew()) return;
    this.renewal = "New version: close this site’s other tabs first";
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

  #chosen(event?: CustomEvent<string | null>): void {
    this.#go({ column: "talk", laboratory: null });
    this.talk.focus();
    if (event?.detail) this.talk.reveal(event.detail);
  }

  /** Goes to the search, which has no room beside Inside on a narrow page. */
  async #search(): Promise<void> {
    if (matchMedia("(max-width: 48rem)").matches) this.#go({ column: "chats" });
    else if (matchMedia("(max-width: 68rem)").matches) this.#go({ view: null });
    await this.updateComplete;
    this.conversations.search();
  }

  readonly #key = (event: KeyboardEvent) => {
    if (event.defaultPrevented) return;
    const dialogs = [
      ...this.renderRoot.querySelectorAll("echo-settings, echo-requests, echo-compare"),
    ];
    const modal = dialogs.some((one) => one.shadowRoot?.querySelector("dialog[open]"));
    if (event.key === "Escape" && !modal && this.session.answering) {
      this.session.answers.stop();
    } else if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.session.newTalk();
      this.#chosen();
    } else if (event.key === "/" && !typing(event) && !this.place.laboratory) {
      event.preventDefault();
      void this.#search();
    } else if (event.key === "w" && plain(event) && !typing(event) && !this.place.laboratory) {
      event.preventDefault();
      void this.talk.toggleWords();
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
    const pick = () => void this.session.models.pick({ kind: "file", file });
    if (this.session.phase === "ready") pick();
    else this.session.addEventListener("ready", pick, { once: true });
  };
}

/** Whether no other key is held with it. */
function plain(event: KeyboardEvent): boolean {
  return !event.ctrlKey && !event.metaKey && !event.altKey;
}

function typing(event: KeyboardEvent): boolean {
  const target = event.composedPath()[0];
  return (
    target instanceof HTMLInputElement ||
    target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement
  );
}
