/**
 * Loaded before the entry of every process that the supervisor starts. The channel to the supervisor closes when that
 * ends, by whatever signal: then this process ends too, in order if it can, at once after five seconds.
 */
if (process.connected) {
  process.on('disconnect', () => {
    setTimeout(() => process.exit(1), 5000).unref();
    process.kill(process.pid, 'SIGTERM');
  });
  // The listener alone would keep a process alive that has nothing left to do.
  process.channel?.unref();
}
