import { AssetError, Downloads, needed, readManifest } from "./assets.js";
import { PRELOADED, Snapshots } from "./snapshot.js";
import type { Asset, Manifest, Part, PartProgress } from "./protocol.js";

/** The little of Pyodide's interface that the worker uses. */
export interface Pyodide {
  FS: {
    writeFile(path: string, data: Uint8Array): void;
    mkdirTree(path: string): void;
  };
  unpackArchive(data: Uint8Array, format: string): void;
  pyimport(name: string): unknown;
  runPython(code: string): unknown;
  makeMemorySnapshot(): Uint8Array<ArrayBuffer>;
}

interface LoadOptions {
  indexURL: string;
  /** Both are Pyodide's own and undocumented, so a failure falls back to a plain start. */
  _makeSnapshot?: boolean;
  _loadSnapshot?: Uint8Array;
}

type LoadPyodide = (options: LoadOptions) => Promise<Pyodide>;

/** Python with all that could be fetched for it. */
export interface BootedPython {
  pyodide: Pyodide;
  /** Parts that are missing, with the reason in one sentence. */
  missing: Map<Part, string>;
}

/**
 * Lets Pyodide's own requests count towards the progress, and reports one that fails: Pyodide
 * itself would wait for its WebAssembly for ever.
 */
function watchFetch(root: string, downloads: Downloads, fail: (error: Error) => void): () => void {
  const original = self.fetch;
  const base = new URL("pyodide/", root).href;
  self.fetch = async (input, init) => {
    const url = input instanceof Request ? input.url : new URL(input, self.location.href).href;
    if (!url.startsWith(base)) return original(input, init);
    const path = url.slice(new URL(root).href.length);
    try {
      const response = await original(input, init);
      if (!response.ok) throw new AssetError(`${path}: the server answered ${response.status}.`);
      return downloads.counted(path, response);
    } catch (error) {
      const reason =
        error instanceof AssetError
          ? error
          : new AssetError(`${path} could not be fetched from this site.`);
      fail(reason);
      return Response.error();
    }
  };
  return () => {
    self.fetch = original;
  };
}

async function importPyodide(root: string): Promise<LoadPyodide> {
  const url = new URL("pyodide/pyodide.mjs", root).href;
  try {
    const module = (await import(/* @vite-ignore */ url)) as { loadPyodide: LoadPyodide };
    return module.loadPyodide;
  } catch {
    throw new AssetError("pyodide/pyodide.mjs could not be fetched from this site.");
  }
}

/** Starts Python from the snapshot of an earlier visit, or afresh, and then keeps a snapshot. */
async function startPython(
  root: string,
  load: LoadPyodide,
  snapshots: Snapshots,
): Promise<Pyodide> {
  const indexURL = new URL("pyodide/", root).href;
  const kept = await snapshots.read();
  if (kept) {
    try {
      return await load({ indexURL, _loadSnapshot: kept });
    } catch (error) {
      await snapshots.forget();
      if (error instanceof AssetError) throw error;
    }
  }
  const pyodide = await load({ indexURL, _makeSnapshot: true });
  pyodide.runPython(PRELOADED);
  void snapshots.keep(pyodide.makeMemorySnapshot());
  return pyodide;
}

/**
 * Boots Python: everything is fetched side by side; a part other than Python itself may be
 * missing, which the backends then answer for.
 *
 * @throws AssetError if Python itself or our package cannot be had.
 */
export async function bootPython(
  root: string,
  tell: (progress: PartProgress) => void,
): Promise<BootedPython> {
  const manifest = await readManifest(root);
  const downloads = new Downloads(root, manifest, tell);
  const missing = new Map<Part, string>();

  const optional = async (part: Part, asset: Asset | undefined): Promise<Uint8Array | null> => {
    try {
      if (!asset) throw new AssetError(`This site was built without its ${part} file.`);
      return await downloads.bytes(asset);
    } catch (error) {
      const reason = (error as Error).message;
      missing.set(part, reason);
      downloads.fail(part, reason);
      return null;
    }
  };
  const find = (part: Part, ending: string) => findAsset(manifest, part, ending);

  const wheel = find("engine", ".whl");
  if (!wheel) throw new AssetError("This site was built without the deep_tree_echo wheel.");
  const wheelBytes = downloads.bytes(wheel);
  // An early failure is reported where it is awaited.
  wheelBytes.catch(() => undefined);
  const libraryBytes = optional("engine", find("engine", "libecho.so"));
  const numpyBytes = optional("NumPy", find("NumPy", ".whl"));
  const modelAsset = find("model", ".bin");
  const modelBytes = optional("model", modelAsset);

  const pyodide = await new Promise<Pyodide>((resolve, reject) => {
    const restore = watchFetch(root, downloads, reject);
    importPyodide(root)
      .then((load) => startPython(root, load, new Snapshots(root, manifest)))
      .then(resolve, reject)
      .finally(restore);
  });

  const numpy = await numpyBytes;
  if (numpy) pyodide.unpackArchive(numpy, "wheel");
  pyodide.unpackArchive(await wheelBytes, "wheel");
  const folder = String(
    pyodide.runPython("import deep_tree_echo, os; os.path.dirname(deep_tree_echo.__file__)"),
  );
  const library = await libraryBytes;
  if (library) pyodide.FS.writeFile(`${folder}/libecho.so`, library);
  const model = await modelBytes;
  if (model && modelAsset) {
    pyodide.FS.mkdirTree(`${folder}/models`);
    pyodide.FS.writeFile(`${folder}/${modelAsset.path}`, model);
  }
  return { pyodide, missing };
}

function findAsset(manifest: Manifest, part: Part, ending: string): Asset | undefined {
  return needed(manifest, part).find((file) => file.path.endsWith(ending));
}
