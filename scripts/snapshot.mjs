// Makes a snapshot of Python's memory after its start, with NumPy and the package imported, in Node:
//
//   node scripts/snapshot.mjs --pyodide DIR --packages DIR --out DIR
//
// DIR/packages holds what lies in site-packages. The compiled libraries that the imports use are
// copied to DIR/out beside snapshot.bin, and imported.txt there names the sources of the others. The
// snapshot depends on these inputs only: clock, random numbers and time zone are fixed.
// web/src/worker/snapshot.ts is its reader.

import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { pathToFileURL } from "node:url";

import {
  assetOf,
  librarySlot,
  linkHash,
  placeLibraries,
  SITE_PACKAGES,
} from "../web/src/worker/layout.mjs";

const MAGIC = "DTESNAP1";
const PAGE = 4096;

const { values: options } = parseArgs({
  options: {
    pyodide: { type: "string" },
    packages: { type: "string" },
    out: { type: "string" },
  },
});
const [pyodide, packages, out] = ["pyodide", "packages", "out"].map((name) => {
  if (options[name] === undefined) throw new Error(`scripts/snapshot.mjs: give --${name} DIR.`);
  return resolve(options[name]);
});

// What the page uses before the rest of the packages arrives. The imports run once without the
// compiled libraries and once with them in their places.
const IMPORTS = `
import importlib
importlib.invalidate_caches()
for name in ("asyncio", "json", "numpy", "random", "re", "traceback"):
    importlib.import_module(name)
for name in (
    "page", "stateview", "statemap", "store.packing", "backends.rwkv_cpp", "backends.python_rwkv",
    "backends.mock",
):
    importlib.import_module(f"deep_tree_echo.{name}")
del importlib, name
`;

// Imports from bytecode leave less behind in memory than a compiler does. It has its docstrings:
// numpy.ma, which np.unique asks for, looks for them when it is imported. Gives the sources.
const COMPILE = `
import py_compile, sys
from pathlib import Path
found = [Path(m.__file__) for m in sys.modules.values() if getattr(m, "__file__", None)]
found = [p for p in found if p.suffix == ".py" and p.is_relative_to("${SITE_PACKAGES}")]
for path in found:
    py_compile.compile(path, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
"\\n".join(sorted(str(path.relative_to("${SITE_PACKAGES}")) for path in found))
`;

/** Fixes what differs from run to run: two runs give the same bytes. */
function standStill() {
  const instant = Date.UTC(2020, 0, 1);
  const RealDate = Date;
  globalThis.Date = class extends RealDate {
    constructor(...values) {
      super(...(values.length > 0 ? values : [instant]));
    }
    static now() {
      return instant;
    }
  };
  performance.now = () => 0;
  let state = 1;
  const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  Math.random = random;
  crypto.getRandomValues = (array) => {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    for (let i = 0; i < bytes.length; i++) bytes[i] = random() * 256;
    return array;
  };
  process.env.TZ = "UTC";
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true })
    .map((name) => name.replaceAll("\\", "/"))
    .filter((name) => statSync(join(folder, name)).isFile())
    .sort();
}

/** Starts Python with the libraries in their places and all packages in its file system. */
async function start(libraries, extra) {
  const load = (name) => import(pathToFileURL(join(pyodide, name)).href);
  const { loadPyodide } = await load("pyodide.mjs");
  const { default: create } = await load("pyodide.asm.mjs");
  let module;
  let slot = 0;
  const python = await loadPyodide({
    indexURL: `${pyodide}/`,
    _makeSnapshot: true,
    env: { HOME: "/home/pyodide", PYTHONHASHSEED: "0", LANG: "C.UTF-8" },
    createPyodideModule: (settings) => {
      settings.preRun.push((created) => {
        module = created;
        slot = librarySlot(module);
        module.addRunDependency("libraries");
        void placeLibraries(module, libraries, slot).then(() =>
          module.removeRunDependency("libraries"),
        );
      });
      return create(settings);
    },
  });
  const write = (name, data) => {
    const path = `${SITE_PACKAGES}/${name}`;
    module.FS.mkdirTree(dirname(path));
    module.FS.writeFile(path, data);
  };
  for (const name of filesIn(packages))
    write(name, new Uint8Array(readFileSync(join(packages, name))));
  for (const [name, data] of extra) write(name, data);
  return { python, module, slot };
}

/** Fills what is free with zeros, which take no place in the file. */
function zeroFree(module) {
  const end = module._sbrk(0);
  const held = [];
  for (let size = 1 << 20; size >= 16; size >>= 1) {
    for (;;) {
      const address = module._malloc(size);
      if (address === 0) break;
      if (address + size > end) {
        module._free(address);
        break;
      }
      module.HEAPU8.fill(0, address, address + size);
      held.push(address);
    }
  }
  for (const address of held) module._free(address);
}

/** First page and number of pages of each stretch of memory that is not all zeros. */
function stretches(heap) {
  const zero = Buffer.alloc(PAGE);
  const runs = [];
  for (let page = 0; page * PAGE < heap.length; page++) {
    if (zero.equals(heap.subarray(page * PAGE, (page + 1) * PAGE))) continue;
    const last = runs.at(-1);
    if (last && last[0] + last[1] === page) last[1] += 1;
    else runs.push([page, 1]);
  }
  return runs;
}

const sha256 = (data) => createHash("sha256").update(data).digest("hex");

async function main() {
  standStill();
  // First without libraries in place: which ones do the imports open, and their bytecode.
  const first = await start([], []);
  first.python.runPython(IMPORTS);
  const opened = Object.values(first.module.LDSO.loadedLibsByHandle)
    .map(({ name }) => name)
    .filter((name) => name.startsWith(SITE_PACKAGES));
  const names = opened.map((path) => path.slice(SITE_PACKAGES.length + 1));
  const imported = first.python.runPython(COMPILE);
  const bytecode = first.python
    .runPython(
      `import glob; "\\n".join(sorted(glob.glob("${SITE_PACKAGES}/**/__pycache__/*.pyc", recursive=True)))`,
    )
    .split("\n")
    .map((path) => [path.slice(SITE_PACKAGES.length + 1), first.module.FS.readFile(path)]);

  const libraries = names.map((name) => ({
    path: `${SITE_PACKAGES}/${name}`,
    code: new WebAssembly.Module(readFileSync(join(packages, name))),
  }));
  // They are in their places already: of the files nothing but the name is wanted.
  const empty = names.map((name) => [name, new Uint8Array(8)]);
  const { python, module, slot } = await start(libraries, [...bytecode, ...empty]);
  const link = linkHash(module);
  const slots = module.wasmTable.length;
  python.runPython(IMPORTS);
  python.runPython("import gc, random; random.seed(0); gc.collect()");
  const handles = Object.entries(module.LDSO.loadedLibsByHandle)
    .filter(([, { name }]) => name.startsWith(SITE_PACKAGES))
    .map(([handle, { name }]) => [Number(handle), name]);
  if (handles.length !== libraries.length) {
    throw new Error(`Python opened ${handles.length} libraries, not ${libraries.length}.`);
  }
  for (let index = slots; index < module.wasmTable.length; index++) {
    if (module.wasmTable.get(index) !== null) throw new Error(`Slot ${index} is in use.`);
  }
  zeroFree(module);
  const heap = module.HEAPU8;
  const runs = stretches(heap);
  const facts = {
    inputs: {},
    memory: heap.length,
    slot,
    link,
    libraries: names,
    handles,
    hiwire: module.API.serializeHiwireState(),
    runs,
  };
  for (const name of ["pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip"]) {
    facts.inputs[`pyodide/${name}`] = sha256(readFileSync(join(pyodide, name)));
  }
  for (const name of names) {
    const data = readFileSync(join(packages, name));
    facts.inputs[assetOf(name)] = sha256(data);
    mkdirSync(dirname(join(out, name)), { recursive: true });
    writeFileSync(join(out, name), data);
  }
  const header = Buffer.from(JSON.stringify(facts));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  const pages = runs.map(([page, count]) => heap.subarray(page * PAGE, (page + count) * PAGE));
  const file = Buffer.concat([Buffer.from(MAGIC), length, header, ...pages]);
  writeFileSync(join(out, "snapshot.bin"), file);
  writeFileSync(join(out, "imported.txt"), `${imported}\n`);
  console.log(
    `${names.length} libraries, ${runs.length} stretches, ${(file.length / 1e6).toFixed(1)} MB`,
  );
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(`scripts/snapshot.mjs: ${error?.stack ?? error}`.slice(-4000));
    process.exit(1);
  },
);
