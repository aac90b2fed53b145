import type { CachedModel, LocalSource, ModelProgress, ModelSource } from "./protocol.js";
import { access, type AccessHandle, type Rows, rowsByCopy, rowsOfHandle } from "./rows.js";

/** A model that could not be had, in one sentence. */
export class DownloadError extends Error {
  override name = "DownloadError";
}

/** The user took it back. */
export class Cancelled extends Error {
  override name = "Cancelled";
  constructor() {
    super("Loading was cancelled; the model in use stays.");
  }
}

/** A model's bytes, readable as often as a backend needs them. */
export interface ModelBytes {
  name: string;
  /** `undefined` if nobody knows; Python's `None`. */
  size: number | undefined;
  /** Enough of it to know what memory it will take. */
  beginning(): Promise<Uint8Array>;
  /** The bytes at some places, each with its length, one after the other. */
  parts(places: [number, number][]): Promise<Uint8Array>;
  /** Its pieces in order; each is good only until the next one is asked for. */
  chunks(): AsyncGenerator<Uint8Array>;
  /** Its embedding, to be read row by row; `null` where that cannot be. */
  rows(begin: number, bytes: number): Promise<Rows | null>;
}

/** Throws if a file with this beginning could never be loaded. */
export type Check = (name: string, size: number | undefined, first: Uint8Array) => void;

/** Of a file on its way in; it is in memory twice, here and in Python. */
const PIECE = 1 << 20;
/** Enough of most files; GGUF files have a vocabulary inside. */
const BEGINNING = 1 << 16;
const LONG_BEGINNING = 1 << 22;
const GGUF = "GGUF";
const FOLDER = "models";
/** Downloads in progress carry this ending until their last byte is there. */
const PARTIAL = ".partial";

/** A file, or anything that can be sliced like one. */
export function bytesOfFile(file: File, name = file.name): ModelBytes {
  return {
    name,
    size: file.size,
    async beginning() {
      const magic = await file.slice(0, GGUF.length).text();
      const length = magic === GGUF ? LONG_BEGINNING : BEGINNING;
      return new Uint8Array(await file.slice(0, length).arrayBuffer());
    },
    async parts(places) {
      const slices = places.map(([at, length]) => file.slice(at, at + length));
      return new Uint8Array(await new Blob(slices).arrayBuffer());
    },
    async *chunks() {
      let reader: ReadableStreamBYOBReader;
      try {
        reader = file.stream().getReader({ mode: "byob" });
      } catch {
        // Older browsers fill no buffer of ours; every piece is one of its own.
        for (let begin = 0; begin < file.size; begin += PIECE) {
          yield new Uint8Array(await file.slice(begin, begin + PIECE).arrayBuffer());
        }
        return;
      }
      // One buffer goes back and forth, so that loading leaves no garbage behind.
      let buffer = new ArrayBuffer(PIECE);
      try {
        for (;;) {
          const { value } = await reader.read(new Uint8Array(buffer), { min: PIECE });
          if (!value?.byteLength) break;
          yield value;
          buffer = value.buffer;
        }
      } finally {
        await reader.cancel().catch(() => undefined);
      }
    },
    rows: (begin, bytes) => rowsByCopy(file, begin, bytes),
  };
}

/** A kept file, read in the worker's own time and into one buffer. */
function bytesOfHandle(handle: FileSystemFileHandle, file: File, name: string): ModelBytes {
  const plain = bytesOfFile(file, name);
  return {
    ...plain,
    async *chunks() {
      let open: AccessHandle;
      try {
        open = await access(handle);
      } catch {
        // Another reader has it for itself.
        yield* plain.chunks();
        return;
      }
      const buffer = new Uint8Array(PIECE);
      try {
        for (let at = 0; ;) {
          const n = open.read(buffer, { at });
          if (n === 0) break;
          at += n;
          yield buffer.subarray(0, n);
        }
      } finally {
        open.close();
      }
    },
    rows: async (begin, bytes) => (await rowsOfHandle(handle)) ?? plain.rows(begin, bytes),
  };
}

/** The address as a URL, or one sentence that says what is wrong with it. */
export function checkedUrl(text: string): URL {
  let url: URL;
  try {
    url = new URL(text.trim());
  } catch {
    throw new DownloadError(
      `${JSON.stringify(text.trim())} is not an address; give one that begins with https://.`,
    );
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new DownloadError(
      `The address begins with ${url.protocol}//; give one that begins with https://.`,
    );
  }
  return url;
}

/** The file's name in an address. */
export function nameOf(url: URL): string {
  const name = url.pathname.split("/").at(-1) ?? "";
  try {
    return decodeURIComponent(name) || url.hostname;
  } catch {
    return name; // a lone % sign
  }
}

/**
 * Opens a response, or says in one sentence why there is no model behind the address.
 *
 * @param signal aborts the request.
 */
export async function openUrl(url: URL, signal: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { signal, credentials: "omit", referrerPolicy: "no-referrer" });
  } catch {
    if (signal.aborted) throw new Cancelled();
    throw new DownloadError(
      `${url.host} could not be reached, or does not allow other pages to read its files (CORS); ` +
        `download the file and open it from disk.`,
    );
  }
  if (!response.ok) {
    throw new DownloadError(
      `${url.host} answered ${response.status} for ${nameOf(url)}; check the address.`,
    );
  }
  const type = response.headers.get("content-type") ?? "";
  if (/^text\/html\b/.test(type)) {
    throw new DownloadError(
      `${nameOf(url)} is a web page, not a model file; use the address of the file itself.`,
    );
  }
  return response;
}

/** Yields a response's bytes; a connection that drops, or too few bytes, is one sentence. */
export async function* piecesOf(
  response: Response,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const encoded = response.headers.has("content-encoding");
  const total = encoded ? 0 : Number(response.headers.get("content-length") ?? 0);
  let done = 0;
  const dropped = () =>
    new DownloadError(
      `The connection broke after ${done} ${total ? `of ${total} ` : ""}bytes of ${name}; try again.`,
    );
  const reader = response.body!.getReader();
  try {
    for (;;) {
      let step: ReadableStreamReadResult<Uint8Array<ArrayBuffer>>;
      try {
        step = await reader.read();
      } catch {
        throw signal.aborted ? new Cancelled() : dropped();
      }
      if (step.done) break;
      done += step.value.byteLength;
      yield step.value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
  if (total && done < total) throw dropped();
}

function inUse(key: string, what: string): DownloadError {
  return new DownloadError(
    `${nameOf(new URL(decodeURIComponent(key)))} is in use, here or in another tab, and its ` +
      `embedding is read from it; load another model there, then ${what}.`,
  );
}

/** Models that were downloaded whole, in the browser's private file system. */
export class ModelCache {
  async #folder(): Promise<FileSystemDirectoryHandle> {
    const root = await navigator.storage.getDirectory();
    return root.getDirectoryHandle(FOLDER, { create: true });
  }

  /** The whole files; leftovers of downloads that broke are removed on the way. */
  async list(): Promise<CachedModel[]> {
    try {
      const folder = await this.#folder();
      const models: CachedModel[] = [];
      for await (const [key, handle] of folder.entries()) {
        if (handle.kind !== "file") continue;
        if (key.endsWith(PARTIAL)) {
          await folder.removeEntry(key).catch(() => undefined);
          continue;
        }
        const file = await (handle as FileSystemFileHandle).getFile();
        const url = decodeURIComponent(key);
        models.push({ name: key, bytes: file.size, url });
      }
      return models;
    } catch {
      return [];
    }
  }

  async open(key: string): Promise<ModelBytes> {
    const handle = await (await this.#folder()).getFileHandle(key);
    const name = nameOf(new URL(decodeURIComponent(key)));
    return bytesOfHandle(handle, await handle.getFile(), name);
  }

  /** @throws DownloadError if a model in use, in any tab, reads its embedding from the file. */
  async delete(key: string): Promise<void> {
    if (await this.#inUse(key)) throw inUse(key, "delete it");
    await (await this.#folder()).removeEntry(key);
  }

  async #inUse(key: string): Promise<boolean> {
    try {
      const handle = await (await this.#folder()).getFileHandle(key);
      (await access(handle, "readwrite")).close();
    } catch (error) {
      return (error as DOMException).name === "NoModificationAllowedError";
    }
    return false;
  }

  /** Removes the file that was downloaded from this address, if it is there. */
  async discard(url: string): Promise<void> {
    await this.delete(encodeURIComponent(checkedUrl(url).href)).catch(() => undefined);
  }

  /**
   * Downloads a model to the end and only then gives it its place. Without storage, the bytes
   * stay in memory for as long as they are loaded.
   */
  async download(
    url: URL,
    signal: AbortSignal,
    tell: (step: ModelProgress) => void,
    check: Check,
  ): Promise<ModelBytes> {
    const key = encodeURIComponent(url.href);
    if (await this.#inUse(key)) throw inUse(key, "fetch it again");
    const response = await openUrl(url, signal);
    const total = Number(response.headers.get("content-length") ?? 0);
    const name = nameOf(url);
    const target = await this.#writer(`${key}${PARTIAL}`);
    let done = 0;
    const kept: Uint8Array<ArrayBuffer>[] = [];
    const beginning = new Uint8Array(BEGINNING);
    try {
      for await (const piece of piecesOf(response, name, signal)) {
        if (done < BEGINNING) {
          beginning.set(piece.subarray(0, BEGINNING - done), done);
          if (done + piece.byteLength >= BEGINNING) {
            const plain = !response.headers.has("content-encoding");
            check(name, (plain && total) || undefined, beginning);
          }
        }
        if (target) await target.writer.write(piece);
        else kept.push(piece);
        done += piece.byteLength;
        tell({ phase: "download", done, total: Math.max(total, done) });
      }
      await target?.writer.close();
    } catch (error) {
      await target?.writer.abort().catch(() => undefined);
      await target?.folder.removeEntry(`${key}${PARTIAL}`).catch(() => undefined);
      if (!(error instanceof DOMException)) throw error;
      throw new DownloadError(
        `${name} does not fit into this browser's storage after ${done} bytes; ` +
          `delete a kept model and try again.`,
      );
    }
    // What is in memory already would stay there for its embedding's sake.
    if (!target) return { ...bytesOfFile(new File(kept, name)), rows: () => Promise.resolve(null) };
    const file = await target.handle.getFile();
    const keep = async () => {
      // Safari before 26 cannot rename: it copies.
      if ("move" in target.handle) {
        await (target.handle as unknown as { move(to: string): Promise<void> }).move(key);
        return;
      }
      const copy = await target.folder.getFileHandle(key, { create: true });
      const writer = await copy.createWritable();
      await file.stream().pipeTo(writer);
      await target.folder.removeEntry(`${key}${PARTIAL}`);
    };
    await keep();
    return this.open(key);
  }

  async #writer(key: string): Promise<{
    folder: FileSystemDirectoryHandle;
    handle: FileSystemFileHandle;
    writer: FileSystemWritableFileStream;
  } | null> {
    try {
      const folder = await this.#folder();
      const handle = await folder.getFileHandle(key, { create: true });
      return { folder, handle, writer: await handle.createWritable() };
    } catch {
      return null;
    }
  }
}

/** The bytes of a source that is on this machine. */
export async function openLocal(source: LocalSource, cache: ModelCache): Promise<ModelBytes> {
  return source.kind === "file" ? bytesOfFile(source.file) : cache.open(source.name);
}

/** The bytes that a source stands for; a URL is downloaded whole first. */
export async function openSource(
  source: Exclude<ModelSource, { kind: "bundled" }>,
  cache: ModelCache,
  signal: AbortSignal,
  tell: (step: ModelProgress) => void,
  check: Check,
): Promise<ModelBytes> {
  if (source.kind !== "url") return openLocal(source, cache);
  return cache.download(checkedUrl(source.url), signal, tell, check);
}

/** A model's bytes with progress, and a stop where the user cancels. */
export async function* watched(
  model: ModelBytes,
  signal: AbortSignal,
  tell: (step: ModelProgress) => void,
): AsyncGenerator<Uint8Array> {
  let done = 0;
  for await (const piece of model.chunks()) {
    if (signal.aborted) throw new Cancelled();
    yield piece;
    done += piece.byteLength;
    tell({ phase: "load", done, total: model.size ?? 0 });
  }
}
