/**
 * Yields a body's bytes, inflated where they are compressed with gzip: by us and not by the host,
 * which may not compress files of unknown types. What was inflated on its way is passed on.
 */
export async function* inflated(body: ReadableStream<Uint8Array<ArrayBuffer>>) {
  const reader = body.getReader();
  try {
    const first = await reader.read();
    if (first.done) return;
    if (first.value[0] !== 0x1f || first.value[1] !== 0x8b) {
      yield first.value;
      for (let step = await reader.read(); !step.done; step = await reader.read()) yield step.value;
      return;
    }
    const gzip = new DecompressionStream("gzip");
    const writer = gzip.writable.getWriter();
    const pump = async () => {
      let value: Uint8Array<ArrayBuffer> | undefined = first.value;
      while (value) {
        await writer.write(value);
        ({ value } = await reader.read());
      }
      await writer.close();
    };
    // A failure shows where the output is read.
    pump().catch((error: unknown) => writer.abort(error).catch(() => undefined));
    const output = gzip.readable.getReader();
    for (let step = await output.read(); !step.done; step = await output.read()) yield step.value;
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
