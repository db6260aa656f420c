import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { check, importsOf, violations } from '../../../scripts/check-imports.mjs';

const root = resolve(import.meta.dirname, '../../..');
const breaks = (file: string, source: string) => violations(file, source, root).length;

describe('the direction of imports', () => {
  it('holds in this project', () => {
    expect(check(root)).toEqual([]);
  });

  it.each([
    ['src/services/x.ts', `import { run } from '../../workers/run.js';`],
    ['src/services/x.ts', `import type { Run } from '../../workers/run.js';`],
    ['src/services/x.ts', `export * from '../../workers/run.js';`],
    ['src/services/x.ts', `import {\n  one,\n  two,\n} from '../../workers/run.js';`],
    ['src/routes/x.ts', `const { run } = await import('../../workers/run.js');`],
    ['src/main.ts', `new Worker(new URL('../workers/run.js', import.meta.url));`],
    ['src/main.ts', `import sharp from 'sharp';`],
    ['src/main.ts', `import 'onnxruntime-node';`],
    ['src/main.ts', `import ort from 'onnxruntime-node/dist/index.js';`],
    ['src/onnx/graph.ts', `import { readFileSync } from 'node:fs';`],
    ['src/onnx/graph.ts', `import { readFileSync } from 'fs';`],
    ['src/onnx/graph.ts', `import { GraftError } from '../errors.js';`],
    ['src/domain/x.ts', `import { pool } from '../db/client.js';`],
    ['workers/x.ts', `import { auth } from '../src/http/auth.js';`],
    ['workers/deep/x.ts', `import { jobs } from '../../src/routes/jobs/index.js';`],
    ['clients/cli/main.ts', `import { newId } from '../../src/ids.js';`],
    ['test/e2e/x.test.ts', `import { newId } from '../../src/ids.js';`],
  ])('%s must not contain %s', (file, source) => {
    expect(breaks(file, source)).toBe(1);
  });

  it.each([
    ['workers/x.ts', `import { newId } from '../src/ids.js';`],
    ['src/onnx/graph.ts', `import { createHash } from 'node:crypto';`],
    ['src/onnx/deep/rule.ts', `import { Graph } from '../graph.js';`],
    ['src/x.ts', `// import sharp from 'sharp';`],
    ['src/x.ts', `/* import sharp\n from 'sharp'; */`],
    ['clients/cli/main.ts', `import { createClient } from '../api/index.js';`],
    ['src/services/sharpen.ts', `import { sharpen } from './sharp-words.js';`],
  ])('%s may contain %s', (file, source) => {
    expect(breaks(file, source)).toBe(0);
  });

  it('names the line', () => {
    expect(importsOf(`const a = 1;\n\nimport b from './b.js';\n`)).toEqual([['./b.js', 3]]);
    expect(importsOf(`const url = 'http://x'; import('./c.js');`)).toEqual([['./c.js', 1]]);
  });
});
