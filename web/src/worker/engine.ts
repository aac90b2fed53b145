/// <reference lib="webworker" />
import * as Comlink from "comlink";

import type { Door, KeptDoor, Laboratory, LaboratoryAnswer, Tell } from "./door.js";
import { scriptBytes } from "./memory.js";
import {
  Cancelled,
  type Check,
  type ModelBytes,
  ModelCache,
  openLocal,
  openSource,
  watched,
} from "./models.js";
import { PythonStart } from "./python.js";
import type {
  CachedModel,
  Engine,
  EngineEvent,
  Loaded,
  LocalSource,
  MemoryReport,
  ModelProgress,
  ModelSource,
  PartProgress,
  Preview,
  Question,
  RequestRecord,
  ReservoirView,
  Spot,
  StateQuery,
  StateView,
  StorageState,
  TakenCandidate,
} from "./protocol.js";
import type { Rows } from "./rows.js";
import { Storage } from "./storage.js";
import { readReservoir, readState, ViewFeed } from "./viewfeed.js";

/** How long Python may work before waiting messages, such as a stop, get their turn. */
const SLICE_SECONDS = 0.012;

/** What large heads are rounded to, where that is wanted. */
const ROUNDED = "Q8_0";

/** After the start, how long the first answer has the machine for itself. */
const CALM_MS = 2000;

/** Lets the messages that wait be handled; unlike a timer it is never slowed to 4 ms. */
function breathe(): Promise<void> {
  return new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      channel.port1.close();
      resolve();
    };
    channel.port2.postMessage(null);
  });
}

/** The last line of a Python traceback without the exception's name: our one sentence. */
function sentence(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  if (error.name !== "PythonError") return error;
  const last = error.message.trimEnd().split("\n").at(-1) ?? "";
  const match = /^(?:[\w.]+\.)?(\w+): (.*)$/.exec(last);
  const result = new Error(match?.[2] ?? last);
  result.name = match?.[1] ?? "Error";
  return result;
}

/** Everything is asked for before the page says a word; the site lies one folder up. */
const start = new PythonStart(new URL("../", self.location.href).href);

class PythonEngine implements Engine {
  #door: Door | null = null;
  #cache = new ModelCache();
  readonly #storage = new Storage();
  #loading: AbortController | null = null;
  #answering = false;
  #choosing: Promise<unknown> = Promise.resolve();
  #state = new ViewFeed(readState);
  #reservoir = new ViewFeed<true, ReservoirView>(readReservoir);
  #seeks = 0;
  #requests: RequestRecord[] = [];
  readonly #rest = once(async () => this.#place(await (await start.begun).rest()));
  readonly #seldom = once(async () => this.#place(await (await start.begun).seldom()));
  readonly #laboratory = once(() => this.#openLaboratory());
  #added = new Map<string, Promise<void>>();

  constructor() {
    // Beside Python, which takes longer.
    this.#storage.begin();
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as PerformanceResourceTiming[]) {
        this.#requests.push({
          url: entry.name,
          by: "engine",
          bytes: entry.transferSize,
          at: performance.timeOrigin + entry.startTime,
        });
      }
    }).observe({ type: "resource", buffered: true });
  }

  async boot(progress: (part: PartProgress) => void): Promise<Loaded> {
    const { pyodide, missing } = await start.boot(progress).catch((error: unknown) => {
      this.#storage.end();
      throw error;
    });
    try {
      const page = pyodide.pyimport("deep_tree_echo.page") as { Page(): Door };
      this.#door = page.Page();
      const loaded = await this.#loadBundled(JSON.stringify(Object.fromEntries(missing)));
      setTimeout(() => void this.#complete(), CALM_MS);
      return loaded;
    } catch (error) {
      throw sentence(error);
    }
  }

  /**
   * Completes Python with the files that the first answer does without, where `whole` is set also
   * with those that only the memories and the laboratory use.
   */
  async #complete(whole = false): Promise<void> {
    for (const part of await Promise.allSettled([this.#rest(), whole && this.#seldom()])) {
      if (part.status === "fulfilled") continue;
      const { message } = part.reason as Error;
      console.warn(`Parts of Python that are rarely used are missing: ${message}`);
    }
  }

  /** Putting files in their places takes a moment, which no answer waits for. */
  async #place(place: () => void): Promise<void> {
    while (this.#answering) await new Promise((resolve) => setTimeout(resolve, 200));
    place();
    this.#door?.settle();
  }

  async #loadBundled(missing = "{}"): Promise<Loaded> {
    const { withModel } = await start.begun;
    return await this.#load(() => withModel(() => this.#ready().load_bundled(missing)));
  }

  async #load(work: () => Promise<string>): Promise<Loaded> {
    const loaded = JSON.parse(await work()) as Loaded;
    this.#state.reset();
    this.#reservoir.reset();
    return loaded;
  }

  async loadModel(
    source: ModelSource,
    round: boolean,
    progress: (step: ModelProgress) => void,
  ): Promise<Loaded> {
    const door = this.#ready();
    this.#loading?.abort();
    const loading = new AbortController();
    this.#loading = loading;
    const tell = throttled(progress);
    await this.#complete();
    try {
      if (source.kind === "bundled") return await this.#loadBundled();
      const head = round ? ROUNDED : undefined;
      const check: Check = (name, size, first) =>
        void door.check(name, size, first, head, undefined, true);
      const model = await openSource(source, this.#cache, loading.signal, tell, check);
      try {
        const [first, ends] = await sides(door, model);
        const rows = await rowsOf(door, model, head, first, ends);
        const opened: AsyncGenerator<Uint8Array>[] = [];
        const open = () => {
          opened.push(watched(model, loading.signal, tell));
          return opened.at(-1)!;
        };
        try {
          return await this.#load(() =>
            door.load(model.name, model.size, open, "auto", head, first, ends, rows),
          );
        } catch (error) {
          rows?.close();
          throw error;
        } finally {
          // Python does not tell when it stops reading early; a file that stays open is locked.
          await Promise.all(opened.map((pieces) => pieces.return(undefined)));
        }
      } catch (error) {
        // A download that turns out to be no model is not kept; one without room is.
        const keep = loading.signal.aborted || sentence(error).name === "RoomError";
        if (source.kind === "url" && !keep) await this.#cache.discard(source.url);
        throw error;
      }
    } catch (error) {
      throw loading.signal.aborted ? new Cancelled() : sentence(error);
    } finally {
      if (this.#loading === loading) this.#loading = null;
    }
  }

  cancelLoad(): void {
    this.#loading?.abort();
  }

  async preview(source: LocalSource, round: boolean): Promise<Preview | null> {
    try {
      const door = this.#ready();
      const model = await openLocal(source, this.#cache);
      const [first, ends] = await sides(door, model);
      const head = round ? ROUNDED : undefined;
      return look(door, model, head, first, ends);
    } catch (error) {
      throw sentence(error);
    }
  }

  memory(around: number | undefined): MemoryReport {
    const report = JSON.parse(this.#ready().memory(around)) as MemoryReport;
    return { ...report, worker_bytes: scriptBytes() ?? 0 };
  }

  letStatesGo(ids: string[] | null): void {
    this.#door?.let_states_go(JSON.stringify(ids));
  }

  async answer(question: Question, events: (slice: EngineEvent[]) => void): Promise<void> {
    const door = this.#ready();
    await this.#choosing;
    if (this.#answering) throw new Error("An answer is under way; stop it first.");
    // What a form, memories and adaptation need is not among the first files.
    const form = question.json_schema !== undefined || question.grammar !== undefined;
    if (form || door.memories.on || door.adaptation.on) await this.#complete(door.memories.on);
    this.#answering = true;
    try {
      door.begin(JSON.stringify(question));
      for (;;) {
        const slice = JSON.parse(door.pump(SLICE_SECONDS)) as EngineEvent[];
        if (slice.length === 0) break;
        events(slice);
        this.#offer(door);
        await breathe();
      }
      this.#offer(door, true);
    } catch (error) {
      // Anything but a Python exception means that Python itself is lost.
      if ((error as Error).name !== "PythonError") throw error;
      const { message, name } = sentence(error);
      events([{ type: "error", message, kind: name }]);
    } finally {
      this.#answering = false;
    }
  }

  stop(): void {
    if (this.#answering) this.#door?.stop();
  }

  take(answerId: string, candidate: number, text: string, name: string): TakenCandidate {
    return JSON.parse(this.#ready().take(answerId, candidate, text, name)) as TakenCandidate;
  }

  async checkForm(form: "json_schema" | "grammar", source: string): Promise<string | null> {
    const door = this.#ready();
    await this.#complete();
    try {
      door.check_form(form, source);
      return null;
    } catch (error) {
      return sentence(error).message;
    }
  }

  forget(ids: string[]): void {
    this.#door?.forget(JSON.stringify(ids));
  }

  watchState(query: StateQuery | null, show: (view: StateView | null) => void): void {
    const change = query?.change ?? false;
    if ((this.#state.query?.change ?? false) !== change) this.#door?.follow(change);
    this.#state.watch(query, show);
    if (this.#door) this.#state.offer(this.#door, true);
  }

  async watchReservoir(watch: boolean, show: (view: ReservoirView | null) => void): Promise<void> {
    this.#reservoir.watch(null, show);
    if (!watch) return;
    await this.#complete();
    this.#reservoir.watch(true, show);
    if (this.#door) this.#reservoir.offer(this.#door, true);
  }

  /** Shows whoever watches how things stand. */
  #offer(door: Door, always = false): void {
    this.#state.offer(door, always);
    this.#reservoir.offer(door, always);
  }

  async seek(
    spot: Spot | null,
    progress: (done: number, total: number) => void,
    shown = true,
  ): Promise<boolean> {
    const door = this.#ready();
    const mine = ++this.#seeks;
    try {
      door.seek(JSON.stringify(spot), shown && this.#reservoir.query !== null, shown);
      for (;;) {
        const step = JSON.parse(door.seek_on(SLICE_SECONDS)) as [number, number] | null;
        if (!step) break;
        progress(...step);
        await breathe();
        if (mine !== this.#seeks) return false;
      }
      if (shown) this.#offer(door, true);
      return true;
    } catch (error) {
      throw sentence(error);
    }
  }

  async openStore(tell: (state: StorageState) => void): Promise<void> {
    const { store } = this.#ready();
    const idle = async () => {
      while (this.#answering) await new Promise((resolve) => setTimeout(resolve, 50));
    };
    await this.#storage.open((...place) => store.open(...place), idle, tell);
  }

  store(method: string, values: object): unknown {
    try {
      return JSON.parse(this.#ready().store.call(method, JSON.stringify(values)));
    } catch (error) {
      throw sentence(error);
    }
  }

  memories(method: string, values: object): Promise<unknown> {
    // The switch needs none of the files that come later.
    const early = method === "state" || method === "choose";
    return this.#call(this.#ready().memories, method, values, early, true);
  }

  adaptation(method: string, values: object): Promise<unknown> {
    const { adaptation } = this.#ready();
    return this.#call(adaptation, method, values, method === "state" && !adaptation.on);
  }

  #call(
    door: KeptDoor,
    method: string,
    values: object,
    early: boolean,
    whole = false,
  ): Promise<unknown> {
    const answer = this.#asked(door, method, values, early, whole);
    // A switch counts for what is said after it, however long it takes.
    if (method === "choose") this.#choosing = answer.catch(() => undefined);
    return answer;
  }

  async #asked(
    door: KeptDoor,
    method: string,
    values: object,
    early: boolean,
    whole: boolean,
  ): Promise<unknown> {
    if (!early) await this.#complete(whole);
    // What is kept cannot be asked for or changed before its place is known.
    await this.#storage.opened;
    try {
      return JSON.parse(door.call(method, JSON.stringify(values)));
    } catch (error) {
      throw sentence(error);
    }
  }

  exportTalks(ids: string[] | null, tell: Tell): Blob {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    const put = (piece: Uint8Array<ArrayBuffer>) => void pieces.push(piece);
    try {
      this.#ready().store.export(JSON.stringify(ids), put, (...how) => void tell(...how));
      return new Blob(pieces, { type: "application/octet-stream" });
    } catch (error) {
      throw sentence(error);
    }
  }

  async importTalks(file: File, tell: Tell): Promise<string[]> {
    const { store } = this.#ready();
    const data = new Uint8Array(await file.arrayBuffer());
    try {
      const added = store.import_(data, file.name, (...how) => void tell(...how));
      return JSON.parse(added) as string[];
    } catch (error) {
      throw sentence(error);
    }
  }

  useStoreHere(): void {
    this.#storage.askForFile();
  }

  cachedModels(): Promise<CachedModel[]> {
    return this.#cache.list();
  }

  deleteCached(name: string): Promise<void> {
    return this.#cache.delete(name);
  }

  requests(): RequestRecord[] {
    return this.#requests;
  }

  async #openLaboratory(): Promise<Laboratory> {
    const { pyodide } = await start.begun;
    await this.#complete(true);
    const module = pyodide.pyimport("deep_tree_echo.laboratory") as { Laboratory(): Laboratory };
    return module.Laboratory();
  }

  async laboratory(section: string, method: string, values: object): Promise<unknown> {
    try {
      const laboratory = await this.#laboratory();
      return plain(laboratory.call(section, method, JSON.stringify(values)));
    } catch (error) {
      throw sentence(error);
    }
  }

  async addPackage(name: "lark"): Promise<void> {
    const adding = this.#added.get(name) ?? start.begun.then((python) => python.add(name));
    this.#added.set(name, adding);
    try {
      await adding;
    } catch (error) {
      this.#added.delete(name);
      throw error;
    }
  }

  #ready(): Door {
    if (!this.#door) throw new Error("The engine is not ready yet; wait for the status line.");
    return this.#door;
  }
}

/** A file's beginning, and what it has where its head may be described. */
async function sides(door: Door, model: ModelBytes): Promise<[Uint8Array, Uint8Array]> {
  const first = await model.beginning();
  const places = JSON.parse(door.head_places(model.size, first)) as [number, number][];
  return [first, await model.parts(places)];
}

/** What a file tells of itself; its embedding may stay in it. */
function look(
  door: Door,
  { name, size }: ModelBytes,
  head: typeof ROUNDED | undefined,
  first: Uint8Array,
  ends: Uint8Array,
): Preview | null {
  return JSON.parse(door.check(name, size, first, head, ends, true)) as Preview | null;
}

/** The rows of its embedding, if that is large and can be read where it is. */
async function rowsOf(
  door: Door,
  model: ModelBytes,
  head: typeof ROUNDED | undefined,
  first: Uint8Array,
  ends: Uint8Array,
): Promise<Rows | undefined> {
  const found = look(door, model, head, first, ends);
  if (!found?.outside_bytes) return undefined;
  return (await model.rows(found.outside_offset, found.outside_bytes)) ?? undefined;
}

/** The same promise however often it is asked for, unless that fails. */
function once<Value>(work: () => Promise<Value>): () => Promise<Value> {
  let begun: Promise<Value> | null = null;
  return () =>
    (begun ??= work().catch((error: unknown) => {
      begun = null;
      throw error;
    }));
}

/** An answer of the laboratory as JavaScript has it: JSON's values, and typed arrays. */
function plain(answer: LaboratoryAnswer): unknown {
  try {
    const values = JSON.parse(answer.facts()) as Record<string, unknown>;
    for (const name of JSON.parse(answer.names()) as string[]) {
      const array = answer.array(name);
      const buffer = array.getBuffer();
      values[name] = buffer.data.slice();
      buffer.release();
      array.destroy();
    }
    return values;
  } finally {
    answer.destroy();
  }
}

/** At most one call a frame, and always the last one. */
function throttled(tell: (step: ModelProgress) => void): (step: ModelProgress) => void {
  let last = 0;
  return (step) => {
    const now = performance.now();
    if (now - last < 30 && step.done !== step.total) return;
    last = now;
    tell(step);
  };
}

Comlink.expose(new PythonEngine());
