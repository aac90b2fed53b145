import { savedByRounding } from "../worker/head.js";
import type { LocalSource, ModelProgress, ModelSource, Preview } from "../worker/protocol.js";
import { callback } from "./link.js";
import type { Session } from "./session.js";

/** A model on its way in, or why it did not arrive. */
export interface Loading {
  label: string;
  step: ModelProgress | null;
  problem?: string;
  /** It would fit without the model in use: what to load once that is let go. */
  needsRoom?: ModelSource;
}

/** A file that was picked, and a choice to be made about it. */
export interface Choice {
  source: LocalSource;
  preview: Preview;
}

/** Loading other models; the one in use stays until another is ready, and if that fails. */
export class Models {
  loading: Loading | null = null;
  /** A picked file that waits for a word about its head. */
  choice: Choice | null = null;
  /** Whether large heads are rounded to Q8_0 while loading. */
  roundHeads = true;
  #source: ModelSource = { kind: "bundled" };

  constructor(private readonly session: Session) {}

  /** Loads what an engine before this one had in use. */
  async restore(): Promise<void> {
    if (this.#source.kind !== "bundled") await this.load(this.#source);
  }

  /** Reads what was chosen earlier. */
  async restorePreferences(): Promise<void> {
    const { roundHeads } = await this.session.store.preferences();
    this.roundHeads = roundHeads ?? this.roundHeads;
  }

  /** There is no engine to load anything. */
  clear(): void {
    this.loading = null;
    this.choice = null;
  }

  /** Looks at a file on this machine; loads it, or asks about its head first. */
  async pick(source: LocalSource): Promise<void> {
    this.choice = null;
    const loading: Loading = { label: labelOf(source), step: null };
    this.loading = loading;
    this.session.changed();
    try {
      const preview = await this.session.engine.preview(source, this.roundHeads);
      if (this.loading !== loading) return;
      if (!preview || savedByRounding(preview) === 0) return await this.load(source);
      this.loading = null;
      this.choice = { source, preview };
    } catch (error) {
      this.#refuse(loading, source, error as Error);
    }
    this.session.changed();
  }

  /** Loads the picked file, with its head rounded or not; the answer is kept for the next one. */
  async choose(round: boolean): Promise<void> {
    const { choice } = this;
    if (!choice) return;
    this.choice = null;
    this.setRoundHeads(round);
    await this.load(choice.source);
  }

  /** Puts a picked file back. */
  dropChoice(): void {
    this.choice = null;
    this.session.changed();
  }

  setRoundHeads(round: boolean): void {
    this.roundHeads = round;
    this.session.store.savePreferences({ roundHeads: round });
    this.session.changed();
  }

  /** Loads the bundled model in place of the one in use, and then what had no room beside it. */
  async makeRoom(): Promise<void> {
    const source = this.loading?.needsRoom;
    if (!source) return;
    await this.load({ kind: "bundled" });
    if (this.loading === null) await this.load(source);
  }

  #refuse(loading: Loading, source: ModelSource, { name, message }: Error): void {
    if (this.loading !== loading) return;
    this.loading = null;
    if (name === "Cancelled") return;
    this.loading = { label: loading.label, step: null, problem: message };
    if (name === "RoomError") this.loading.needsRoom = source;
  }

  /** Loads another model; the one in use stays until it is ready, and if it fails. */
  async load(source: ModelSource): Promise<void> {
    if (this.session.answering) this.session.answers.stop();
    this.choice = null;
    const loading: Loading = { label: labelOf(source), step: null };
    this.loading = loading;
    this.session.changed();
    try {
      const loaded = await this.session.engine.loadModel(
        source,
        this.roundHeads,
        callback((step: ModelProgress) => {
          loading.step = step;
          this.session.changed();
        }),
      );
      this.#source = source;
      this.session.live.contextTokens = 0;
      this.session.use(loaded);
      if (this.loading === loading) this.loading = null;
      void this.session.memory.measure();
    } catch (error) {
      this.#refuse(loading, source, error as Error);
    }
    this.session.changed();
  }

  /** Removes a kept model, or says why that cannot be. */
  async remove(name: string): Promise<void> {
    try {
      await this.session.engine.deleteCached(name);
    } catch (error) {
      const label = labelOf({ kind: "cached", name });
      this.loading = { label, step: null, problem: (error as Error).message };
      this.session.changed();
    }
  }

  /** Takes back the model that is being loaded, or clears away why it failed. */
  cancel(): void {
    if (this.loading?.problem === undefined) void this.session.engine.cancelLoad();
    this.loading = null;
    this.session.changed();
  }
}

function labelOf(source: ModelSource): string {
  switch (source.kind) {
    case "bundled":
      return "the bundled model";
    case "file":
      return source.file.name;
    case "url":
      return source.url;
    case "cached":
      return decodeURIComponent(source.name).split("/").at(-1) ?? source.name;
  }
}
