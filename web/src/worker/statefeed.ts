import type { Door } from "./door.js";
import type { StateQuery, StateView } from "./protocol.js";

/** A frame at 30 a second: views come no faster, however fast the tokens do. */
const FRAME_MS = 33;

/** The stream of state views to whoever watches, at most one a frame. */
export class StateFeed {
  #query: StateQuery | null = null;
  #show: (view: StateView | null) => void = () => undefined;
  #last = 0;

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
    const now = performance.now();
    if (!this.#query || (!always && now - this.#last < FRAME_MS)) return;
    this.#last = now;
    this.#show(read(door, this.#query));
  }
}

function read(door: Door, { layer, head, change }: StateQuery): StateView | null {
  const proxy = door.state_view(layer, head, change);
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
