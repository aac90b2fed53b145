import type { Door } from "./door.js";
import type { StateQuery, StateView } from "./protocol.js";

/** A frame at 30 a second: views come no faster, however fast the tokens do. */
const FRAME_MS = 33;
/** Views take at most this share of the engine's time; the rest is for the answer. */
const SHARE = 0.2;

/** The stream of state views to whoever watches, at most one a frame. */
export class StateFeed {
  #query: StateQuery | null = null;
  #show: (view: StateView | null) => void = () => undefined;
  #next = 0;

  /** Whether the change against the previous token is shown. */
  get change(): boolean {
    return this.#query?.change ?? false;
  }

  watch(query: StateQuery | null, show: (view: StateView | null) => void): void {
    this.#query = query;
    this.#show = show;
  }

  /** There is another model: what was shown is no longer its state. */
  reset(): void {
    if (this.#query) this.#show(null);
  }

  /** Sends the state as it is now, unless one was sent this frame; `always` sends it anyway. */
  offer(door: Door, always = false): void {
    const begin = performance.now();
    if (!this.#query || (!always && begin < this.#next)) return;
    this.#show(read(door, this.#query));
    const end = performance.now();
    this.#next = end + Math.max(FRAME_MS, (end - begin) * (1 / SHARE - 1));
  }
}

function read(door: Door, { layer, head }: StateQuery): StateView | null {
  const proxy = door.state_view(layer, head);
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
    return {
      ...(JSON.parse(proxy.facts()) as StateView),
      overview: floats("overview"),
      detail: floats("detail"),
      spectrum: floats("spectrum"),
      norms: floats("norms"),
    };
  } finally {
    proxy.destroy();
  }
}
