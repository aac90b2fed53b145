import type { Asset, Manifest, Part, PartProgress } from "./protocol.js";

/** The part of the opening that a file of the site belongs to. */
export function partOf(path: string): Part | null {
  if (path.startsWith("pyodide/")) return "Python";
  if (path.startsWith("models/")) return "model";
  if (/^wheels\/numpy-/.test(path)) return "NumPy";
  if (path.startsWith("wheels/")) return "engine";
  return null;
}

/** The files of a part that the opening really fetches. */
export function needed(manifest: Manifest, part: Part): Asset[] {
  return manifest.files.filter((file) => partOf(file.path) === part);
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

/**
 * Fetches files of the site side by side and tells how many bytes of each part have come.
 *
 * Totals are those of the manifest, so that the line on the page is right from its first byte
 * and whatever the server compresses.
 */
export class Downloads {
  #progress = new Map<Part, PartProgress>();

  constructor(
    private readonly root: string,
    manifest: Manifest,
    private readonly tell: (progress: PartProgress) => void,
  ) {
    for (const part of ["Python", "engine", "NumPy", "model"] as const) {
      const total = needed(manifest, part).reduce((sum, file) => sum + file.bytes, 0);
      this.#progress.set(part, { part, done: 0, total });
      tell({ part, done: 0, total });
    }
  }

  /**
   * Counts a response's bytes for its part. They are counted on a copy: the browser keeps compiled
   * WebAssembly only for a response as it came.
   */
  counted(path: string, response: Response): Response {
    const part = partOf(path);
    const body = response.clone().body;
    if (!part || !body) return response;
    const progress = this.#progress.get(part)!;
    const counter = new WritableStream<Uint8Array>({
      write: (piece) => {
        progress.done += piece.byteLength;
        this.tell({ ...progress });
      },
    });
    // A connection that breaks is reported where the response itself is read.
    body.pipeTo(counter).catch(() => undefined);
    return response;
  }

  /** A whole file, checked against the manifest. */
  async bytes(asset: Asset): Promise<Uint8Array<ArrayBuffer>> {
    const { path } = asset;
    let data: ArrayBuffer;
    try {
      const response = await fetch(new URL(path, this.root));
      if (!response.ok) throw new AssetError(`${path}: the server answered ${response.status}.`);
      data = await this.counted(path, response).arrayBuffer();
    } catch (error) {
      if (error instanceof AssetError) throw error;
      throw new AssetError(`${path} could not be fetched from this site.`);
    }
    const digest = await sha256(data);
    if (digest !== null && digest !== asset.sha256) {
      throw new AssetError(
        `${path} is damaged: its SHA-256 begins with ${digest.slice(0, 12)}, ` +
          `not ${asset.sha256.slice(0, 12)}; reload the page.`,
      );
    }
    return new Uint8Array(data);
  }

  /** Marks a part as missing, with its reason. */
  fail(part: Part, reason: string): void {
    const progress = this.#progress.get(part)!;
    progress.failure = reason;
    this.tell({ ...progress });
  }
}

/** The site's manifest. */
export async function readManifest(root: string): Promise<Manifest> {
  const response = await fetch(new URL("assets.json", root)).catch(() => {
    throw new AssetError(
      "This site cannot be reached; the first visit needs a connection, later ones do not.",
    );
  });
  if (!response.ok) throw new AssetError(`assets.json: the server answered ${response.status}.`);
  return (await response.json()) as Manifest;
}
