import type { Settings } from "../worker/protocol.js";
import type { Preferences } from "./store.js";
import type { Talk } from "./tree.js";

/** What this page kept in IndexedDB before it had its store. */
export interface Earlier {
  talks: Talk[];
  settings: Settings | undefined;
  preferences: Preferences | undefined;
}

const DATABASE = "deep-tree-echo";

function request<T>(work: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    work.onsuccess = () => resolve(work.result);
    work.onerror = () => reject(work.error ?? new Error("IndexedDB failed without a reason."));
  });
}

/** All of it; `null` if there is none. */
export async function earlier(): Promise<Earlier | null> {
  try {
    const known = await indexedDB.databases();
    if (!known.some(({ name }) => name === DATABASE)) return null;
    const database = await request(indexedDB.open(DATABASE));
    try {
      const work = database.transaction(["talks", "values"], "readonly");
      const values = work.objectStore("values");
      const [talks, settings, preferences] = await Promise.all([
        request<Talk[]>(work.objectStore("talks").getAll()),
        request<Settings | undefined>(values.get("settings")),
        request<Preferences | undefined>(values.get("preferences")),
      ]);
      return { talks: talks.map(ended), settings, preferences };
    } finally {
      database.close();
    }
  } catch {
    // It cannot be read, or has another form: then it is not ours, and stays.
    return null;
  }
}

export function forgetEarlier(): void {
  indexedDB.deleteDatabase(DATABASE);
}

/** An earlier page may have been closed in the middle of an answer. */
function ended(talk: Talk): Talk {
  for (const message of Object.values(talk.messages)) {
    if (message.status !== "failed") message.status = "done";
  }
  return talk;
}
