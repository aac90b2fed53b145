// The engine's worker starts with this import, so it comes first.
import "./engine/link.js";
import { App } from "./ui/app.js";

import { readPlace } from "./address.js";
import { Session } from "./engine/session.js";
import { keepOffline, takeNewer } from "./sw/offline.js";
import { Store } from "./talk/store.js";

const root = new URL(".", location.href).href;

/** A WebAssembly module with one SIMD instruction: valid only where SIMD is there. */
const SIMD_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15,
  253, 98, 11,
]);

const app = new App();
const simd = WebAssembly.validate(SIMD_PROBE);
const session = new Session(new Store(), simd);
session.wanted = readPlace(location.hash).talk;
app.session = session;
app.renew = () => takeNewer(root);
document.body.replaceChildren(app);

// A newer build that the last visit has fetched is used from the start, until something is done here.
if (navigator.serviceWorker?.controller) {
  const begun = new AbortController();
  for (const act of ["keydown", "pointerdown"]) {
    addEventListener(act, () => begun.abort(), { once: true, capture: true });
  }
  void takeNewer(root, begun.signal);
}

// The offline copy is made once the engine has what it needs and the first answer is under way, so
// that they do not compete. A build whose engine does not start must find its successor, too.
const copy = () => void keepOffline(root, (state) => (app.offline = state));
if (navigator.serviceWorker?.controller) setTimeout(copy, 5000);
else session.addEventListener("ready", () => setTimeout(copy, 2000), { once: true });
