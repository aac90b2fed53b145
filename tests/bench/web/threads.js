// Workers with one shared memory; all of them run the same program, see matvec.c.
const MEMORY = 256 << 20;
const pages = MEMORY >> 16;
const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
// Small numbers of both signs, and scales that keep the products small.
new Int32Array(memory.buffer, 1 << 20).fill(0x01ff02fe);
const program = await WebAssembly.compileStreaming(fetch("matvec.wasm"));

const code = `onmessage = async ({ data: [program, memory] }) => {
  const { exports } = await WebAssembly.instantiate(program, { env: { memory } });
  onmessage = ({ data }) => {
    const start = performance.now();
    exports.decode(0, ...data);
    postMessage(performance.now() - start);
  };
  postMessage(0);
}`;
const source = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
const answer = (worker) =>
  new Promise((resolve) => {
    worker.onmessage = ({ data }) => resolve(data);
  });
const workers = [new Worker(source), new Worker(source)];
for (const worker of workers) {
  const ready = answer(worker);
  worker.postMessage([program, memory]);
  await ready;
}

globalThis.bench = {
  /** Decodes with so many workers, waiting as `how` says (0 spins, 1 sleeps); the milliseconds. */
  async decode(tokens, count, how) {
    const used = workers.slice(0, count);
    const start = performance.now();
    await Promise.all(
      used.map((worker, index) => {
        const done = answer(worker);
        worker.postMessage([tokens, index, count, how]);
        return done;
      }),
    );
    return performance.now() - start;
  },
};
