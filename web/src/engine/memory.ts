import type { MemoryReport } from "../worker/protocol.js";
import type { Link } from "./link.js";

/** What the page and its workers hold outside of Python's memory. */
export interface Around {
  bytes: number;
  /** Measured whole by the browser, or JavaScript's heaps alone. */
  how: "measured" | "scripts";
  /** Milliseconds since 1970. */
  at: number;
}

interface Measuring {
  measureUserAgentSpecificMemory?(): Promise<{ bytes: number }>;
  memory?: { usedJSHeapSize: number };
}

/** JavaScript's heap in the page itself, where the browser tells; else 0. */
function pageScriptBytes(): number {
  return (performance as Measuring).memory?.usedJSHeapSize ?? 0;
}

/**
 * Has the browser measure the page with its workers, which takes it some seconds; `null` where it
 * does not, which is everywhere but in Chromium on an isolated page. WebAssembly's memory is not
 * part of it.
 */
async function measureAround(): Promise<Around | null> {
  const { measureUserAgentSpecificMemory: measure } = performance as Measuring;
  if (!measure || !crossOriginIsolated) return null;
  try {
    const { bytes } = await measure.call(performance);
    return { bytes, how: "measured", at: Date.now() };
  } catch {
    return null;
  }
}

/** What holds memory, as the engine and the browser tell it. */
export class MemoryWatch {
  /** The engine's ledger, as last asked for. */
  report: MemoryReport | null = null;
  /** What the page holds outside of Python's memory; `null` where no browser tells. */
  around: Around | null = null;
  /** What Python's memory has taken from the system. */
  heapBytes = 0;
  #measuring: Promise<void> | null = null;

  /**
   * @param engine the engine, if it can be asked now.
   * @param changed is told of every change.
   */
  constructor(
    private readonly engine: () => Link["engine"] | null,
    private readonly changed: () => void,
  ) {}

  /** Bytes of everything that the page holds, as far as they are known. */
  get heldBytes(): number {
    return this.heapBytes + (this.around?.bytes ?? 0);
  }

  /** Asks the engine for its ledger. */
  async ask(): Promise<void> {
    const engine = this.engine();
    if (!engine) return;
    try {
      this.report = await engine.memory(this.around?.bytes);
      if (this.around?.how !== "measured") {
        const bytes = pageScriptBytes() + this.report.worker_bytes;
        this.around = bytes ? { bytes, how: "scripts", at: Date.now() } : null;
      }
      this.heapBytes = this.report.heap_bytes;
    } catch {
      // The engine ended meanwhile, which is told elsewhere.
    }
    this.changed();
  }

  /** Has the browser measure what lies outside of Python's memory; once at a time. */
  measure(): Promise<void> {
    const work = async () => {
      this.around = (await measureAround()) ?? this.around;
      this.#measuring = null;
      await this.ask();
    };
    return (this.#measuring ??= work());
  }

  /** Gives the states of talks back, those with these answers or all; their text stays. */
  async letStatesGo(ids: string[] | null): Promise<void> {
    await this.engine()?.letStatesGo(ids);
    await this.ask();
  }

  /** There is another engine. */
  forget(): void {
    this.report = null;
    this.heapBytes = 0;
  }
}
