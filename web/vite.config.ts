import { defineConfig } from "vite";

import { MARK } from "./src/ui/mark.js";

/**
 * The page is built into `build/web/`; `./build.sh site` puts Pyodide, the wheels and the model
 * beside it. Addresses are relative, so the site works under any path.
 */
export default defineConfig({
  base: "./",
  plugins: [
    { name: "mark", transformIndexHtml: (page: string) => page.replace("<!-- mark -->", MARK) },
  ],
  build: {
    outDir: "../build/web",
    emptyOutDir: true,
    target: "es2022",
    // Everything is one origin and cached whole: nothing to preload, nothing to inline.
    modulePreload: false,
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: { index: "index.html", sw: "src/sw/sw.ts" },
      output: {
        // The service worker's address decides its scope, so it stays at the root.
        entryFileNames: (chunk) => (chunk.name === "sw" ? "sw.js" : "assets/[name]-[hash].js"),
      },
    },
  },
  worker: { format: "es" },
  test: { include: ["test/**/*.test.ts"] },
} as Parameters<typeof defineConfig>[0]);
