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

/** Templates and styles without their indentation, which nobody sees: a fiftieth of all scripts. */
const LEAN_TEMPLATES: Plugin = {
  name: "lean-templates",
  enforce: "pre",
  transform(code, id) {
    return /\/src\/(ui|viz|laboratory)\/[\w-]+\.ts$/.test(id) ? code.replace(/\n\s+/g, "\n") : null;
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
              name: "shared",
              minShareCount: 2,
              test: /\/(lit|lit-html|lit-element|reactive-element)\/|\/src\/(ui\/|viz\/(colours|drawing|heatmap|plot|spectrum|ticks|trajectory)\.)/,
            },
          ],
        },
      },
    },
  },
  worker: { format: "es", plugins: () => [LEAN_SQLITE] },
  test: { include: ["test/**/*.test.ts"] },
} as Parameters<typeof defineConfig>[0]);
