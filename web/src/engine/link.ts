import * as Comlink from "comlink";

import type { Engine } from "../worker/protocol.js";

/** The engine's worker and the way to call it. */
export interface Link {
  engine: Comlink.Remote<Engine>;
  end(): void;
}

interface Started {
  worker: Worker;
  /** Why it stopped by itself, if it ever does. */
  stopped: Promise<string>;
}

function start(): Started {
  const worker = new Worker(new URL("../worker/engine.ts", import.meta.url), {
    type: "module",
    name: "engine",
  });
  const stopped = new Promise<string>((resolve) => {
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      resolve(event.message || "its program could not be fetched");
    });
  });
  return { worker, stopped };
}

/** The first worker begins with this program, before anything is drawn or read from storage. */
let first: Started | null = start();

/** Gives the first worker, later a fresh one; `died` is told if it ever stops by itself. */
export function startWorker(died: (reason: string) => void): Link {
  const { worker, stopped } = first ?? start();
  first = null;
  void stopped.then(died);
  return { engine: Comlink.wrap<Engine>(worker), end: () => worker.terminate() };
}

/** A function that the worker may call. */
export const callback = <T extends (...values: never[]) => void>(
  call: T,
): T & Comlink.ProxyMarked => Comlink.proxy(call);
