/**
 * The rows of an embedding, read from the browser's private file system when a token needs them.
 * A read takes a few microseconds there; a slice of any other file takes a millisecond or more.
 */
export interface Rows {
  /** So many bytes at each place of the model's file, one after the other; good until the next. */
  read(places: number[], length: number): Uint8Array;
  /** Lets the file go; harmless twice. */
  close(): void;
}

/** What TypeScript's own libraries do not know of workers. */
export interface AccessHandle {
  read(buffer: Uint8Array, options: { at: number }): number;
  write(buffer: Uint8Array, options: { at: number }): number;
  close(): void;
}

interface Accessible {
  createSyncAccessHandle(options: { mode: "read-only" | "readwrite" }): Promise<AccessHandle>;
}

/** Copies of embeddings whose files lie elsewhere; they go with their models. */
const FOLDER = "embeddings";

/**
 * Opens a private file for this worker. Where the browser knows of reading only, others may read it
 * meanwhile; nobody can change or delete it.
 */
export function access(
  handle: FileSystemFileHandle,
  mode: "read-only" | "readwrite" = "read-only",
): Promise<AccessHandle> {
  return (handle as unknown as Accessible).createSyncAccessHandle({ mode });
}

/** Rows in an open file, which begins at a place of the model's file. */
class OpenRows implements Rows {
  #buffer = new Uint8Array();
  #handle: AccessHandle | null;

  constructor(
    handle: AccessHandle,
    private readonly begin: number,
    private readonly closed: () => void,
  ) {
    this.#handle = handle;
  }

  read(places: number[], length: number): Uint8Array {
    const total = places.length * length;
    if (this.#buffer.length < total) this.#buffer = new Uint8Array(total);
    places.forEach((place, index) => {
      const row = this.#buffer.subarray(index * length, (index + 1) * length);
      if (this.#handle?.read(row, { at: place - this.begin }) !== length) {
        throw new Error("The file has been closed or has become shorter.");
      }
    });
    return this.#buffer.subarray(0, total);
  }

  close(): void {
    if (!this.#handle) return;
    this.#handle.close();
    this.#handle = null;
    this.closed();
  }
}

/** Rows of a private file itself; `null` where another tab has it for itself. */
export async function rowsOfHandle(handle: FileSystemFileHandle): Promise<Rows | null> {
  try {
    return new OpenRows(await access(handle), 0, () => undefined);
  } catch {
    return null;
  }
}

/**
 * Rows of a file that lies elsewhere, by a private copy of its embedding; `null` where there is no
 * room for one, or no private file system.
 */
export async function rowsByCopy(file: Blob, begin: number, bytes: number): Promise<Rows | null> {
  try {
    const root = await navigator.storage.getDirectory();
    const folder = await root.getDirectoryHandle(FOLDER, { create: true });
    await removeLeftovers(folder);
    const name = crypto.getRandomValues(new Uint32Array(2)).join("-");
    const handle = await access(await folder.getFileHandle(name, { create: true }), "readwrite");
    const remove = () => void folder.removeEntry(name).catch(() => undefined);
    try {
      await copy(file.slice(begin, begin + bytes), handle);
    } catch (error) {
      handle.close();
      remove();
      throw error;
    }
    return new OpenRows(handle, begin, remove);
  } catch {
    return null;
  }
}

/** Copies of tabs that ended without a word; those in use cannot be removed. */
async function removeLeftovers(folder: FileSystemDirectoryHandle): Promise<void> {
  const names = [];
  for await (const name of folder.keys()) names.push(name);
  for (const name of names) await folder.removeEntry(name).catch(() => undefined);
}

async function copy(source: Blob, target: AccessHandle): Promise<void> {
  let at = 0;
  for await (const piece of source.stream() as unknown as AsyncIterable<Uint8Array>) {
    if (target.write(piece, { at }) !== piece.length) throw new Error("The storage is full.");
    at += piece.length;
  }
  if (at !== source.size) throw new Error("The file has become shorter.");
}
