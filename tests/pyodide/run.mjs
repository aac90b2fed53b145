// Runs the Python tests inside Pyodide: the same WebAssembly, interpreter and wheels as the page,
// with Node in the browser's place.
//
//   node tests/pyodide/run.mjs [--pyodide DIR] [--wheels DIR]... [--package WHEEL] [PYTEST ARGUMENT]...
//
// Without pytest arguments everything under tests/ runs. Exits with pytest's own code, and with 70
// when Pyodide itself died.

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { setFlagsFromString } from "node:v8";

const repository = resolve(dirname(fileURLToPath(import.meta.url)), "..", "..");
const shared = resolve(repository, "..", "shared", "conformance");
const EXIT_DIED = 70;

// Where things lie inside Pyodide: the tests find ../shared as they do outside.
const INSIDE = "/project/main";
const INSIDE_SHARED = "/project/shared/conformance";

// What the tests read of the repository, beside what the wheel installs.
const MOUNTED = ["tests", "pyproject.toml"];
const LEFT_OUT = new Set(["__pycache__", ".hypothesis", "node_modules", "browser"]);

function fail(sentence) {
  console.error(`tests/pyodide: ${sentence}`);
  process.exit(2);
}

function parse(argv) {
  const options = {
    pyodide: join(repository, "build", "external", "pyodide"),
    wheels: [],
    package: null,
    pytest: [],
  };
  for (let i = 0; i < argv.length; i++) {
    const name = argv[i];
    if (!["--pyodide", "--wheels", "--package"].includes(name)) {
      options.pytest.push(name);
      continue;
    }
    const value = argv[++i];
    if (value === undefined) fail(`${name} wants a path after it.`);
    if (name === "--wheels") options.wheels.push(resolve(value));
    else options[name.slice(2)] = resolve(value);
  }
  if (options.wheels.length === 0) options.wheels.push(join(repository, "build", "external"));
  options.package ??= newestPackage(join(repository, "build", "wheel"));
  if (!existsSync(join(options.pyodide, "pyodide.mjs"))) {
    fail(`${options.pyodide} holds no pyodide.mjs; run ./build.sh site or name it by --pyodide.`);
  }
  return options;
}

function wheelsIn(folder) {
  if (!existsSync(folder)) fail(`${folder} does not exist; run ./build.sh site first.`);
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith(".whl"))
    .map((name) => join(folder, name));
}

function newestPackage(folder) {
  const wheels = wheelsIn(folder)
    .filter((path) => path.includes("deep_tree_echo-") && path.endsWith("_wasm32.whl"))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  if (wheels.length === 0) fail(`${folder} holds no wheel of the page; run ./build.sh site first.`);
  return wheels[0];
}

// The wheels that pytest, hypothesis and the package need, each distribution once.
const NEEDED = [
  "numpy",
  "pytest",
  "pluggy",
  "iniconfig",
  "packaging",
  "pygments",
  "hypothesis",
  "sortedcontainers",
  "lark",
];

function neededWheels(folders) {
  const all = folders.flatMap(wheelsIn);
  return NEEDED.map((name) => {
    const found = all.filter((path) => {
      const file = path.slice(path.lastIndexOf("/") + 1).toLowerCase();
      return file.startsWith(`${name}-`) && /-(any|_?pyemscripten_\w+_wasm32)\.whl$/.test(file);
    });
    if (found.length === 0) fail(`no wheel of ${name} for Pyodide in ${folders.join(", ")}.`);
    return found[0];
  });
}

// Copied and not mounted: the tests cannot change the disk, and read faster.
function copyIn(py, from, to) {
  if (statSync(from).isFile()) {
    py.FS.mkdirTree(dirname(to));
    py.FS.writeFile(to, readFileSync(from));
    return;
  }
  for (const name of readdirSync(from)) {
    if (!LEFT_OUT.has(name)) copyIn(py, join(from, name), join(to, name));
  }
}

// The page's SQLite without its disk, as the Python module page_sqlite.
async function addPageDatabase(py) {
  const web = join(repository, "web");
  const library = join(web, "node_modules", "@sqlite.org", "sqlite-wasm", "dist", "node.mjs");
  if (!existsSync(library)) fail("web/node_modules lacks sqlite-wasm; run ./build.sh site first.");
  const { default: start } = await import(pathToFileURL(library).href);
  const { Sqlite } = await import(pathToFileURL(join(web, "src", "worker", "sqlite.mjs")).href);
  const sqlite3 = await start();
  py.registerJsModule("page_sqlite", { open: (path) => new Sqlite(sqlite3, path) });
}

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

// Browsers have relaxed SIMD by default; Node 20 has it behind a flag that later ones do not know.
if (process.version.startsWith("v20.")) setFlagsFromString("--experimental-wasm-relaxed-simd");

async function main() {
  const options = parse(process.argv.slice(2));
  const start = performance.now();
  const { loadPyodide, version } = await import(
    pathToFileURL(join(options.pyodide, "pyodide.mjs")).href
  );
  const py = await loadPyodide({
    indexURL: `${options.pyodide}/`,
    env: { HOME: "/home/pyodide", PYTHONDONTWRITEBYTECODE: "1", PYTHONHASHSEED: "0" },
  });
  const extractDir = py.runPython("import site; site.getsitepackages()[0]");
  for (const path of [...neededWheels(options.wheels), options.package]) {
    py.unpackArchive(new Uint8Array(readFileSync(path)), "wheel", { extractDir });
  }
  for (const name of MOUNTED) {
    const from = join(repository, name);
    if (existsSync(from)) copyIn(py, from, `${INSIDE}/${name}`);
  }
  if (existsSync(shared)) copyIn(py, shared, INSIDE_SHARED);
  else console.log(`No ${relative(repository, shared)}: its tests will be skipped.`);
  console.log(`Pyodide ${version} with ${relative(repository, options.package)} ready after ${seconds(start)}.`);

  await addPageDatabase(py);
  const run = py.runPython(`
import os, sys
os.chdir("${INSIDE}")
def run(arguments):
    import pytest
    return int(pytest.main(list(arguments)))
run
`);
  const targets = options.pytest.length > 0 ? options.pytest : ["tests"];
  const code = run([
    "-o",
    "cache_dir=/tmp/pytest",
    "--color=no",
    "-rsxX",
    "--durations=5",
    ...targets,
  ]);
  const heap = Math.round(py._module.HEAPU8.length / 1e6);
  console.log(`Pyodide: pytest ended with code ${code} after ${seconds(start)}; heap ${heap} MB.`);
  return code;
}

main().then(
  (code) => process.exit(code),
  (error) => {
    console.error(`tests/pyodide: Pyodide died: ${error?.stack ?? error}`);
    process.exit(EXIT_DIED);
  },
);
