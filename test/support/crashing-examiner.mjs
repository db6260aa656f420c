// A decoder as workers/data/examine-child.ts is one, which what is written behind a picture's end can crash or hang.
import { examineImage } from '../../dist/workers/data/examine-image.js';
import { serveExaminations } from '../../dist/workers/data/examine-serve.js';

serveExaminations(async (bytes) => {
  if (bytes.includes('CRASH')) process.kill(process.pid, 'SIGSEGV');
  if (bytes.includes('HANG')) await new Promise(() => {});
  return examineImage(bytes);
});
