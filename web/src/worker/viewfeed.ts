import type { Door, ViewProxy } from "./door.js";
import type { ReservoirView, StateQuery, StateView } from "./protocol.js";

/** A frame at 30 a second: views come no faster, however fast the tokens do. */
const FRAME_MS = 33;
/** Views take at most this share of the engine's time; the rest is for the answer. */
const SHARE = 0.2;

/** A stream of views to whoever watches, at most one a frame. */
export class ViewFeed<Query, View> {
  #query: Query | null = null;
  #show: (view: View | null) => void = () => undefined;
  #next = 0;

  constructor(readonly read: (door: Door, query: Query) => View | null) {}

  /** What is watched, `null` if nobody does. */
  get query(): Query | null {
    return this.#query;
  }

  watch(query: Query | null, show: (view: View | null) => void): void {
    this.#query = query;
    this.#show = show;
  }

  /** There is another model: what was shown is no longer its. */
  reset(): void {
    if (this.#query !== null) this.#show(null);
  }

  /** Sends the view as it is now, unless one was sent this frame; `always` sends it anyway. */
  offer(door: Door, always = false): void {
    const begin = performance.now();
    if (this.#query === null || (!always && begin < this.#next)) return;
    this.#show(this.read(door, this.#query));
    const end = performance.now();
    this.#next = end + Math.max(FRAME_MS, (end - begin) * (1 / SHARE - 1));
  }
}

/** The model's state, where it is now or where the page has gone back to. */
export function readState(door: Door, { layer, head }: StateQuery): StateView | null {
  return taken<StateView>(door.state_view(layer, head), [
    "overview",
    "detail",
    "spectrum",
    "norms",
  ]);
}

/** The reservoir that hears every word. */
export function readReservoir(door: Door): ReservoirView | null {
  return taken<ReservoirView>(door.reservoir_view(), ["states", "path", "eigenvalues"]);
}

/** What a view in Python has, as plain values and typed arrays; the proxy is gone then. */
function taken<View>(proxy: ViewProxy | undefined, arrays: string[]): View | null {
  if (!proxy) return null;
  const floats = (name: string): Float32Array => {
    const array = proxy.array(name);
    const buffer = array.getBuffer("f32");
    const copy = buffer.data.slice();
    buffer.release();
    array.destroy();
    return copy;
  };
  try {
    const facts = JSON.parse(proxy.facts()) as object;
    return {
      ...facts,
      ...Object.fromEntries(arrays.map((name) => [name, floats(name)])),
    } as View;
  } finally {
    proxy.destroy();
  }
}
