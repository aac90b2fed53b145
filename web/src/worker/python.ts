import {
  AssetError,
  Downloads,
  early,
  IMPORTED,
  PACKAGES,
  SELDOM,
  SNAPSHOT,
  STDLIB,
} from "./assets.js";
import type { CreateModule, ModuleSettings } from "./emscripten.js";
import { libraryOf, SITE_PACKAGES } from "./layout.mjs";
import type { Asset, Manifest, Part, PartProgress } from "./protocol.js";
import { Snapshot } from "./snapshot.js";
import { filesOf } from "./tar.js";

/** The little of Pyodide's interface that the worker uses. */
export interface Pyodide {
  FS: {
    writeFile(path: string, data: Uint8Array, options?: { canOwn: boolean }): void;
    mkdirTree(path: string): void;
    unlink(path: string): void;
    analyzePath(path: string): { exists: boolean };
  };
  pyimport(name: string): unknown;
  runPython(code: string): unknown;
}

interface LoadOptions {
  indexURL: string;
  /** Makes Pyodide begin from `restoreSnapshot` instead of starting Python. */
  _loadSnapshot?: Uint8Array;
  createPyodideModule?: (settings: ModuleSettings) => ReturnType<CreateModule>;
}

type LoadPyodide = (options: LoadOptions) => Promise<Pyodide>;

/** Python with the compiled engine, if that could be fetched; the model is still on its way. */
export interface BegunPython {
  pyodide: Pyodide;
  /** The wheel of a package that is pure Python, put on Python's path. */
  add(name: string): Promise<void>;
  /**
   * Fetches what a start from the snapshot does without: the files of the standard library and of
   * the packages. Gives the function that puts them in their places.
   */
  rest(): Promise<() => void>;
  /** Likewise what is used of NumPy by few views. */
  seldom(): Promise<() => void>;
  /**
   * Puts the model that came with the page in its place for as long as it takes to load it. Its
   * bytes come from the browser's cache each time: here they would stay for ever.
   */
  withModel<Value>(load: () => Promise<Value>): Promise<Value>;
}

/** Python with all that could be fetched for it. */
export interface BootedPython {
  pyodide: Pyodide;
  /** Parts that are missing, with the reason in one sentence. */
  missing: Map<Missing, string>;
}

/** Without its form with relaxed SIMD, the engine is only slower. */
type Missing = Part | typeof RELAXED;

const RELAXED = "relaxed SIMD";
/** libecho in each form, the fastest first. */
const FORMS = ["libecho-relaxed.so", "libecho.so"];
/** Has Python load libecho; the sentence why it cannot. Whether NumPy is there is no matter here. */
const TRY_LIBRARY = `
def why_not():
    from deep_tree_echo.errors import BackendError
    try:
        from deep_tree_echo.core import library
        library()
    except BackendError as error:
        return str(error)
    except ImportError:
        pass
    return ""
why_not()
`;

const WASM = "pyodide/pyodide.asm.wasm";
const OUR_FOLDER = `${SITE_PACKAGES}/deep_tree_echo`;
/** A function that takes one relaxed dot product of bytes and drops it. */
const RELAXED_PROBE = Uint8Array.of(
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 0x0a, 0x10, 1, 0x0e, 0],
  ...[0x41, 0, 0xfd, 0x0f, 0x41, 0, 0xfd, 0x0f, 0xfd, 0x92, 2, 0x1a, 0x0b],
);
/** Where Python looks for its standard library. */
const STDLIB_PLACE = "/lib/python314.zip";

/** What everybody's snapshot would otherwise have in common. */
const RESEED = `
import random, sys
random.seed()
if "numpy.random" in sys.modules:
    sys.modules["numpy.random"].seed()
`;

/**
 * A start of Python. Everything that it needs is asked for at once, when this is made; `boot` may
 * come later.
 */
export class PythonStart {
  readonly #downloads: Downloads;
  readonly #wasm: Promise<WebAssembly.Module>;
  readonly #pyodide: Promise<{ loadPyodide: LoadPyodide }>;
  readonly #script: Promise<{ default: CreateModule }>;
  readonly #files: Promise<Files>;
  readonly #missing = new Map<Missing, string>();
  #begin!: (python: BegunPython) => void;
  #fail!: (error: unknown) => void;

  /** Python, as soon as it is there; `boot` must be under way. Fails as that does. */
  readonly begun: Promise<BegunPython> = early(
    new Promise((resolve, reject) => {
      this.#begin = resolve;
      this.#fail = reject;
    }),
  );

  /** @param root - The site's address, with a slash at its end. */
  constructor(private readonly root: string) {
    this.#downloads = new Downloads(root);
    this.#wasm = early(this.#downloads.compiled(WASM));
    this.#script = early(this.#downloads.module("pyodide/pyodide.asm.mjs"));
    this.#pyodide = early(this.#downloads.module("pyodide/pyodide.mjs"));
    this.#files = early(this.#downloads.manifest.then((manifest) => this.#fetchFiles(manifest)));
  }

  #fetchFiles(manifest: Manifest): Files {
    const find = (matches: (path: string) => boolean) =>
      manifest.files.find(({ path }) => matches(path));
    const optional = async (part: Part, asset: Asset | undefined) => {
      try {
        if (!asset) throw new AssetError(`This site was built without its ${part} file.`);
        return await this.#downloads.bytes(asset);
      } catch (error) {
        this.#miss(part, (error as Error).message);
        return null;
      }
    };
    const snapshot = find((path) => path === SNAPSHOT);
    const model = find((path) => path.startsWith("models/"));
    const libraries = manifest.files.filter(({ path }) => path.startsWith("python/numpy/"));
    return {
      manifest,
      snapshot: snapshot ? early(this.#downloads.bytes(snapshot)) : null,
      libraries: snapshot ? early(this.#compileAll(libraries)) : null,
      core: this.#fetchCore(manifest, WebAssembly.validate(RELAXED_PROBE) ? FORMS : FORMS.slice(1)),
      model: optional("model", model),
      modelAsset: model,
      modelPath: `${OUR_FOLDER}/${model?.path}`,
    };
  }

  /** The first form of libecho that can be had. */
  async #fetchCore(manifest: Manifest, forms: string[]): Promise<Library | null> {
    for (const [index, form] of forms.entries()) {
      const path = `wheels/${form}`;
      try {
        const data = await this.#downloads.bytes(listed(manifest, path));
        return { path: `${OUR_FOLDER}/${form}`, data, others: forms.slice(index + 1) };
      } catch (error) {
        this.#missCore(path, (error as Error).message, index === forms.length - 1);
      }
    }
    return null;
  }

  /** A form of libecho cannot be used; after the last one there is none. */
  #missCore(path: string, reason: string, last: boolean): void {
    const reasons = [this.#missing.get(RELAXED) ?? "", reason].join(" ").trim();
    this.#downloads.without(path);
    if (last) this.#miss("engine", reasons);
    else this.#missing.set(RELAXED, reasons);
  }

  /** Puts libecho into its place, in the first form that Python can load. */
  async #placeCore(pyodide: Pyodide, { manifest, core }: Files): Promise<void> {
    for (let library = await core; library !== null;) {
      const { path, data, others } = library;
      pyodide.FS.writeFile(path, data, { canOwn: true });
      // Without another one, Python itself will say what is wrong.
      if (others.length === 0) return;
      const reason = pyodide.runPython(TRY_LIBRARY) as string;
      if (!reason) return;
      pyodide.FS.unlink(path);
      this.#missCore(`wheels/${path.split("/").at(-1)}`, reason, false);
      library = await this.#fetchCore(manifest, others);
    }
  }

  async #compileAll(assets: Asset[]): Promise<Map<string, WebAssembly.Module>> {
    const compile = async ({ path }: Asset) =>
      [path, await this.#downloads.compiled(path)] as const;
    return new Map(await Promise.all(assets.map(compile)));
  }

  #miss(part: Part, reason: string): void {
    this.#missing.set(part, reason);
    this.#downloads.fail(part, reason);
  }

  /**
   * Boots Python, from the snapshot or, where that cannot be used, by a plain start. A part other
   * than Python itself may be missing, which the backends then answer for.
   *
   * @throws AssetError if Python itself or our package cannot be had.
   */
  async boot(tell: (progress: PartProgress) => void): Promise<BootedPython> {
    try {
      return await this.#boot(tell);
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  async #boot(tell: (progress: PartProgress) => void): Promise<BootedPython> {
    this.#downloads.watch(tell);
    const files = await this.#files;
    const begun = await this.#fromSnapshot(files);
    // Python has what it needs of them; ours would stay for as long as the page does.
    files.snapshot = files.libraries = null;
    const pyodide = begun ?? (await this.#plainly(files));
    pyodide.FS.mkdirTree(`${OUR_FOLDER}/models`);
    const put = (path: string, data: Uint8Array | null) => {
      if (data) pyodide.FS.writeFile(path, data, { canOwn: true });
    };
    const bytes = (path: string) => this.#downloads.bytes(listed(files.manifest, path));
    await this.#placeCore(pyodide, files);
    this.#begin({
      pyodide,
      add: async (name) => {
        const found = files.manifest.files.find(({ path }) => path.startsWith(`wheels/${name}-`));
        const wheel = await bytes(found?.path ?? `wheels/${name}`);
        const place = `${SITE_PACKAGES}/${name}.whl`;
        put(place, wheel);
        // Python imports from the file as it is.
        pyodide.runPython(`import sys; sys.path.append(${JSON.stringify(place)})`);
      },
      rest: async () => {
        if (!begun) return () => undefined;
        const [stdlib, packages] = await Promise.all([bytes(STDLIB), bytes(PACKAGES)]);
        return () => {
          put(STDLIB_PLACE, stdlib);
          unpack(pyodide, packages);
        };
      },
      seldom: async () => {
        if (!begun) return () => undefined;
        const packages = await bytes(SELDOM);
        return () => unpack(pyodide, packages);
      },
      withModel: async (load) => {
        const { model, modelAsset, modelPath } = files;
        files.model = null;
        if (modelAsset) put(modelPath, await (model ?? this.#downloads.bytes(modelAsset)));
        try {
          return await load();
        } finally {
          if (pyodide.FS.analyzePath(modelPath).exists) pyodide.FS.unlink(modelPath);
        }
      },
    });
    await files.model;
    return { pyodide, missing: this.#missing };
  }

  /** `null` if there is no snapshot that can be used here. */
  async #fromSnapshot(files: Files): Promise<Pyodide | null> {
    if (!files.snapshot || !files.libraries) return null;
    const load = async () => {
      const { default: create } = await this.#script;
      return await this.#load({
        _loadSnapshot: new Uint8Array(),
        createPyodideModule: async (settings) => {
          // Pyodide keeps this function, so nothing large may be held by it alone.
          const image = new Snapshot((await files.snapshot)!, files.manifest);
          return await image.createModule(create, settings, (await files.libraries)!);
        },
      });
    };
    try {
      const pyodide = await load();
      pyodide.runPython(RESEED);
      return pyodide;
    } catch (error) {
      console.warn(`Python starts without its snapshot: ${(error as Error).message}`);
      this.#downloads.without(SNAPSHOT);
      return null;
    }
  }

  async #plainly({ manifest }: Files): Promise<Pyodide> {
    const libraries = manifest.files.filter(({ path }) => path.startsWith("python/numpy/"));
    const whole = (asset: Asset) => this.#downloads.bytes(asset);
    const numpy = Promise.all(libraries.map(whole)).catch((error: Error) => {
      this.#miss("NumPy", error.message);
      return null;
    });
    const archives = [IMPORTED, PACKAGES, SELDOM].map((name) =>
      early(whole(listed(manifest, name))),
    );
    const stdlib = await whole(listed(manifest, STDLIB));
    const pyodide = await this.#load({}, stdlib);
    const compiled = await numpy;
    const wanted = (name: string) => compiled !== null || !name.startsWith("numpy");
    for (const packages of await Promise.all(archives)) unpack(pyodide, packages, wanted);
    compiled?.forEach((data, index) => {
      pyodide.FS.writeFile(`${SITE_PACKAGES}/${libraryOf(libraries[index]!.path)}`, data);
    });
    return pyodide;
  }

  /**
   * Lets Pyodide begin with what has been asked for already: its WebAssembly, and the standard
   * library. It would wait for ever for WebAssembly that does not come, so that is watched here.
   */
  async #load(options: Partial<LoadOptions>, stdlib = new Uint8Array()): Promise<Pyodide> {
    const { loadPyodide } = await this.#pyodide;
    const { fetch } = self;
    const { instantiateStreaming } = WebAssembly;
    const absolute = (path: string) => new URL(path, this.root).href;
    self.fetch = async (input, init) => {
      const url = input instanceof Request ? input.url : new URL(input, self.location.href).href;
      if (url === absolute(WASM)) return new Response();
      if (url === absolute(STDLIB)) return new Response(stdlib);
      return await fetch(input, init);
    };
    WebAssembly.instantiateStreaming = async (_, imports) => {
      const module = await this.#wasm;
      return { module, instance: await WebAssembly.instantiate(module, imports) };
    };
    const failure = this.#wasm.then(() => new Promise<never>(() => undefined));
    try {
      const loading = loadPyodide({ indexURL: absolute("pyodide/"), ...options });
      return await Promise.race([loading, failure]);
    } finally {
      self.fetch = fetch;
      WebAssembly.instantiateStreaming = instantiateStreaming;
    }
  }
}

/** The files of a start, on their way. */
interface Files {
  manifest: Manifest;
  snapshot: Promise<Uint8Array<ArrayBuffer>> | null;
  libraries: Promise<Map<string, WebAssembly.Module>> | null;
  core: Promise<Library | null>;
  model: Promise<Uint8Array | null> | null;
  modelAsset: Asset | undefined;
  modelPath: string;
}

/** libecho in one of its forms. */
interface Library {
  /** Where Python looks for it. */
  path: string;
  data: Uint8Array;
  /** The forms to try if Python cannot load this one. */
  others: string[];
}

function listed({ files }: Manifest, path: string): Asset {
  const found = files.find((file) => file.path === path);
  if (!found) throw new AssetError(`This site was built without ${path}.`);
  return found;
}

/** Puts an archive's files below `site-packages`, without a copy. */
function unpack(pyodide: Pyodide, archive: Uint8Array, wanted = (_name: string) => true): void {
  const folders = new Set<string>();
  for (const [name, data] of filesOf(archive)) {
    if (!wanted(name)) continue;
    const path = `${SITE_PACKAGES}/${name}`;
    const folder = path.slice(0, path.lastIndexOf("/"));
    if (!folders.has(folder)) pyodide.FS.mkdirTree(folder);
    folders.add(folder);
    pyodide.FS.writeFile(path, data, { canOwn: true });
  }
  pyodide.runPython("import importlib; importlib.invalidate_caches()");
}
