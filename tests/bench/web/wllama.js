// wllama as its documentation uses it, one thread; ?version= says which release.
const version = new URLSearchParams(location.search).get("version");
const root = `./wllama-${version}/`;
const { Wllama } = await import(`${root}index.js`);
const old = version.startsWith("2.");
const SETTINGS = { n_threads: 1, n_ctx: 1024, n_batch: 512 };
let wllama;

async function complete(prompt, count) {
  if (old) {
    let made = 0;
    const onNewToken = () => made++;
    const sampling = { temp: 0 };
    await wllama.createCompletion(prompt, { nPredict: count, sampling, onNewToken });
    return { read: 0, made };
  }
  const { timings } = await wllama.createCompletion({
    prompt,
    max_tokens: count,
    temperature: 0,
    cache_prompt: false,
    stream: false,
  });
  return { read: timings.prompt_n, made: timings.predicted_n };
}

globalThis.bench = {
  async load(name) {
    await wllama?.exit();
    const paths = old
      ? {
          "single-thread/wllama.wasm": `${root}single-thread/wllama.wasm`,
          "multi-thread/wllama.wasm": `${root}multi-thread/wllama.wasm`,
        }
      : { default: `${root}wasm/wllama.wasm` };
    wllama = new Wllama(paths, { suppressNativeLog: true });
    // Without it release 3 would ask a CDN for its build for Safari.
    if (!old) wllama.setCompat(null);
    const model = await (await fetch(`models/${name}`)).blob();
    const start = performance.now();
    const more = old ? {} : { n_gpu_layers: 0, n_parallel: 1, n_ubatch: 512, warmup: false };
    await wllama.loadModel([model], { ...SETTINGS, ...more });
    return performance.now() - start;
  },
  about() {
    return { threads: wllama.getNumThreads(), library: Wllama.getLibllamaVersion() };
  },
  /** Continues a short text; the milliseconds. */
  async decode(prompt, count) {
    const start = performance.now();
    const { made } = await complete(prompt, count);
    const taken = performance.now() - start;
    if (made !== count) throw new Error(`${made} tokens were made instead of ${count}.`);
    return taken;
  },
  /** Reads a text; the milliseconds. */
  async prefill(prompt, tokens) {
    if (old) {
      const ids = await wllama.tokenize(prompt, true);
      if (ids.length !== tokens) throw new Error(`${ids.length} tokens instead of ${tokens}.`);
      await wllama.kvClear();
      const start = performance.now();
      await wllama.decode(ids, {});
      return performance.now() - start;
    }
    const start = performance.now();
    const { read } = await complete(prompt, 1);
    const taken = performance.now() - start;
    if (read !== tokens) throw new Error(`${read} tokens were read instead of ${tokens}.`);
    return taken;
  },
};
