import * as Comlink from "comlink";

import type { Engine } from "../worker/protocol.js";

/** The engine's worker and the way to call it. */
export interface Link {
  engine: Comlink.Remote<Engine>;
  end(): void;
}

/** Starts the worker; `died` is told if it ever stops by itself. */
export function startWorker(died: (reason: string) => void): Link {
  const worker = new Worker(new URL("../worker/engine.ts", import.meta.url), {
    type: "module",
    name: "engine",
  });
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    died(event.message || "its program could not be fetched");
  });
  return { engine: Comlink.wrap<Engine>(worker), end: () => worker.terminate() };
}

/** A function that the worker may call. */
export const callback = <T extends (...values: never[]) => void>(
  call: T,
): T & Comlink.ProxyMarked => Comlink.proxy(call);
