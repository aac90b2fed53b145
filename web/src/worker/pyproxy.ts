/** A Python object held by JavaScript; it must be destroyed. */
export interface PyProxy {
  destroy(): void;
}

/** What a NumPy array may become. */
export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** Python's memory, seen from JavaScript until released. */
export interface PyBuffer<Data = Float32Array> {
  data: Data;
  release(): void;
}
