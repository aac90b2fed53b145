import type { RequestRecord } from "../worker/protocol.js";

/** Whether the page can be opened without a network, and whether a newer build waits. */
export type OfflineState = "unavailable" | "copying" | "kept" | "newer";

async function buildId(root: string): Promise<string> {
  const response = await fetch(new URL("assets.json?now", root), { cache: "no-store" });
  if (!response.ok) throw new Error(`assets.json: the server answered ${response.status}.`);
  const digest = new Uint8Array(
    await crypto.subtle.digest("SHA-256", await response.arrayBuffer()),
  );
  return Array.from(digest.slice(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Keeps a copy of the newest build for offline use, and tells what state it is in. Without
 * network the copy at hand stays; a browser without service workers goes on without.
 */
export async function keepOffline(
  root: string,
  tell: (state: OfflineState) => void,
): Promise<void> {
  if (!("serviceWorker" in navigator)) {
    tell("unavailable");
    return;
  }
  const { serviceWorker } = navigator;
  if (serviceWorker.controller) tell("kept");
  try {
    const script = new URL(`sw.js?build=${await buildId(root)}`, root);
    const registration = await serviceWorker.register(script, { updateViaCache: "none" });
    const watch = (worker: ServiceWorker | null) => {
      if (!worker) return;
      const report = async () => {
        if (worker.state === "installing") tell("copying");
        else if (worker.state === "installed" && registration.active) {
          tell((await isServed(worker)) ? "kept" : "newer");
        } else if (worker.state === "activated") tell("kept");
        else if (worker.state === "redundant" && !registration.active) tell("unavailable");
      };
      worker.addEventListener("statechange", () => void report());
      void report();
    };
    watch(registration.installing ?? registration.waiting ?? registration.active);
    registration.addEventListener("updatefound", () => watch(registration.installing));
  } catch {
    // No network, or a host that serves no manifest.
    if (!serviceWorker.controller) tell("unavailable");
  }
}

/**
 * Reloads into a newer build that waits, once this is the only page of the site: pages must not see
 * files of two builds.
 *
 * @param unless - Ends the waiting, as when a message is being written, which a reload would lose.
 * @returns Whether the newer build takes over, or there is none.
 */
export async function takeNewer(root: string, unless?: AbortSignal): Promise<boolean> {
  const { serviceWorker } = navigator;
  const waiting = (await serviceWorker?.getRegistration(root))?.waiting;
  if (!waiting) return true;
  const takes = (await ask<boolean>(waiting, "take over", 60_000, unless)) ?? false;
  if (takes) location.reload();
  return takes;
}

/** Whether this worker's copy is served already, though the browser has not activated it yet. */
async function isServed(worker: ServiceWorker): Promise<boolean> {
  return (await ask<boolean>(worker, "served?", 5000)) ?? false;
}

/** The requests by which the offline copies were made. */
export async function offlineRequests(): Promise<RequestRecord[]> {
  const registration = await navigator.serviceWorker?.getRegistration();
  const workers = [registration?.active, registration?.waiting].filter((worker) => !!worker);
  const answers = workers.map((worker) => ask<RequestRecord[]>(worker, "requests"));
  return (await Promise.all(answers)).flatMap((records) => records ?? []);
}

/**
 * Sends a question to a worker; `null` if no answer comes within so many milliseconds. It is told
 * when the answer is no longer wanted.
 */
function ask<Answer>(
  worker: ServiceWorker,
  question: string,
  patience = 1000,
  unless?: AbortSignal,
): Promise<Answer | null> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    const timer = setTimeout(() => resolve(null), patience);
    port1.onmessage = (event) => {
      clearTimeout(timer);
      resolve(event.data as Answer);
    };
    unless?.addEventListener("abort", () => port1.postMessage("no longer"), { once: true });
    worker.postMessage(question, [port2]);
  });
}
