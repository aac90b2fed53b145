const SIGNATURE = 8;
/** The header chunk: 4 bytes of length, name and checksum each, and 13 of data. */
const AFTER_HEADER = SIGNATURE + 25;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crc32(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 255]! ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

/** An `iTXt` chunk: a key and its text in UTF-8. */
function textChunk(key: string, text: string): Uint8Array {
  const encoder = new TextEncoder();
  // Not compressed, no language, no translated key.
  const data = new Uint8Array([
    ...encoder.encode(`iTXt${key}`),
    ...[0, 0, 0, 0, 0],
    ...encoder.encode(text),
  ]);
  const chunk = new Uint8Array(data.length + 8);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, data.length - 4);
  chunk.set(data, 4);
  view.setUint32(data.length + 4, crc32(data));
  return chunk;
}

/**
 * A PNG file with texts in it, such as `Title` and `Description`.
 *
 * @param file - A PNG file.
 * @param texts - By the keys of the PNG specification.
 */
export function withTexts(
  file: Uint8Array,
  texts: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const chunks = Object.entries(texts).map(([key, text]) => textChunk(key, text));
  const parts = [file.subarray(0, AFTER_HEADER), ...chunks, file.subarray(AFTER_HEADER)];
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
