/// <reference lib="webworker" />
// The service worker: a whole, verified copy of one build of the site, for offline use.
//
// Its own address carries the build (`sw.js?build=…`), so a new build is a new worker with a new
// cache, filled before it takes over; pages never see files of two builds.
import { inflated } from "../worker/inflate.js";
import type { Asset, Manifest } from "../worker/protocol.js";

const scope = globalThis as unknown as ServiceWorkerGlobalScope;
const PREFIX = "deep-tree-echo-";
const build = new URL(scope.location.href).searchParams.get("build") ?? "0";
const CACHE = PREFIX + build;
const root = scope.registration.scope;

/**
 * Which build is served. A worker that is there already serves the copy of a newer one until the
 * browser has seen the last page closed: an exchange of workers while a page starts would end the
 * requests under way, and a busy browser may put it off for minutes.
 */
const POINTER = "current-build";
/** The copy that the open page is served from; it changes at navigations only. */
let serving: Promise<Cache> | null = null;

async function current(): Promise<string | null> {
  const said = await (await caches.open(POINTER)).match(root);
  return said ? said.text() : null;
}

/** From now on this build is served, and no other is kept. */
async function makeCurrent(): Promise<void> {
  await (await caches.open(POINTER)).put(root, new Response(build));
  for (const name of await caches.keys()) {
    if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name);
  }
}

async function copy(): Promise<Cache> {
  const name = PREFIX + (await current());
  return caches.open((await caches.has(name)) ? name : CACHE);
}

async function digest(bytes: ArrayBuffer): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The same file in the copy of an earlier build, if its bytes are the same. */
async function reuse(asset: Asset): Promise<Response | null> {
  for (const name of await caches.keys()) {
    if (!name.startsWith(PREFIX)) continue;
    const found = await (await caches.open(name)).match(new URL(asset.path, root).href);
    if (found?.headers.get("x-sha256") === asset.sha256) return found;
  }
  return null;
}

async function fetchAsset(asset: Asset): Promise<Response> {
  // The page has just fetched most files: the browser's own copy serves, its hash decides.
  for (const cache of ["default", "reload"] as const) {
    const response = await fetch(new URL(asset.gzip ? `${asset.path}.gz` : asset.path, root), {
      cache,
    });
    if (!response.ok) {
      await response.body?.cancel();
      continue;
    }
    const bytes = asset.gzip ? await whole(response, asset) : await response.arrayBuffer();
    if ((await digest(bytes)) !== asset.sha256) continue;
    const headers = isolated(response.headers);
    headers.set("x-sha256", asset.sha256);
    // The bytes are plain now, whatever the server's encoding was.
    headers.delete("content-encoding");
    headers.set("content-length", String(bytes.byteLength));
    return new Response(bytes, { headers });
  }
  throw new Error(`${asset.path} does not match the manifest.`);
}

/** A file that was fetched compressed, as it is used: later starts need not inflate it again. */
async function whole(response: Response, asset: Asset): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(asset.bytes);
  let length = 0;
  for await (const piece of inflated(response.body!)) {
    bytes.set(piece.subarray(0, bytes.length - length), length);
    length += piece.length;
  }
  return length === bytes.length ? bytes.buffer : new ArrayBuffer(0);
}

/** Headers with cross-origin isolation, for hosts that cannot set them. */
function isolated(from: Headers): Headers {
  const headers = new Headers(from);
  headers.set("cross-origin-opener-policy", "same-origin");
  headers.set("cross-origin-embedder-policy", "require-corp");
  headers.set("cross-origin-resource-policy", "same-origin");
  return headers;
}

async function install(): Promise<void> {
  const response = await fetch(new URL("assets.json", root), { cache: "no-store" });
  const text = await response.clone().text();
  if (!(await digest(new TextEncoder().encode(text).buffer)).startsWith(build)) {
    throw new Error("The site changed while it was being copied; the next visit tries again.");
  }
  const manifest = JSON.parse(text) as Manifest;
  const cache = await caches.open(CACHE);
  const queue = [...manifest.files];
  const work = async () => {
    for (let asset = queue.pop(); asset; asset = queue.pop()) {
      const copy = (await reuse(asset)) ?? (await fetchAsset(asset));
      await cache.put(new URL(asset.path, root).href, copy);
    }
  };
  try {
    await Promise.all([work(), work(), work(), work()]);
    await cache.put(
      new URL("assets.json", root).href,
      new Response(text, {
        headers: isolated(new Headers({ "content-type": "application/json" })),
      }),
    );
  } catch (error) {
    await caches.delete(CACHE);
    throw error;
  }
}

async function activate(): Promise<void> {
  await makeCurrent();
  await scope.clients.claim();
}

async function pages(): Promise<number> {
  const clients = await scope.clients.matchAll({ type: "window", includeUncontrolled: true });
  return clients.filter((client) => client.url.startsWith(root)).length;
}

/** Milliseconds for which the other pages of this site are waited for. */
const PATIENCE = 20_000;

/**
 * Has this build served once no other page uses the one before; tells whether the page that asked
 * is to be loaded again. On a busy machine the page that was here before a reload is counted for a
 * while. A word from the page that asked ends the waiting.
 */
async function takeOver(port: MessagePort | undefined): Promise<void> {
  const end = Date.now() + PATIENCE;
  let wanted = true;
  if (port) port.onmessage = () => (wanted = false);
  let alone = (await pages()) < 2;
  while (!alone && wanted && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    alone = (await pages()) < 2;
  }
  const takes = alone && wanted && (await current()) !== build;
  if (takes) await makeCurrent();
  port?.postMessage(takes);
}

async function answer(event: FetchEvent): Promise<Response> {
  const { request } = event;
  const url = new URL(request.url);
  if (request.mode === "navigate" || !serving) serving = copy();
  const cache = await serving;
  url.hash = "";
  // `assets.json?now` asks the server for the newest build.
  if (url.searchParams.has("now")) return fetch(request);
  url.search = "";
  if (url.href === root) url.pathname += "index.html";
  // What comes compressed over the network is kept inflated.
  const plain = url.href.replace(/\.gz$/, "");
  return (await cache.match(plain)) ?? fetch(request);
}

scope.addEventListener("install", (event) => event.waitUntil(install()));
scope.addEventListener("activate", (event) => event.waitUntil(activate()));
scope.addEventListener("message", (event) => {
  if (event.data === "take over") event.waitUntil(takeOver(event.ports[0]));
  if (event.data === "served?") {
    event.waitUntil(current().then((said) => event.ports[0]?.postMessage(said === build)));
  }
  if (event.data === "requests") {
    const entries = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
    event.ports[0]?.postMessage(
      entries.map(({ name, transferSize, startTime }) => ({
        url: name,
        by: "offline copy",
        bytes: transferSize,
        at: performance.timeOrigin + startTime,
      })),
    );
  }
});
scope.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method === "GET" && url.href.startsWith(root)) {
    event.respondWith(answer(event));
  }
});
