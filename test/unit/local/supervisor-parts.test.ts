import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { holdHome, socketPath } from '../../../src/local/lock.js';
import { eachLine, openLogFile, worthShowing } from '../../../src/local/log-files.js';
import { addressOf, claimPort } from '../../../src/local/port.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'graft-local-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('log files', () => {
  it('are rotated by size, and the oldest go', () => {
    const log = openLogFile(dir, 'api', 100);
    for (let n = 0; n < 100; n++) log.write(`line ${String(n).padStart(3, '0')} of many`);
    log.close();
    expect(readdirSync(dir).toSorted()).toEqual(['api.log', 'api.log.1', 'api.log.2']);
    expect(readFileSync(log.path, 'utf8')).toMatch(/line 099 of many\n$/);
    expect(log.tail().at(-1)).toBe('line 099 of many');
  });

  it('go on where an earlier run ended', () => {
    for (const text of ['one', 'two']) {
      const log = openLogFile(dir, 'api');
      log.write(text);
      log.close();
    }
    expect(readFileSync(join(dir, 'api.log'), 'utf8')).toBe('one\ntwo\n');
  });

  it('are cut into lines wherever the chunks end, inside a character too', async () => {
    const bytes = Buffer.from('grün\nblau\nende');
    const lines: string[] = [];
    const stream = Readable.from([bytes.subarray(0, 3), bytes.subarray(3, 8), bytes.subarray(8)], {
      objectMode: false,
    });
    eachLine(stream, (line) => lines.push(line));
    await new Promise((resolve) => stream.once('close', resolve));
    expect(lines).toEqual(['grün', 'blau', 'ende']);
  });
});

describe('what the terminal shows', () => {
  it.each([
    ['{"level":30,"msg":"request completed"}', null],
    ['{"level":40,"msg":"Slow","err":{"message":"no answer"}}', { text: 'Slow: no answer', bad: false }],
    ['{"level":50,"msg":"A delivery failed"}', { text: 'A delivery failed', bad: true }],
    ['TypeError: x is not a function', { text: 'TypeError: x is not a function', bad: true }],
    ['    at Object.run (file.js:1:2)', null],
    ['node:internal/modules/esm/resolve:283', null],
    ['', null],
  ])('%s', (line, shown) => {
    expect(line === '' ? null : worthShowing(line)).toEqual(shown);
  });
});

describe('a home', () => {
  it('is held by one at a time', async () => {
    const release = await holdHome(dir);
    expect(release).not.toBeNull();
    expect(await holdHome(dir)).toBeNull();
    release?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const again = await holdHome(dir);
    expect(again).not.toBeNull();
    again?.();
  });

  it('may have a path longer than a socket may', async () => {
    const deep = join(dir, 'd'.repeat(120));
    expect(Buffer.byteLength(socketPath(deep, 'supervisor.sock'))).toBeLessThan(104);
    expect(socketPath(deep, 'a.sock')).not.toBe(socketPath(`${deep}e`, 'a.sock'));
    const release = await holdHome(deep);
    expect(release).not.toBeNull();
    release?.();
    rmSync(join(socketPath(deep, 'x'), '..'), { recursive: true, force: true });
  });
});

describe('a port', () => {
  it('that is taken is named, with the mend', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await expect(claimPort({ host: '127.0.0.1', port })).rejects.toThrow(
      new RegExp(`Port ${port} on 127.0.0.1 is taken.*PORT=${port + 1} npm start`),
    );
    server.close();
  });

  it('of 0 is a free one', async () => {
    expect(await claimPort({ host: '127.0.0.1', port: 0 })).toBeGreaterThan(0);
  });

  it('on an address of another machine is refused in words', async () => {
    await expect(claimPort({ host: '192.0.2.1', port: 0 })).rejects.toThrow(/192\.0\.2\.1 is not an address of this/);
  });

  it('is reached from here under an address that works', () => {
    expect(addressOf('0.0.0.0', 80)).toBe('http://127.0.0.1:80');
    expect(addressOf('::', 80)).toBe('http://[::1]:80');
    expect(addressOf('127.0.0.1', 8080)).toBe('http://127.0.0.1:8080');
  });
});
