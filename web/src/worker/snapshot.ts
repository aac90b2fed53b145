import type { Manifest } from "./protocol.js";

const CACHE = "deep-tree-echo.python";

/** Modules of the standard library that everything here uses: imported once, then remembered. */
export const PRELOADED =
  "import abc, asyncio, collections, ctypes, dataclasses, datetime, functools, inspect, json, " +
  "math, numbers, pathlib, platform, random, re, secrets, struct, tempfile, threading, typing, " +
  "warnings, zipfile, zlib";

/**
 * Python's memory after its start, kept between visits: starting from it takes a tenth of the time.
 * It belongs to the very Pyodide that made it, so its address carries that one's hashes.
 */
export class Snapshots {
  readonly #address: string;

  constructor(root: string, manifest: Manifest) {
    const hashes = manifest.files
      .filter(({ path }) => path.startsWith("pyodide/"))
      .map(({ sha256 }) => sha256.slice(0, 8));
    this.#address = new URL(`pyodide/snapshot?${hashes.join("-")}`, root).href;
  }

  /** The snapshot of an earlier visit, or `null`. */
  async read(): Promise<Uint8Array | null> {
    try {
      const found = await (await caches.open(CACHE)).match(this.#address);
      return found ? new Uint8Array(await found.arrayBuffer()) : null;
    } catch {
      // Storage refused, or no Cache API on plain http: every visit starts afresh.
      return null;
    }
  }

  /** Keeps a snapshot in place of any other. */
  async keep(snapshot: Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      await caches.delete(CACHE);
      await (await caches.open(CACHE)).put(this.#address, new Response(snapshot));
    } catch {
      await this.forget();
    }
  }

  /** Removes what was kept. */
  async forget(): Promise<void> {
    try {
      await caches.delete(CACHE);
    } catch {
      // There is no cache to forget it from.
    }
  }
}
