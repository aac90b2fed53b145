// Runs a module of the tests as a program inside Pyodide, with Node in the browser's place.
//
//   node tests/bench/pyodide.mjs MODULE [WHEEL]

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const repository = resolve(dirname(fileURLToPath(import.meta.url)), "..", "..");
const [module, wheel] = process.argv.slice(2);
const built = (folder, ending) =>
  join(folder, readdirSync(folder).find((name) => name.endsWith(ending)) ?? `no ${ending}`);

const pyodide = join(repository, "build", "external", "pyodide");
const { loadPyodide } = await import(pathToFileURL(join(pyodide, "pyodide.mjs")).href);
const py = await loadPyodide({ indexURL: `${pyodide}/` });
const extractDir = py.runPython("import site; site.getsitepackages()[0]");
const numpy = built(join(repository, "build", "external", "numpy"), ".whl");
const own = wheel ? resolve(wheel) : built(join(repository, "build", "wheel"), "_wasm32.whl");
for (const path of [numpy, own]) {
  py.unpackArchive(new Uint8Array(readFileSync(path)), "wheel", { extractDir });
}

// The module, the packages that it lies in, and the clock.
const parts = module.split(".");
const packages = parts.slice(1).map((_, i) => `${parts.slice(0, i + 1).join("/")}/__init__.py`);
for (const name of [...packages, `${parts.join("/")}.py`, "tests/bench/_cpu.py"]) {
  py.FS.mkdirTree(dirname(`/project/${name}`));
  py.FS.writeFile(`/project/${name}`, readFileSync(join(repository, name)));
}
py.runPython(`
import runpy, sys
sys.path.insert(0, "/project")
runpy.run_module("${module}", run_name="__main__")
`);
