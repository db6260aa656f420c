import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';

it('ends without complaint where nobody reads what it prints (graft … | head)', async () => {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../../bin/graft.mjs'), '--help']);
  child.stdout.destroy();
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  const [code] = await once(child, 'close');
  expect(complaint).toBe('');
  expect(code).toBe(0);
});
