// In place of a run: enters the control group that TEST_MEMORY_GROUP names, and takes memory until the kernel ends it.
import { writeFileSync } from 'node:fs';

const held = [];
process.on('disconnect', () => process.exit(0));
process.on('message', ({ type }) => {
  if (type !== 'start') return;
  writeFileSync(process.env.TEST_MEMORY_GROUP, String(process.pid));
  for (;;) held.push(Buffer.alloc(4 << 20, held.length + 1));
});
process.send({ type: 'ready' });
