const BLOCK = 512;
const FILE = "0".charCodeAt(0);
const text = new TextDecoder();

function field(header: Uint8Array, from: number, length: number): string {
  const bytes = header.subarray(from, from + length);
  const end = bytes.indexOf(0);
  return text.decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/**
 * The files of a ustar archive, as views into it.
 *
 * @throws RangeError if the archive ends within a file.
 */
export function* filesOf(archive: Uint8Array): Generator<[string, Uint8Array]> {
  for (let at = 0; at + BLOCK <= archive.length;) {
    const header = archive.subarray(at, at + BLOCK);
    if (header[0] === 0) return;
    const name = field(header, 0, 100);
    const folder = field(header, 345, 155);
    const size = parseInt(field(header, 124, 12), 8);
    at += BLOCK;
    if (!(at + size <= archive.length)) throw new RangeError(`The archive ends within ${name}.`);
    if (header[156] === FILE) {
      yield [folder ? `${folder}/${name}` : name, archive.subarray(at, at + size)];
    }
    at += Math.ceil(size / BLOCK) * BLOCK;
  }
}
