import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build } from '../../../../scripts/build.mjs';
import type { TokenRows } from '../../../../workers/data/text/token-messages.js';
import { tokenRows } from '../../../../workers/data/text/tokens.js';
import { openTextTokenizer, type Tokenizer } from '../../../../workers/serving/tokenizer.js';
import { CATASTROPHIC, catastrophicFiles } from '../../../support/tokenizer.js';

const LIMIT_MS = 400;
const files = Buffer.from(JSON.stringify(catastrophicFiles()));
let folder: string;
beforeAll(async () => {
  await build();
  folder = await mkdtemp(join(tmpdir(), 'graft-tokens-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('a tokenizer that hangs on some texts', () => {
  const opened: Tokenizer[] = [];
  afterAll(() => {
    for (const tokenizer of opened) tokenizer.close();
  });

  it('refuses those in prediction, with the mend, and reads the others of the same call and the next', async () => {
    const tokenizer = await openTextTokenizer({ files, threads: 1, limitMs: LIMIT_MS });
    opened.push(tokenizer);
    const texts = ['aa bb', CATASTROPHIC, 'cc', 'aa cc bb'];
    const found = await Promise.allSettled(texts.map((text) => tokenizer.encode(text, 16, {})));
    expect(found.map((one) => one.status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    const [, refused] = found as PromiseRejectedResult[];
    expect(refused!.reason).toMatchObject({ code: 'input-invalid', options: { errors: [{ code: 'text-endless' }] } });
    expect(refused!.reason.detail).toMatch(/within 0\.4 s.*Shorten the text/);
    const again = await tokenizer.encode('cc aa', 16, {});
    expect([...again.ids]).toEqual([6, 4]);
  });

  it('ends a job, naming the text', async () => {
    const texts = ['aa', 'bb', CATASTROPHIC, 'cc'];
    const [tokenizerPath, packPath] = [join(folder, 'tokenizer'), join(folder, 'pack')];
    await writeFile(tokenizerPath, files);
    await writeFile(packPath, texts.join(''));
    const places = texts.map((text, i) => ({
      path: `row ${i + 2}`,
      offset: texts.slice(0, i).join('').length,
      bytes: text.length,
    }));
    const read = async (of: typeof places) => {
      const parts: TokenRows[] = [];
      for await (const part of tokenRows({ tokenizerPath, packPath, limitMs: LIMIT_MS }, of, () => 16, 2))
        parts.push(part);
      return parts;
    };
    await expect(read(places)).rejects.toMatchObject({
      code: 'job-impossible',
      message: expect.stringMatching(/'row 4' within 0\.4 s/),
    });
    const [part] = await read(places.filter(({ path }) => path !== 'row 4'));
    expect([[...part!.ids], [...part!.starts], [...part!.lengths]]).toEqual([
      [4, 5, 6],
      [0, 1, 2, 3],
      [1, 1, 1],
    ]);
  });
});

describe('a tokenizer in prediction', () => {
  it('reads many texts on two threads as it reads each alone', async () => {
    const tokenizer = await openTextTokenizer({ files, threads: 2, limitMs: 5_000 });
    try {
      const words = ['aa', 'bb', 'cc'];
      const texts = Array.from({ length: 3000 }, (_, i) =>
        Array.from({ length: 1 + (i % 9) }, (_, k) => words[(i * k) % 3]).join(' '),
      );
      const found = await Promise.all(texts.map((text, i) => tokenizer.encode(text, 5, { of: i % 3 })));
      for (const [i, { ids, length }] of found.entries()) {
        const own = texts[i]!.split(' ').map((word) => 4 + words.indexOf(word));
        expect([...ids]).toEqual(own.slice(0, 5));
        expect(length > 5).toBe(own.length > 5);
      }
    } finally {
      tokenizer.close();
    }
  });
});
