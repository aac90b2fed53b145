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
      const report = () => {
        if (worker.state === "installing") tell("copying");
        else if (worker.state === "installed" && registration.active) tell("newer");
        else if (worker.state === "activated") tell("kept");
        else if (worker.state === "redundant" && !registration.active) tell("unavailable");
      };
      worker.addEventListener("statechange", report);
      report();
    };
    watch(registration.installing ?? registration.waiting ?? registration.active);
    registration.addEventListener("updatefound", () => watch(registration.installing));
  } catch {
    // No network, or a host that serves no manifest.
    if (!serviceWorker.controller) tell("unavailable");
  }
}

/**
 * Reloads into a newer build that waits, if this is the only page of the site: pages must not see
 * files of two builds.
 *
 * @returns Whether the newer build takes over, or there is none.
 */
export async function takeNewer(root: string): Promise<boolean> {
  const { serviceWorker } = navigator;
  const waiting = (await serviceWorker?.getRegistration(root))?.waiting;
  if (!waiting) return true;
  const reload = () => location.reload();
  serviceWorker.addEventListener("controllerchange", reload, { once: true });
  // A worker that is slow to answer may still take over.
  const alone = (await ask<boolean>(waiting, "take over", 5000)) ?? true;
  if (!alone) serviceWorker.removeEventListener("controllerchange", reload);
  return alone;
}

/** The requests by which the offline copy was made. */
export async function offlineRequests(): Promise<RequestRecord[]> {
  const worker = navigator.serviceWorker?.controller;
  if (!worker) return [];
  return (await ask<RequestRecord[]>(worker, "requests")) ?? [];
}

/** Sends a question to a worker; `null` if no answer comes within so many milliseconds. */
function ask<Answer>(
  worker: ServiceWorker,
  question: string,
  patience = 1000,
): Promise<Answer | null> {
  return new Promise((resolve) => {
    const channel = new MessageChannel();
    const timer = setTimeout(() => resolve(null), patience);
    channel.port1.onmessage = (event) => {
      clearTimeout(timer);
      resolve(event.data as Answer);
    };
    worker.postMessage(question, [channel.port2]);
  });
}
