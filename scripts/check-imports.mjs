// Imports go one way (see the rules below); breaking that is found here, before it becomes a cycle or a tensor runtime
// in the API process. Covers static imports, re-exports, `import()` of a literal, `import type`, and `new URL` of a worker.
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a folder may not reach; the first rule of `from` that fits the file is not the only one: all apply. */
const RULES = [
  {
    from: 'src/',
    notTo: ['workers/', 'clients/', 'test/', 'bench/'],
    why: 'workers stand on src, never the other way',
  },
  {
    from: 'src/',
    notTo: ['onnxruntime-node', 'onnxruntime-common', 'onnxruntime-web', '@tensorflow/', 'sharp'],
    why: 'the API process never loads a tensor runtime or an image decoder',
  },
  { from: 'src/onnx/', onlyTo: ['src/onnx/', 'node:crypto'], why: 'the graph library is pure' },
  { from: 'src/domain/', onlyTo: ['src/domain/', 'src/errors.ts', 'src/ids.ts'], why: 'the domain knows no plumbing' },
  {
    from: 'src/services/',
    notTo: ['fastify', '@fastify/', '@prisma/', 'src/db/generated', 'src/http/', 'src/routes/'],
    why: 'use cases know neither HTTP nor Prisma',
  },
  { from: 'src/db/', notTo: ['src/services/', 'src/http/', 'src/routes/'], why: 'the database knows no use case' },
  {
    from: 'workers/',
    notTo: ['src/http/', 'src/routes/', 'src/main.ts', 'src/app.ts', 'clients/', 'test/'],
    why: 'workers know no HTTP',
  },
  { from: 'clients/', notTo: ['src/', 'workers/', 'test/'], why: 'clients speak HTTP only' },
  { from: 'test/e2e/', notTo: ['src/', 'workers/'], why: 'end-to-end tests see what a user sees' },
];
const CODE = /\.(ts|mts|js|mjs)$/;

/** Every module named in the source: `[specifier, line]`. Comments and the insides of other strings are passed over. */
export function importsOf(source) {
  const found = [];
  const at = (index) => source.slice(0, index).split('\n').length;
  const clean = source
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/(^|[^:'"`\\])\/\/[^\n]*/g, (all, before) => before + ' '.repeat(all.length - before.length));
  const forms = [
    /^[ \t]*(?:import|export)\b[^'"`;]*?\bfrom\s*(['"])([^'"\n]+)\1/gm,
    /^[ \t]*import\s*(['"])([^'"\n]+)\1/gm,
    /\bimport\s*\(\s*(['"])([^'"\n]+)\1/g,
    /\bimport\.meta\.resolve\s*\(\s*(['"])([^'"\n]+)\1/g,
    /\bnew URL\s*\(\s*(['"])(\.{1,2}\/[^'"\n]+\.js)\1\s*,\s*import\.meta\.url/g,
    /\brequire(?:\.resolve)?\s*\(\s*(['"])([^'"\n]+)\1/g,
  ];
  for (const form of forms) for (const match of clean.matchAll(form)) found.push([match[2], at(match.index)]);
  return found;
}

/** The broken rules of one file: lines of text. `file` is relative to the root, with forward slashes. */
export function violations(file, source, root) {
  const rules = RULES.filter((rule) => file.startsWith(rule.from));
  if (rules.length === 0) return [];
  return importsOf(source).flatMap(([specifier, line]) => {
    const target = specifier.startsWith('.')
      ? relative(root, resolve(root, dirname(file), specifier))
          .replaceAll('\\', '/')
          .replace(/\.js$/, '.ts')
      : builtinModules.includes(specifier)
        ? `node:${specifier}`
        : specifier;
    const fits = (pattern) => target === pattern || target.startsWith(pattern.endsWith('/') ? pattern : `${pattern}/`);
    return rules
      .filter((rule) => (rule.onlyTo ? !rule.onlyTo.some(fits) : rule.notTo.some(fits)))
      .map(
        (rule) =>
          `${file}:${line}: imports ${specifier}: ${rule.why} (${rule.from} may ${rule.onlyTo ? `only reach ${rule.onlyTo.join(', ')}` : `not reach ${rule.notTo.join(', ')}`})`,
      );
  });
}

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory())
      return ['node_modules', 'generated', 'python'].includes(entry.name) ? [] : filesBelow(path);
    return CODE.test(entry.name) ? [path] : [];
  });
}

export function check(root) {
  return ['src', 'workers', 'clients', 'test/e2e']
    .flatMap((folder) => {
      try {
        return filesBelow(join(root, folder));
      } catch {
        return [];
      }
    })
    .flatMap((path) => violations(relative(root, path).replaceAll('\\', '/'), readFileSync(path, 'utf8'), root));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const broken = check(dirname(dirname(fileURLToPath(import.meta.url))));
  for (const line of broken) console.error(line);
  if (broken.length > 0) {
    console.error(`${broken.length} imports go the wrong way.`);
    process.exit(1);
  }
  console.log('Imports go one way.');
}
