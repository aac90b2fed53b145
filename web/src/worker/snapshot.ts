import { assetOf, linkHash, placeLibraries, SITE_PACKAGES, trampolineWord } from "./layout.mjs";
import type { CreateModule, EmscriptenModule, ModuleSettings } from "./emscripten.js";
import type { Manifest } from "./protocol.js";

const MAGIC = "DTESNAP1";
const PAGE = 4096;

/** What `scripts/snapshot.mjs` writes before the memory's pages. */
interface Facts {
  /** SHA-256 of the files of the site that the snapshot belongs to, by path. */
  inputs: Record<string, string>;
  /** Bytes of memory, zeros included. */
  memory: number;
  /** Where the libraries begin in the function table. */
  slot: number;
  /** {@link linkHash} with the libraries in their places. */
  link: number;
  /** Paths below `site-packages`, in their order. */
  libraries: string[];
  /** Libraries that Python holds open: address and path. */
  handles: [number, string][];
  /** What JavaScript holds for Python; Pyodide's own format. */
  hiwire: unknown;
  /** First page and number of pages of what is not zero. */
  runs: [number, number][];
}

/**
 * A snapshot of Python's memory after its start, with NumPy and our package imported, made when
 * the site was built.
 */
export class Snapshot {
  readonly #facts: Facts;
  #pages: Uint8Array | null;

  /** @throws Error if this is no snapshot, or not one of this site's Python. */
  constructor(file: Uint8Array<ArrayBuffer>, manifest: Manifest) {
    const text = new TextDecoder();
    const magic = text.decode(file.subarray(0, MAGIC.length));
    if (magic !== MAGIC) throw new Error(`The snapshot begins with ${JSON.stringify(magic)}.`);
    const length = new DataView(file.buffer).getUint32(MAGIC.length, true);
    const begin = MAGIC.length + 4 + length;
    this.#facts = JSON.parse(text.decode(file.subarray(MAGIC.length + 4, begin))) as Facts;
    this.#pages = file.subarray(begin);
    const hashes = new Map(manifest.files.map(({ path, sha256 }) => [path, sha256]));
    for (const [path, hash] of Object.entries(this.#facts.inputs)) {
      if (hashes.get(path) !== hash) throw new Error(`The snapshot belongs to another ${path}.`);
    }
  }

  /**
   * Makes Python's module with its memory as the snapshot has it. Afterwards the snapshot is empty.
   *
   * @param compiled - The compiled libraries by their paths on the site.
   */
  async createModule(
    create: CreateModule,
    settings: ModuleSettings,
    compiled: ReadonlyMap<string, WebAssembly.Module>,
  ): Promise<EmscriptenModule> {
    const { slot, link, libraries } = this.#facts;
    const placed = libraries.map((name) => {
      const code = compiled.get(assetOf(name));
      if (!code) throw new Error(`The snapshot needs ${assetOf(name)}.`);
      return { path: `${SITE_PACKAGES}/${name}`, code };
    });
    let problem: unknown = null;
    settings.preRun.push((module) => {
      module.addRunDependency("libraries");
      void placeLibraries(module, placed, slot)
        .catch((error: unknown) => (problem = error))
        .finally(() => module.removeRunDependency("libraries"));
    });
    const module = await create(settings);
    if (problem) throw problem;
    if (linkHash(module) !== link) {
      throw new Error("This browser links Python's libraries in another way than the snapshot.");
    }
    settings.API.restoreSnapshot = () => this.#restore(module);
    return module;
  }

  #restore(module: EmscriptenModule): unknown {
    const { memory, runs, handles, hiwire } = this.#facts;
    const word = trampolineWord(module);
    const trampoline = module.HEAP32[word]!;
    if (module.HEAPU8.length < memory) module.growMemory(memory);
    let at = 0;
    for (const [page, count] of runs) {
      module.HEAPU8.set(this.#pages!.subarray(at, at + count * PAGE), page * PAGE);
      at += count * PAGE;
    }
    this.#pages = null;
    module.HEAP32[word] = trampoline;
    for (const [handle, path] of handles) {
      module.LDSO.loadedLibsByHandle[handle] = module.LDSO.loadedLibsByName[path]!;
    }
    return hiwire;
  }
}
