// libecho as a user of the page has it: the wheel in Pyodide, the model from the private file
// system, in a worker.
import { loadPyodide } from "./pyodide/pyodide.mjs";

const PIECE = 1 << 20;
const bytes = async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer());
let python;
let session;
let memory;

async function handle(name) {
  const root = await navigator.storage.getDirectory();
  return root.getFileHandle(name);
}

const file = async (name) => (await handle(name)).getFile();

// As the page reads rows of an embedding that stays in the file.
async function rows(name) {
  const access = await (await handle(name)).createSyncAccessHandle({ mode: "read-only" });
  let buffer = new Uint8Array();
  return {
    read(places, length) {
      const total = places.length * length;
      if (buffer.length < total) buffer = new Uint8Array(total);
      places.forEach((at, index) => {
        access.read(buffer.subarray(index * length, (index + 1) * length), { at });
      });
      return buffer.subarray(0, total);
    },
    close: () => access.close(),
  };
}

// As the page reads: one buffer that goes round.
async function* pieces(file) {
  const reader = file.stream().getReader({ mode: "byob" });
  let buffer = new ArrayBuffer(PIECE);
  try {
    for (;;) {
      const { value, done } = await reader.read(new Uint8Array(buffer), { min: PIECE });
      if (value?.byteLength) yield value;
      if (done) return;
      buffer = value.buffer;
    }
  } finally {
    await reader.cancel();
  }
}

const tasks = {
  /** Starts Python; the length of the empty heap. */
  async boot() {
    python = await loadPyodide({ indexURL: new URL("./pyodide/", import.meta.url).href });
    for (const wheel of ["numpy.whl", "deep_tree_echo.whl"]) {
      python.unpackArchive(await bytes(wheel), "wheel");
    }
    python.FS.writeFile("/inside.py", await bytes("inside.py"));
    python.runPython(`
import json, sys
sys.path.insert(0, "/")
import inside
from deep_tree_echo.model import ModelLoader
from deep_tree_echo.pagereread import PageReread

async def load(size, pieces, head, rows):
    again = PageReread("the model", rows)
    loader = ModelLoader(size=size, memory_limit_mb=600, head=head or None, again=again)
    async for piece in pieces:
        loader.push(piece.to_bytes())
    return inside.Session(loader.finish())

def answer(session, request):
    return json.dumps(session.answer(json.loads(request)))
`);
    return tasks.heap();
  },
  /** Puts a model into the private file system. */
  async store(name) {
    const root = await navigator.storage.getDirectory();
    const writer = await (await root.getFileHandle(name, { create: true })).createWritable();
    await (await fetch(`models/${name}`)).body.pipeTo(writer);
  },
  /** Loads a stored model, in place of the one before; the milliseconds. */
  async load(name, head) {
    const start = performance.now();
    tasks.close();
    const source = await file(name);
    const load = python.globals.get("load");
    session = await load(source.size, pieces(source), head ?? "", await rows(name));
    return performance.now() - start;
  },
  close() {
    if (!session) return;
    session.model.close();
    session.destroy();
    session = undefined;
  },
  /** The page's own door: its bundled model if any, then a stored model; what it says. */
  async loadByDoor(name) {
    const door = python.runPython("from deep_tree_echo.page import Page; Page()");
    const source = await file(name);
    const first = new Uint8Array(await source.slice(0, PIECE).arrayBuffer());
    const open = () => pieces(source);
    const again = await rows(name);
    return door.load(name, source.size, open, "rwkv_cpp", undefined, first, undefined, again);
  },
  /** The reply to a request of inside.py, as it is. */
  ask(request) {
    return JSON.parse(python.globals.get("answer")(session, JSON.stringify(request)));
  },
  /** The milliseconds that a request takes. */
  time(request) {
    const text = JSON.stringify(request);
    const answer = python.globals.get("answer");
    const start = performance.now();
    answer(session, text);
    return performance.now() - start;
  },
  heap() {
    return python._module.HEAPU8.length;
  },
  /** Reads so many bytes by SIMD loads; the milliseconds. */
  async read(length) {
    if (memory?.length !== length) {
      const base = 1 << 20;
      const pages = (length + base) >> 16;
      const import_ = new WebAssembly.Memory({ initial: pages, maximum: pages });
      const source = await bytes("bandwidth.wasm");
      const { instance } = await WebAssembly.instantiate(source, { env: { memory: import_ } });
      new Uint32Array(import_.buffer, base, length / 4).fill(0x01020304);
      memory = { length, sum: instance.exports.sum, base };
    }
    const start = performance.now();
    memory.sum(memory.base, length / 16);
    return performance.now() - start;
  },
};

self.onmessage = async ({ data: { id, name, args } }) => {
  try {
    postMessage({ id, value: await tasks[name](...args) });
  } catch (error) {
    postMessage({ id, error: String(error.stack ?? error) });
  }
};
