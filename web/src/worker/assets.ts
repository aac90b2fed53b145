import { inflated } from "./inflate.js";
import type { Asset, Manifest, Part, PartProgress } from "./protocol.js";

const PARTS: Part[] = ["Python", "engine", "NumPy", "model"];

/** Files by which Python begins; a snapshot takes the place of what a plain start reads. */
const CORE = ["pyodide/pyodide.mjs", "pyodide/pyodide.asm.mjs", "pyodide/pyodide.asm.wasm"];
export const SNAPSHOT = "python/snapshot.bin";
/** The packages: what a snapshot has imported, the rest, and what few views use of NumPy. */
export const IMPORTED = "python/imported.tar";
export const PACKAGES = "python/packages.tar";
export const SELDOM = "python/numpy.tar";
export const STDLIB = "pyodide/python_stdlib.zip";

const PYTHON = [SNAPSHOT, IMPORTED, PACKAGES, SELDOM, STDLIB];

/** The part of the opening that a file of the site belongs to. */
export function partOf(path: string): Part | null {
  if (CORE.includes(path) || PYTHON.includes(path)) return "Python";
  if (path.startsWith("models/")) return "model";
  if (path.startsWith("python/numpy/")) return "NumPy";
  if (path.startsWith("wheels/libecho")) return "engine";
  return null;
}

/** Lower-case hexadecimal SHA-256, or `null` where the browser offers none (plain http). */
export async function sha256(bytes: BufferSource): Promise<string | null> {
  if (!globalThis.crypto?.subtle) return null;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A file of the site that could not be had, in one sentence. */
export class AssetError extends Error {
  override name = "AssetError";
}

/** A promise that may fail before anybody waits for it; the failure is reported to who does. */
export function early<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined);
  return promise;
}

/**
 * Fetches files of the site side by side and tells how many bytes of each part have come.
 *
 * Totals are those of the manifest, so that the line on the page is right from the first byte,
 * whatever is compressed on the way.
 */
export class Downloads {
  /** The site's manifest. */
  readonly manifest: Promise<Manifest>;
  #progress = new Map<Part, PartProgress>(
    PARTS.map((part) => [part, { part, done: 0, total: 0 }] as const),
  );
  #wanted = new Set<string>(CORE);
  #sizes = new Map<string, number>();
  #tell: (progress: PartProgress) => void = () => undefined;

  constructor(private readonly root: string) {
    this.manifest = early(this.#readManifest());
  }

  /** Tells how far every part is, now and from now on. */
  watch(tell: (progress: PartProgress) => void): void {
    this.#tell = tell;
    for (const progress of this.#progress.values()) tell({ ...progress });
  }

  /** A file as the server sends it. */
  async response(path: string): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(new URL(path, this.root));
    } catch {
      throw new AssetError(`${path} could not be fetched from this site.`);
    }
    if (!response.ok) throw new AssetError(`${path}: the server answered ${response.status}.`);
    return response;
  }

  /** A JavaScript module. */
  async module<Exports>(path: string): Promise<Exports> {
    this.#want(path);
    try {
      const exports = (await import(/* @vite-ignore */ new URL(path, this.root).href)) as Exports;
      this.#countWhole(path);
      return exports;
    } catch {
      throw new AssetError(`${path} could not be fetched from this site.`);
    }
  }

  /**
   * WebAssembly, compiled while it comes. It is counted when it is there: who counts on the way
   * needs a copy, and the browser keeps compiled code only for a response as it came.
   */
  async compiled(path: string): Promise<WebAssembly.Module> {
    this.#want(path);
    const response = await this.response(path);
    const streams = response.headers.get("content-type") === "application/wasm";
    try {
      const compiled = await (streams
        ? WebAssembly.compileStreaming(response)
        : WebAssembly.compile(await response.arrayBuffer()));
      this.#countWhole(path);
      return compiled;
    } catch {
      throw new AssetError(`${path} could not be fetched whole from this site; reload the page.`);
    }
  }

  /** A whole file, checked against the manifest. */
  async bytes(asset: Asset): Promise<Uint8Array<ArrayBuffer>> {
    const { path } = asset;
    this.#want(path);
    const response = await this.response(asset.gzip ? `${path}.gz` : path);
    const data = new Uint8Array(asset.bytes);
    let length = 0;
    try {
      for await (const piece of inflated(response.body!)) {
        if (length + piece.length <= data.length) data.set(piece, length);
        length += piece.length;
        this.#count(path, piece.length);
      }
    } catch {
      throw new AssetError(`${path} could not be fetched whole from this site; reload the page.`);
    }
    if (length !== data.length) {
      throw new AssetError(
        `${path} is damaged: it has ${length} bytes, not ${data.length}; reload the page.`,
      );
    }
    const digest = await sha256(data);
    if (digest !== null && digest !== asset.sha256) {
      throw new AssetError(
        `${path} is damaged: its SHA-256 begins with ${digest.slice(0, 12)}, ` +
          `not ${asset.sha256.slice(0, 12)}; reload the page.`,
      );
    }
    return data;
  }

  /** Takes a file that is of no use out of the sums. */
  without(path: string): void {
    const progress = this.#progress.get(partOf(path)!)!;
    progress.total -= this.#wanted.delete(path) ? (this.#sizes.get(path) ?? 0) : 0;
    progress.done = Math.min(progress.done, progress.total);
    this.#tell({ ...progress });
  }

  /** Marks a part as missing, with its reason. */
  fail(part: Part, reason: string): void {
    const progress = this.#progress.get(part)!;
    progress.failure = reason;
    this.#tell({ ...progress });
  }

  #want(path: string): void {
    if (this.#wanted.has(path)) return;
    this.#wanted.add(path);
    this.#add(path);
  }

  /** Counts a wanted file towards its part's total once its size is known. */
  #add(path: string): void {
    const progress = this.#progressOf(path);
    if (!progress) return;
    progress.total += this.#sizes.get(path) ?? 0;
    this.#tell({ ...progress });
  }

  /** `undefined` for what is no part of the opening. */
  #progressOf(path: string): PartProgress | undefined {
    const part = partOf(path);
    return part ? this.#progress.get(part) : undefined;
  }

  #countWhole(path: string): void {
    const count = () => this.#count(path, this.#sizes.get(path) ?? 0);
    void this.manifest.then(count, () => undefined);
  }

  #count(path: string, bytes: number): void {
    const progress = this.#progressOf(path);
    if (!progress || !this.#wanted.has(path)) return;
    progress.done += bytes;
    // A file that is fetched again for a plain start is not counted twice.
    if (progress.total > 0) progress.done = Math.min(progress.done, progress.total);
    this.#tell({ ...progress });
  }

  async #readManifest(): Promise<Manifest> {
    const response = await fetch(new URL("assets.json", this.root)).catch(() => {
      throw new AssetError(
        "This site cannot be reached; the first visit needs a connection, later ones do not.",
      );
    });
    if (!response.ok) throw new AssetError(`assets.json: the server answered ${response.status}.`);
    const manifest = (await response.json()) as Manifest;
    for (const { path, bytes } of manifest.files) this.#sizes.set(path, bytes);
    for (const path of this.#wanted) this.#add(path);
    return manifest;
  }
}
