import { collectWhenIdle } from './collect-when-idle.js';

/** Loaded before the entry of every process of the service (`processes.ts`). */

collectWhenIdle();

/**
 * The channel to the supervisor closes when that ends, by whatever signal: then this process ends too, in order if it
 * can, at once after five seconds. Where nobody supervises, as in a container, there is no channel.
 */
if (process.connected) {
  process.on('disconnect', () => {
    setTimeout(() => process.exit(1), 5000).unref();
    process.kill(process.pid, 'SIGTERM');
  });
  // The listener alone would keep a process alive that has nothing left to do.
  process.channel?.unref();
}
