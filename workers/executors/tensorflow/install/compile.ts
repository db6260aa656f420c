import { existsSync } from 'node:fs';
import { mkdir, realpath, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { command, InstallError, lastLines } from './command.js';
import { packageFiles } from './fetch.js';
import { LIBRARIES } from './pins.js';

/** The sources of the addon, as the package has them, and Node's headers, below `folder`. */
export async function unpackSources(tfjs: string, headers: string, folder: string): Promise<void> {
  const files = new Map([
    ...(await packageFiles(tfjs, (path) => path.startsWith('binding/') || path === 'package.json')),
    ...(await packageFiles(headers, (path) => path.startsWith('include/'))),
  ]);
  for (const [path, content] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

/**
 * Compiles the addon's unmodified sources against the TensorFlow in `library`, which holds the libraries and `include`.
 * `rpath` is where the addon is to look for them. Throws `InstallError` with the compiler's words.
 */
export async function compileAddon(o: {
  readonly compiler: string;
  readonly sources: string;
  readonly library: string;
  readonly rpath: string;
  readonly output: string;
}): Promise<void> {
  const { sources, library } = o;
  const args = [
    ...['-std=c++17', '-O2', '-fPIC', '-shared', '-fvisibility=hidden', '-DNAPI_VERSION=8'],
    ...[join(sources, 'include'), sources, join(library, 'include')].map((path) => `-I${path}`),
    join(sources, 'binding/tfjs_backend.cc'),
    join(sources, 'binding/tfjs_binding.cc'),
    `-L${library}`,
    ...LIBRARIES.map((name) => `-l:${name}`),
    `-Wl,-rpath,${o.rpath}`,
    '-Wl,--enable-new-dtags',
    ...['-o', o.output],
  ];
  const ran = await command(o.compiler, args);
  if (ran?.code !== 0)
    throw new InstallError(`The addon does not compile (${o.compiler}):\n${lastLines(ran?.output ?? '', 12)}`);
}

/** A TensorFlow that is there already, its real path. Throws `InstallError` where the folder is not one. */
export async function ownLibrary(folder: string): Promise<string> {
  const found = await realpath(folder).catch(() => null);
  if (found === null) throw new InstallError(`There is no folder ${folder}.`);
  for (const name of [...LIBRARIES, 'include/tensorflow/c/c_api.h'])
    if (!existsSync(join(found, name)))
      throw new InstallError(
        `${found} is no TensorFlow for Linux of version 2: it has no ${name}. The folder is what \`python -c "import tensorflow as t; print(t.sysconfig.get_lib())"\` prints.`,
      );
  return found;
}
