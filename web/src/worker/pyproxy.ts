/** A Python object held by JavaScript; it must be destroyed. */
export interface PyProxy {
  destroy(): void;
}

/** Python's memory, seen from JavaScript until released. */
export interface PyBuffer {
  data: Float32Array;
  release(): void;
}
