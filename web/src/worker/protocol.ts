/**
 * What the page and the engine's worker say to one another. Only data that can be cloned; the
 * events are those of `py/deep_tree_echo/events.py`, field for field.
 */

/** A file of the site, as `assets.json` lists it. */
export interface Asset {
  /** Path below the site's root, such as `wheels/libecho.so`. */
  path: string;
  bytes: number;
  /** Lower-case hexadecimal. */
  sha256: string;
  /** There is a copy compressed with gzip beside it (`.gz`), which the engine asks for. */
  gzip?: true;
}

/** The site's manifest: everything it serves, which is also everything it keeps for offline. */
export interface Manifest {
  files: Asset[];
}

/** A part of the opening; they are fetched side by side. */
export type Part = "Python" | "engine" | "NumPy" | "model";

/** Bytes that have arrived of one part; `total` 0 while unknown. */
export interface PartProgress {
  part: Part;
  done: number;
  total: number;
  /** Why this part is missing, if it is. */
  failure?: string;
}

/** Where a model comes from. */
export type ModelSource =
  | { kind: "bundled" }
  | { kind: "file"; file: File }
  | { kind: "url"; url: string }
  | { kind: "cached"; name: string };

/** A source whose bytes are on this machine already. */
export type LocalSource = Extract<ModelSource, { kind: "file" | "cached" }>;

/** Bytes of a model that have been read; `total` 0 if nobody knows. */
export interface ModelProgress {
  phase: "download" | "load";
  done: number;
  total: number;
}

/** A model before it is loaded, from the first bytes of its file; `preview.py`. */
export interface Preview {
  name: string;
  n_vocab: number;
  n_embed: number;
  n_layer: number;
  type: string;
  head_type: string;
  head_bytes: number;
  /** The same head in Q8_0; 0 where that is no choice, or not worth it. */
  rounded_head_bytes: number;
  /** What it is to be rounded to while loading. */
  head: "Q8_0" | null;
  weight_bytes: number;
  work_bytes: number;
  state_bytes: number;
  /** The embedding, if it stays in the file: its place there and its size; else 0. */
  outside_offset: number;
  outside_bytes: number;
}

/** What memory is for; `Kind` of `ledger.py`. */
export type MemoryKind =
  "program" | "weights" | "work" | "tokenizer" | "states" | "words" | "loading" | "page" | "other";

/** Something that holds memory. */
export interface MemoryEntry {
  kind: MemoryKind;
  name: string;
  n_bytes: number;
  /** What frees it, as the beginning of a sentence; empty if nothing does. */
  frees: string;
  /** Seconds since 1970. */
  since: number;
  /** Of states: the answers of the talk that they belong to. */
  ids?: string[];
}

/** Everything in memory that is known, and what is measured. */
export interface MemoryReport {
  limit_bytes: number;
  /** What Python's memory has taken from the system. */
  heap_bytes: number;
  /** What of it is in use. */
  heap_used_bytes: number;
  /** In use or set aside, all together: what a new model is checked against. */
  used_bytes: number;
  entries: MemoryEntry[];
  /** JavaScript's memory in the engine's worker, where the browser tells; else 0. */
  worker_bytes: number;
}

/** A backend that could not be used, and why, in one sentence. */
export interface Failure {
  backend: string;
  reason: string;
}

/** What answers now. */
export interface Loaded {
  backend: string;
  model: string;
  description: ModelDescription;
  failures: Failure[];
  /** What the head was requantised to, if it was. */
  head: string | null;
  memoryBytes: number;
  limitBytes: number;
}

/** Architecture and sizes, from the backend; a mock has none. */
export interface ModelDescription {
  architecture?: string;
  n_layer?: number;
  n_embed?: number;
  n_vocab?: number;
  n_head?: number;
  head_size?: number;
  [key: string]: unknown;
}

/** One turn of a talk; ids are the page's own and name the model's states. */
export interface Turn {
  id: string;
  role: "user" | "assistant";
  text: string;
}

/** The sampling settings by their Python names; `null` seed takes a fresh one. */
export interface Settings {
  temperature: number;
  top_p: number;
  top_k: number;
  min_p: number;
  typical_p: number;
  repetition_penalty: number;
  presence_penalty: number;
  frequency_penalty: number;
  seed: number | null;
  max_tokens: number;
}

/** A token that might have stood in another's place, its probability and its text. */
export type Other = [id: number, probability: number, text: string];

/**
 * A token of an answer: the model's own probability of it, what it shows (nothing while a
 * character is incomplete), and the likeliest others, likeliest first.
 */
export type Word = [id: number, probability: number, text: string, others: Other[]];

/** What an answer begins with. */
export interface Begun {
  /** The answer whose words these are. */
  answerId: string;
  /** Tokens that stay. */
  ids: number[];
  /** Tokens that come next, whatever the model expects. */
  then: number[];
  /** The text of `ids`, with all spaces. */
  text: string;
}

/** A place in a talk: after some tokens of an answer to the last of `turns`. */
export interface Spot {
  turns: Turn[];
  answerId: string;
  ids: number[];
}

/** A request for an answer to the last turn of `turns`. */
export interface Question {
  turns: Turn[];
  /** The id under which the answer's state is kept. */
  answerId: string;
  /** The last turn is an answer that ended early: go on with it. */
  continues: boolean;
  /** The words that the answer begins with, if there are any. */
  begun?: Begun | undefined;
  settings: Settings;
  /** Candidates that are drawn; one of them becomes the answer. */
  branches?: number;
  /** A schema, or a grammar in GBNF, that the answer fits. */
  json_schema?: string;
  grammar?: string;
}

/** Why an answer ended. */
export type StopReason = "end" | "length" | "stop" | "cancelled";

/** A step of what went on inside an answer; seconds are from the question on. */
export interface AccountStep {
  part: "model" | MembraneName;
  step: string;
  begin: number;
  /** `null` while it has not ended. */
  seconds: number | null;
  numbers: Record<string, number>;
  error?: string;
  /** Of a candidate that is being drawn. */
  text?: string;
}

export type MembraneName = "memory" | "grammar" | "reasoning";

/** What one membrane received, did and gave. */
export interface MembranePart {
  active: boolean;
  confidence: number | null;
  calibrated: boolean;
  /** Why there is no confidence. */
  why: string;
  received: string;
  gave: string;
  seconds: number;
  numbers: Record<string, number>;
  error: string;
}

/** A token that candidates share: the place of the one before it or -1, and log-probability. */
export type TreeNode = [parent: number, text: string, logProbability: number | null];

/** One candidate for an answer; `leaf` is the place of its last token, -1 without any. */
export interface DrawnCandidate {
  text: string;
  tokens: number;
  per_token: number | null;
  stop_reason: StopReason;
  leaf: number;
}

/** Several candidates, their shared beginnings, and how they voted. */
export interface Drawn {
  kind: string;
  compare: string;
  chosen: number;
  nodes: TreeNode[];
  candidates: DrawnCandidate[];
  votes: { members: number[]; share: number }[];
}

/** Why a memory came to mind; what it says is only in the memories. */
export interface RecalledMemory {
  id: string;
  /** From 0 to 1, the sum of `why`. */
  relevance: number;
  why: { similarity: number; importance: number; recency: number; access: number };
  /** From 0 to 1, before its weight: the sum of what words and the model's state gave. */
  similarity: number;
  by_words: number;
  by_state: number;
}

export const MEMORY_TYPES = ["declarative", "procedural", "episodic"] as const;

/** A memory; `py/deep_tree_echo/membranes/memory/items.py`. */
export interface Memory {
  id: string;
  content: string;
  memory_type: (typeof MEMORY_TYPES)[number];
  /** Seconds since 1970, as `last_accessed`. */
  timestamp: number;
  session_id: string;
  importance: number;
  access_count: number;
  last_accessed: number | null;
  tags: string[];
  /** The ids of others that belong to it, and the beginnings of what these say. */
  associations: string[];
  near: string[];
  metadata: Record<string, unknown>;
}

/** What is to be remembered, and how much is; `py/deep_tree_echo/pagememories.py`. */
export interface MemoriesState {
  on: boolean;
  /** What comes to mind is read before the message. */
  recall: boolean;
  /** Messages are kept with their answers, too. */
  exchanges: boolean;
  count: number;
  /** The model has states to find memories by. */
  states: boolean;
}

/** What adaptation has gained; `py/deep_tree_echo/adaptation/gauge.py`. */
export interface AdaptationGauge {
  /** Learned from. */
  tokens: number;
  bytes: number;
  bits_per_byte_without: number;
  bits_per_byte_with: number;
  gained: number;
  weights_norm: number;
  memory_bytes: number;
}

/** Whether it adapts to what is written, and how that goes; `pageadaptation.py`. */
export interface AdaptationState {
  mode: "off" | "chat" | "all";
  /** The model has a hidden state to learn from. */
  can: boolean;
  /** `null` while it is off. */
  gauge: AdaptationGauge | null;
  /** After each answer: tokens, bits per byte without and with. */
  points: [tokens: number, without: number, adapted: number][];
}

/** Some of the memories. */
export interface MemoryList {
  /** How many fit the question, and how many there are. */
  total: number;
  count: number;
  memories: Memory[];
  tags: [tag: string, count: number][];
}

/** What every part did for one answer; `py/deep_tree_echo/pagemembranes.py`. */
export interface Account {
  form: "json_schema" | "grammar" | null;
  branches: number;
  confidence: number | null;
  steps: AccountStep[];
  /** Empty until the answer is there. */
  parts: Partial<Record<MembraneName, MembranePart>>;
  drawn: Drawn | null;
  /** The most relevant first; missing in older answers. */
  recalled?: RecalledMemory[];
}

/** What is still known of a candidate that is taken. */
export interface TakenCandidate {
  words: Word[] | null;
  context_tokens: number | null;
}

/** The complete answer and its figures; `events.Done`. */
export interface DoneEvent {
  type: "done";
  text: string;
  backend: string;
  model: string;
  stop_reason: StopReason;
  n_tokens: number;
  context_tokens: number;
  tokens_per_second: number;
  first_token_seconds: number;
  memory_bytes: number;
  failures: Failure[];
  account: Account;
}

/** What happens while an answer is made. */
export type EngineEvent =
  | { type: "prompt"; done: number; total: number }
  | {
      type: "token";
      text: string;
      id: number;
      probability: number | null;
      index: number;
      word?: Word;
    }
  | { type: "fallback"; backend: string; failure: Failure }
  | { type: "metrics"; tokens_per_second: number; context_tokens: number; memory_bytes: number }
  | DoneEvent
  | { type: "membranes"; account: Account }
  | { type: "error"; message: string; kind: string; account?: Account };

/** Which part of the state the page wants to see. */
export interface StateQuery {
  layer: number;
  head: number;
  /** Show the change against the previous token instead of the state itself. */
  change: boolean;
}

/** A state, ready to draw. */
export interface StateView {
  /** Tokens read when it was taken. */
  tokens: number;
  layers: number;
  heads: number;
  /** Size of one head's tile in the overview, after pooling. */
  tileRows: number;
  tileColumns: number;
  /** `(layers, heads, tileRows, tileColumns)`: root mean square over each pooled block. */
  overview: Float32Array;
  layer: number;
  head: number;
  /** Rows and columns of the chosen head. */
  rows: number;
  columns: number;
  /** `(rows, columns)`: the chosen head's numbers, signed. */
  detail: Float32Array;
  /** What rows and columns are, in the order of the state. */
  axes: [string, string];
  /** Singular values of the chosen head, largest first; empty for RWKV 4. */
  spectrum: Float32Array;
  /** `(layers)`: Euclidean norm of each layer's state. */
  norms: Float32Array;
  change: boolean;
}

/** A reservoir that hears every word of an answer; `reservoirview.py`. */
export interface ReservoirView {
  /** Units. */
  size: number;
  /** Words that are shown, and how many of the answer came before them. */
  steps: number;
  first: number;
  /** `(steps, size)`: the units' activity after each word. */
  states: Float32Array;
  /** `(steps, 2)`: the same in the plane of its first two principal components. */
  path: Float32Array;
  /** The shares of the variance that these have. */
  shares: [number, number];
  /** `(size, 2)`: real and imaginary parts of the eigenvalues of W. */
  eigenvalues: Float32Array;
  spectralRadius: number;
  leakRate: number;
  density: number;
  seed: number;
  /** Numbers of the hidden vector that each word gives it. */
  inputs: number;
}

/** A request that was made, for the page's list. */
export interface RequestRecord {
  url: string;
  by: "page" | "engine" | "offline copy";
  /** Bytes over the network, 0 when the browser's own copy served it. */
  bytes: number;
  at: number;
}

/** Where the talks are kept. */
export interface StorageState {
  /** On this machine; else only until the tab is closed. */
  persistent: boolean;
  /** Why not on this machine, without a full stop. */
  reason: string | null;
  /** Another tab has them, and could let them go. */
  elsewhere: boolean;
}

/** A model kept in the browser's private file system. */
export interface CachedModel {
  name: string;
  bytes: number;
  url: string;
}

/** The engine, as the page calls it through comlink. */
export interface Engine {
  /** Boots Pyodide and loads the bundled model. May be called once. */
  boot(progress: (part: PartProgress) => void): Promise<Loaded>;
  /**
   * Loads another model. The one in use goes on until the new one is ready, and stays if that
   * fails.
   *
   * @param round whether a large head in FP16 or FP32 becomes Q8_0.
   * @throws Error with one sentence; `name` is the kind: `Cancelled` after {@link cancelLoad},
   * `RoomError` if the model fits only without the one in use.
   */
  loadModel(
    source: ModelSource,
    round: boolean,
    progress: (step: ModelProgress) => void,
  ): Promise<Loaded>;
  cancelLoad(): void;
  /** What a file's beginning tells, `null` if not enough. Throws as {@link loadModel} does. */
  preview(source: LocalSource, round: boolean): Promise<Preview | null>;
  /** What holds memory; `around` is what the page and its workers were last seen to hold. */
  memory(around: number | undefined): MemoryReport;
  /** Gives back the states of the talks with these answers, or all; their text is read again. */
  letStatesGo(ids: string[] | null): void;
  /** Answers; events arrive in time slices, the last one is `done` or `error`. */
  answer(question: Question, events: (slice: EngineEvent[]) => void): Promise<void>;
  /** Stops the answer under way; it ends with `stop_reason` `cancelled`. */
  stop(): void;
  /** Another candidate for an answer is from now on the answer `name`. */
  take(answerId: string, candidate: number, text: string, name: string): TakenCandidate;
  /** Compiles a schema or grammar; `null`, or why it cannot be followed. */
  checkForm(form: "json_schema" | "grammar", source: string): Promise<string | null>;
  /** Forgets the states kept for these turns. */
  forget(ids: string[]): void;
  /** Begins, changes or ends (`null`) the stream of state views, at most one a frame. */
  watchState(query: StateQuery | null, show: (view: StateView | null) => void): void;
  /** The same for the reservoir. */
  watchReservoir(watch: boolean, show: (view: ReservoirView | null) => void): Promise<void>;
  /**
   * Goes back to a place, or to now (`null`): the views show it from then on. What is not kept is
   * read again, in slices; an answer, or a later call, ends that.
   *
   * @param shown whether the views go there; else the state is only made ready for a branch.
   * @returns whether the place was reached.
   */
  seek(
    spot: Spot | null,
    progress: (done: number, total: number) => void,
    shown?: boolean,
  ): Promise<boolean>;
  /**
   * Opens the store of talks; Python must be there. `tell` hears where they are kept, then and
   * whenever that changes.
   */
  openStore(tell: (state: StorageState) => void): Promise<void>;
  /** Calls a method of `py/deep_tree_echo/pagestore.py`. Throws Error with one sentence. */
  store(method: string, values: object): unknown;
  /** Calls a method of `py/deep_tree_echo/pagememories.py`. Throws Error with one sentence. */
  memories(method: string, values: object): Promise<unknown>;
  /** The same of `py/deep_tree_echo/pageadaptation.py`. */
  adaptation(method: string, values: object): Promise<unknown>;
  /** Talks, or all of them, with their branches and states as a file; `tell` hears how far it is. */
  exportTalks(ids: string[] | null, tell: (done: number, total: number) => void): Blob;
  /** Adds the talks of a file: all, or none. Gives their ids; throws Error with one sentence. */
  importTalks(file: File, tell: (done: number, total: number) => void): Promise<string[]>;
  /** Asks the tab that has the talks to let this one have them. */
  useStoreHere(): void;
  cachedModels(): Promise<CachedModel[]>;
  deleteCached(name: string): Promise<void>;
  requests(): RequestRecord[];
  /**
   * Asks a section of the laboratory, `py/deep_tree_echo/laboratory/`. Works as soon as Python is
   * there, before the model is. Arrays at the top level of the answer are typed arrays.
   *
   * @throws Error with one sentence; `name` is the kind.
   */
  laboratory(section: string, method: string, values: object): Promise<unknown>;
  /** Fetches a package that only the laboratory needs and makes it importable, once. */
  addPackage(name: "lark"): Promise<void>;
}
