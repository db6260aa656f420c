import { MessageChannel } from 'node:worker_threads';

/** What of the bytes' memory may be moved to another thread: all, where it is theirs alone. */
export function movable({ buffer, byteLength }: Pick<Uint8Array, 'buffer' | 'byteLength'>): ArrayBuffer[] {
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [];
}

/**
 * Gives the memory of bytes back now: a collection may come much later, as megabytes outside the heap are no reason for one. What is
 * moved to a port that nobody holds the other end of is let go. Who still reads the bytes finds them empty.
 */
export function letGo(bytes: Uint8Array): void {
  const { port1, port2 } = new MessageChannel();
  port2.close();
  port1.postMessage(null, movable(bytes));
  port1.close();
}
