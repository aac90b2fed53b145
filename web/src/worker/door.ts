import type { PyBuffer, PyProxy, TypedArray } from "./pyproxy.js";
import type { Rows } from "./rows.js";
import type { Sqlite } from "./sqlite.mjs";

/**
 * `deep_tree_echo.page.Page` as JavaScript sees it. Everything structured travels as JSON text,
 * states as buffers.
 */
export interface Door {
  /** Loads a model; `open` starts the file from its first byte. Gives a `Loaded` as JSON. */
  load(
    name: string,
    size: number | undefined,
    open: () => AsyncIterable<Uint8Array>,
    backend: "auto",
    head: "Q8_0" | undefined,
    first: Uint8Array,
    ends: Uint8Array,
    rows: Rows | undefined,
  ): Promise<string>;
  /** A `Preview` as JSON, or `null`; throws if a file that begins so cannot be loaded now. */
  check(
    name: string,
    size: number | undefined,
    first: Uint8Array,
    head: "Q8_0" | undefined,
    ends?: Uint8Array,
    rereads?: boolean,
  ): string;
  /** The places and bytes of a file that tell what its head is: a JSON list of pairs. */
  head_places(size: number | undefined, first: Uint8Array): string;
  /** A `MemoryReport` as JSON, without what JavaScript measures. */
  memory(around: number | undefined): string;
  settle(): void;
  /** Gives the states of some talks back, or of all: a JSON list of answers, or `null`. */
  let_states_go(ids: string): void;
  readonly store: StoreDoor;
  readonly memories: KeptDoor;
  readonly adaptation: KeptDoor;
  /** The bundled model, or what answers in its place. */
  load_bundled(missing: string): Promise<string>;
  /** Begins the answer to a `Question` in JSON. */
  begin(question: string): void;
  /** Goes on for about so many seconds; the events as JSON, `[]` once it has ended. */
  pump(seconds: number): string;
  stop(): void;
  /** A `TakenCandidate` as JSON. */
  take(answer: string, candidate: number, text: string, name: string): string;
  /** Throws if it cannot be followed. */
  check_form(form: string, source: string): void;
  forget(ids: string): void;
  /** Whether views are to show the change against the previous token. */
  follow(change: boolean): void;
  /** The state after the last token read, `undefined` where there is none to show. */
  state_view(layer: number, head: number): ViewProxy | undefined;
  /** The reservoir after the last word, likewise. */
  reservoir_view(): ViewProxy | undefined;
  /** Begins to go back to a `Spot` in JSON, or to now (`null`); `singly` for the reservoir's sake. Not `shown`, the state there is only made ready. */
  seek(spot: string, singly: boolean, shown: boolean): void;
  /** Goes on with that for about so long: JSON of `[done, total]`, `null` once there. */
  seek_on(seconds: number): string;
}

/** `deep_tree_echo.pagestore.PageStore` as JavaScript sees it. */
export interface StoreDoor {
  /** Keeps everything there from now on; what was kept so far goes along if `move`. */
  open(sqlite: Sqlite, persistent: boolean, move: boolean): void;
  /** Calls a method with its values as JSON; its result as JSON. */
  call(method: string, values: string): string;
  /** Gives talks, a JSON list of ids or `null` for all, as the pieces of a file. */
  export(talks: string, put: (piece: Uint8Array<ArrayBuffer>) => void, tell: Tell): void;
  /** Adds the talks of a file; their ids as JSON. */
  import_(file: Uint8Array, name: string, tell: Tell): string;
}

/** `PageMemories` and `PageAdaptation` of `deep_tree_echo` as JavaScript sees them. */
export interface KeptDoor {
  /** Whether what is said is remembered, or learned. */
  readonly on: boolean;
  /** Calls a method with its values as JSON; its result as JSON. */
  call(method: string, values: string): string;
}

/** Hears how much is done, of how much. */
export type Tell = (done: number, total: number) => void;

/** `deep_tree_echo.laboratory.Laboratory` as JavaScript sees it. */
export interface Laboratory {
  /** Calls a method of a section with its arguments as a JSON object. */
  call(section: string, method: string, values: string): LaboratoryAnswer;
}

/** What a method of the laboratory returned: its JSON, and the names and contents of its arrays. */
export interface LaboratoryAnswer extends PyProxy {
  facts(): string;
  names(): string;
  array(name: string): PyProxy & { getBuffer(): PyBuffer<TypedArray> };
}

/** Something to look at in Python: its JSON, and its arrays. */
export interface ViewProxy extends PyProxy {
  facts(): string;
  array(name: string): PyProxy & { getBuffer(type: "f32"): PyBuffer };
}
