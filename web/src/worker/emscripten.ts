/** A compiled library and its path in Python's file system. */
export interface CompiledLibrary {
  path: string;
  code: WebAssembly.Module;
}

/** A library that has its place in memory. */
export interface PlacedLibrary {
  refcount: number;
  name: string;
  exports: Record<string, unknown>;
  global: boolean;
}

/**
 * What a snapshot needs of the object that Emscripten makes for Python. All of it is internal to
 * Pyodide, whose version is pinned; where something differs, the start is a plain one.
 */
export interface EmscriptenModule {
  HEAPU8: Uint8Array<ArrayBuffer>;
  HEAP32: Int32Array<ArrayBuffer>;
  wasmTable: WebAssembly.Table;
  /** Addresses that compiled code is linked to, by symbol. */
  GOT: Record<string, WebAssembly.Global<"i32">>;
  LDSO: {
    loadedLibsByName: Record<string, PlacedLibrary>;
    loadedLibsByHandle: Record<number, PlacedLibrary>;
  };
  API: PyodideApi;
  __PyRuntime: number;
  __PyEM_EMSCRIPTEN_TRAMPOLINE_OFFSET: number;
  loadWebAssemblyModule(
    code: WebAssembly.Module,
    flags: { loadAsync: boolean; global: boolean; nodelete: boolean },
    path: string,
    scope: object,
    handle: number,
  ): Promise<Record<string, unknown>>;
  /** Makes the memory so many bytes long. */
  growMemory(bytes: number): unknown;
  addRunDependency(name: string): void;
  removeRunDependency(name: string): void;
}

/** Pyodide's own part of that object. */
export interface PyodideApi {
  /** Fills the memory; gives what JavaScript must hold for Python. */
  restoreSnapshot(snapshot: Uint8Array): unknown;
}

/** What `loadPyodide` hands to the function that makes the module. */
export interface ModuleSettings {
  preRun: ((module: EmscriptenModule) => void)[];
  API: PyodideApi;
}

/** Makes the module and starts it. */
export type CreateModule = (settings: ModuleSettings) => Promise<EmscriptenModule>;
