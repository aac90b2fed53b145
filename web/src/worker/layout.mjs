// Where compiled libraries lie in Python's memory and function table. A snapshot of Python is made
// in Node (scripts/snapshot.mjs) and goes on in a browser; both place the libraries by this file,
// before Python starts and in the same order, so that every address in the snapshot holds.

/** @typedef {import("./emscripten.js").EmscriptenModule} EmscriptenModule */
/** @typedef {import("./emscripten.js").CompiledLibrary} CompiledLibrary */

/** Where Python's packages lie in its file system. */
export const SITE_PACKAGES = "/lib/python3.14/site-packages";

/** How the names of Python's compiled extensions end. */
const EXTENSION = ".cpython-314-wasm32-emscripten.so";

/**
 * The site's path of a compiled library: under an ending that every host knows how to serve.
 *
 * @param {string} name - Its path below {@link SITE_PACKAGES}.
 */
export const assetOf = (name) => `python/${name.slice(0, -EXTENSION.length)}.wasm`;

/**
 * The library's path below {@link SITE_PACKAGES}; the inverse of {@link assetOf}.
 *
 * @param {string} asset
 */
export const libraryOf = (asset) => asset.slice("python/".length, -".wasm".length) + EXTENSION;

/** Slots that browsers may fill differently before the libraries come. */
const SPARE = 32;

/**
 * The first slot of the function table for libraries, the same in Node and in every browser.
 *
 * @param {EmscriptenModule} module - Instantiated, not yet started.
 * @returns {number}
 */
export function librarySlot(module) {
  return Math.ceil((module.wasmTable.length + SPARE) / 64) * 64;
}

/**
 * Places libraries one after the other, from the slot on; Python finds them when it asks for their
 * paths.
 *
 * @param {EmscriptenModule} module - Instantiated, not yet started.
 * @param {CompiledLibrary[]} libraries
 * @param {number} slot
 * @returns {Promise<void>}
 */
export async function placeLibraries(module, libraries, slot) {
  const missing = slot - module.wasmTable.length;
  if (missing < 0) throw new Error(`The function table is ${-missing} slots too long.`);
  module.wasmTable.grow(missing);
  for (const { path, code } of libraries) {
    // Not global: like Python itself, which opens its extensions for itself alone.
    const flags = { loadAsync: true, global: false, nodelete: true };
    const exports = await module.loadWebAssemblyModule(code, flags, path, {}, 0);
    module.LDSO.loadedLibsByName[path] = { refcount: Infinity, name: path, exports, global: false };
  }
}

/**
 * A hash (FNV-1a) of every address that compiled code was linked to: where it differs, a snapshot
 * cannot go on.
 *
 * @param {EmscriptenModule} module - With its libraries.
 * @returns {number}
 */
export function linkHash(module) {
  let hash = 0x811c9dc5;
  const add = (/** @type {number} */ word) => {
    hash = Math.imul(hash ^ word, 0x01000193);
  };
  for (const [name, { value }] of Object.entries(module.GOT)) {
    for (let i = 0; i < name.length; i++) add(name.charCodeAt(i));
    add(value);
  }
  add(module.wasmTable.length);
  return hash >>> 0;
}

/**
 * The word of Python's memory that says how this browser calls C functions of any signature.
 *
 * @param {EmscriptenModule} module
 * @returns {number} An index into `HEAP32`.
 */
export function trampolineWord(module) {
  const offset = module.HEAP32[module.__PyEM_EMSCRIPTEN_TRAMPOLINE_OFFSET >>> 2] ?? 0;
  return (module.__PyRuntime + offset) >>> 2;
}
