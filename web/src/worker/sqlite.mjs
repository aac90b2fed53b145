// One SQLite database as Python asks for it (deep_tree_echo.pagedatabase). Plain JavaScript, for the
// tests inside Pyodide run it in Node, where it is the same but for the disk.

/** @typedef {import("@sqlite.org/sqlite-wasm").Sqlite3Static} Sqlite3 */
/** @typedef {number | bigint | string | Uint8Array | null | undefined} Value */

/**
 * What a statement gave. A letter for each value tells its type: `i`, `f`, `s`, `b`, or `n` for
 * NULL; or SQLite's code and message of a failure.
 *
 * @typedef {{ code: number, message: string, width: number, kinds: string, values: Value[] }} Result
 */

/** SQLite's types of values, by their numbers from 1. */
const KINDS = "?ifsbn";

/** Prepared statements that are kept. */
const MOST_KEPT = 64;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A database in memory, or in a file of a file system that SQLite knows by its name. */
export class Sqlite {
  /** @type {Map<string, import("@sqlite.org/sqlite-wasm").PreparedStatement>} */
  #kept = new Map();
  #sqlite3;
  #database;

  /**
   * @param {Sqlite3} sqlite3
   * @param {string} filename - `:memory:`, or an absolute path.
   * @param {string} [vfs] - The file system's name.
   */
  constructor(sqlite3, filename, vfs) {
    this.#sqlite3 = sqlite3;
    const DB = sqlite3.oo1.DB;
    this.#database = vfs ? new DB({ filename, flags: "c", vfs }) : new DB(filename, "c");
  }

  /**
   * Executes a statement.
   *
   * @param {string} sql
   * @param {string} kinds - A letter for each parameter, as in {@link Result}.
   * @param {Value[]} values - The parameters.
   * @returns {Result | undefined} `undefined` where there are neither rows nor a failure.
   */
  run(sql, kinds, values) {
    try {
      const statement = this.#prepared(sql);
      try {
        return this.#step(statement, kinds, values);
      } finally {
        // Throws what the statement has thrown already.
        this.#sqlite3.capi.sqlite3_reset(statement);
        statement.clearBindings();
      }
    } catch (error) {
      return failure(error);
    }
  }

  /**
   * Executes several statements without parameters.
   *
   * @param {string} sql
   * @returns {Result | undefined} As of {@link run}.
   */
  script(sql) {
    try {
      this.#database.exec(sql);
      return undefined;
    } catch (error) {
      return failure(error);
    }
  }

  /** Bytes of the memory that SQLite has for all its databases. */
  get memoryBytes() {
    return this.#sqlite3.wasm.heap8u().byteLength;
  }

  close() {
    for (const statement of this.#kept.values()) statement.finalize();
    this.#kept.clear();
    this.#database.close();
  }

  /** @param {string} sql */
  #prepared(sql) {
    let statement = this.#kept.get(sql);
    if (statement) {
      this.#kept.delete(sql);
    } else {
      statement = this.#database.prepare(sql);
      const oldest = this.#kept.keys().next().value;
      if (this.#kept.size >= MOST_KEPT && oldest !== undefined) {
        this.#kept.get(oldest)?.finalize();
        this.#kept.delete(oldest);
      }
    }
    this.#kept.set(sql, statement);
    return statement;
  }

  /**
   * @param {import("@sqlite.org/sqlite-wasm").PreparedStatement} statement
   * @param {string} kinds
   * @param {Value[]} values
   * @returns {Result | undefined}
   */
  #step(statement, kinds, values) {
    if (statement.parameterCount !== values.length) {
      throw new Error(`it has ${statement.parameterCount} parameters, and ${values.length} came`);
    }
    values.forEach((value, index) => this.#bind(statement, index + 1, kinds[index], value));
    const width = statement.columnCount;
    /** @type {Result} */
    const result = { code: 0, message: "", width, kinds: "", values: [] };
    while (statement.step()) {
      for (let column = 0; column < width; ++column) this.#read(statement, column, result);
    }
    return result.values.length > 0 ? result : undefined;
  }

  /**
   * Binds a parameter by the type that Python says, for JavaScript has one for all numbers.
   *
   * @param {import("@sqlite.org/sqlite-wasm").PreparedStatement} statement
   * @param {number} index
   * @param {string | undefined} kind
   * @param {Value} value
   */
  #bind(statement, index, kind, value) {
    const { capi, wasm } = this.#sqlite3;
    const place = /** @type {number} */ (statement.pointer);
    if (kind === "n") return;
    if (kind === "i") {
      capi.sqlite3_bind_int64(place, index, BigInt(/** @type {number} */ (value)));
    } else if (kind === "f") {
      capi.sqlite3_bind_double(place, index, /** @type {number} */ (value));
    } else {
      const bytes =
        typeof value === "string" ? encoder.encode(value) : /** @type {Uint8Array} */ (value);
      // Not through strings that end at a zero. SQLite frees the copy, even if it does not take it.
      const copy = wasm.alloc(bytes.length || 1);
      wasm.heap8u().set(bytes, Number(copy));
      const bind = typeof value === "string" ? "sqlite3_bind_text" : "sqlite3_bind_blob";
      wasm.exports[bind](place, index, copy, bytes.length, capi.SQLITE_WASM_DEALLOC);
    }
  }

  /**
   * @param {import("@sqlite.org/sqlite-wasm").PreparedStatement} statement
   * @param {number} column
   * @param {Result} result
   */
  #read(statement, column, result) {
    const { wasm } = this.#sqlite3;
    const { exports } = wasm;
    const place = statement.pointer;
    const kind = KINDS[exports.sqlite3_column_type(place, column)] ?? "?";
    /** @type {Value} */
    let value;
    if (kind === "i") {
      const whole = exports.sqlite3_column_int64(place, column);
      value = Number(whole);
      if (!Number.isSafeInteger(value)) value = whole;
    } else if (kind === "f") {
      value = exports.sqlite3_column_double(place, column);
    } else if (kind === "s" || kind === "b") {
      const at = exports.sqlite3_column_blob(place, column);
      const length = exports.sqlite3_column_bytes(place, column);
      const bytes = wasm.heap8u().slice(at, at + length);
      value = kind === "s" ? decoder.decode(bytes) : bytes;
    }
    result.kinds += kind;
    result.values.push(value);
  }
}

/**
 * @param {unknown} error
 * @returns {Result}
 */
function failure(error) {
  const { message, resultCode } = /** @type {Error & { resultCode?: number }} */ (error);
  return { code: resultCode ?? 1, message, width: 0, kinds: "", values: [] };
}
