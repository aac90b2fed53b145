import { defineConfig, type Plugin } from "vite";

import { MARK } from "./src/ui/mark.js";

/**
 * SQLite comes with two workers of its own, for ways of using it that are not ours; the bundle would
 * bring both along.
 */
const LEAN_SQLITE: Plugin = {
  name: "lean-sqlite",
  enforce: "pre",
  transform(code, id) {
    if (!id.includes("@sqlite.org/sqlite-wasm")) return null;
    return code.replaceAll(/new URL\("(sqlite3-[\w-]+\.m?js)", import\.meta\.url\)/g, '"$1"');
  },
};

/** Styles without the spaces that only their readers need. */
const lean = (css: string) =>
  css
    .replace(/\/\*.*?\*\//gs, "")
    .replace(/\s*([{};,])\s*/g, "$1")
    .replace(/: /g, ":")
    .replace(/;\}/g, "}");

/** Templates and styles without their indentation, which nobody sees: a fiftieth of all scripts. */
const LEAN_TEMPLATES: Plugin = {
  name: "lean-templates",
  enforce: "pre",
  transform(code, id) {
    if (!/\/src\/(ui|viz|laboratory)\/[\w-]+\.ts$/.test(id)) return null;
    return code.replace(/\bcss`[^`]*`/g, lean).replace(/\n\s+/g, "\n");
  },
};

/**
 * The page is built into `build/web/`; `./build.sh site` puts Pyodide, the wheels and the model
 * beside it. Addresses are relative, so the site works under any path.
 */
export default defineConfig({
  base: "./",
  plugins: [
    LEAN_TEMPLATES,
    { name: "mark", transformIndexHtml: (page: string) => page.replace("<!-- mark -->", MARK) },
  ],
  build: {
    outDir: "../build/web",
    emptyOutDir: true,
    target: "es2022",
    // Everything is one origin and cached whole: nothing to inline. What the first paint needs is
    // asked for at once; what the laboratory needs, when somebody goes there.
    modulePreload: {
      polyfill: false,
      resolveDependencies: (_file, files, { hostType }) => (hostType === "html" ? files : []),
    },
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: { index: "index.html", sw: "src/sw/sw.ts" },
      output: {
        // The service worker's address decides its scope, so it stays at the root.
        entryFileNames: (chunk) => (chunk.name === "sw" ? "sw.js" : "assets/[name]-[hash].js"),
        // What the chat and the laboratory share is one file, not many small ones.
        codeSplitting: {
          groups: [
            {
              name: "page",
              test: /^(?!.*\/web\/src\/(laboratory|main|sw|viz\/(chart|plot)|worker)).*\/(web\/src|node_modules)\//,
            },
            { name: "bench", minShareCount: 2, test: /\/web\/src\/(laboratory|viz)\// },
          ],
        },
      },
    },
  },
  worker: { format: "es", plugins: () => [LEAN_SQLITE] },
  test: { include: ["test/**/*.test.ts"] },
} as Parameters<typeof defineConfig>[0]);
