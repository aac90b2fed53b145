// The page's side: every call goes to the worker in which Pyodide lives.
const worker = new Worker("ours-worker.js", { type: "module" });
let last = 0;
const waiting = new Map();
worker.onmessage = ({ data: { id, value, error } }) => {
  const { resolve, reject } = waiting.get(id);
  waiting.delete(id);
  if (error) reject(new Error(error));
  else resolve(value);
};
worker.onerror = (event) => {
  for (const { reject } of waiting.values()) reject(new Error(event.message));
};

globalThis.bench = new Proxy(
  {},
  {
    get:
      (_, name) =>
      (...args) =>
        new Promise((resolve, reject) => {
          waiting.set(++last, { resolve, reject });
          worker.postMessage({ id: last, name, args });
        }),
  },
);
