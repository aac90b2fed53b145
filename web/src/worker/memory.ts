/** JavaScript's heap here, where the browser tells; Chromium does, in steps. */
export function scriptBytes(): number | undefined {
  return (performance as { memory?: { usedJSHeapSize: number } }).memory?.usedJSHeapSize;
}
