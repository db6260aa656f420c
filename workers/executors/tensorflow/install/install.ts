import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { findTensorflow, MANIFEST, type Manifest, tensorflowFolder } from '../installation.js';
import { type Probe, probeTensorflow } from '../probe.js';
import { InstallError } from './command.js';
import { compileAddon, ownLibrary, unpackSources } from './compile.js';
import { fetchPackage, fetchWheels } from './fetch.js';
import { CPU_WHEELS, GPU_WHEELS, NODE_HEADERS, stackOf, TENSORFLOW_VERSION, TFJS } from './pins.js';
import type { Steps } from './steps.js';
import { checkFolder, checkTools, unwritable } from './tools.js';
import { unpackWheel } from './unpack.js';

export interface InstallRequest {
  readonly home: string;
  readonly flavour: 'cpu' | 'gpu' | 'own';
  /** The folder of a TensorFlow that is there already, for `own`. */
  readonly library: string | null;
}
export const STEPS = 6;
const BUILDING = 'build-';

type Usable = Extract<Probe, { usable: true }>;
export interface Installed extends Usable {
  /** false: it was there already, and ran a kernel. */
  readonly changed: boolean;
}

/**
 * Installs the TensorFlow engine for this machine: everything into a folder of its own, and the manifest that names the
 * folder last, so that an installation that was interrupted is none and is begun anew. One that is there, is of the same
 * parts and runs a kernel is left alone. Throws `InstallError` with words for the person.
 */
export async function installTensorflow(request: InstallRequest, steps: Steps): Promise<Installed> {
  const { flavour } = request;
  const folder = tensorflowFolder(request.home);
  const own = flavour === 'own' ? await ownLibrary(request.library ?? '') : null;
  const stack = stackOf(flavour, own);
  const there = findTensorflow(request.home);
  if (there?.stack === stack) {
    const probe = await probeTensorflow(there);
    if (probe.usable) return { ...probe, changed: false };
    steps.say(`The installation in ${folder} cannot be used: ${probe.reason}`);
  }
  steps.begin('tools and space');
  const tools = await checkTools(flavour);
  await checkFolder(folder, flavour);
  await sweep(folder, there?.addon.split('/')[0] ?? null);
  const place = join(folder, `${BUILDING}${process.pid}`);
  try {
    const version = await build(place, { ...request, own, tools }, steps);
    steps.begin('running a kernel');
    const name = `${stack}-${process.pid}`;
    await rm(join(folder, name), { recursive: true, force: true });
    await rename(place, join(folder, name));
    const manifest: Manifest = {
      format: 1,
      flavour,
      tensorflow: version,
      tfjs: TFJS.version,
      addon: `${name}/addon.node`,
      stack,
    };
    const probe = await probeTensorflow({ addonPath: join(folder, manifest.addon), tensorflow: version });
    if (!probe.usable) {
      await rm(join(folder, name), { recursive: true, force: true });
      throw new InstallError(`TensorFlow was built but does not run: ${probe.reason}`);
    }
    await writeFile(join(folder, `${MANIFEST}.new`), `${JSON.stringify(manifest, null, 2)}\n`);
    await rename(join(folder, `${MANIFEST}.new`), join(folder, MANIFEST));
    await sweep(folder, name);
    return { ...probe, changed: true };
  } catch (error) {
    throw unwritable(folder, error);
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

/** Fetches, unpacks and compiles into `place`; answers the library's version. */
async function build(
  place: string,
  o: InstallRequest & { own: string | null; tools: Awaited<ReturnType<typeof checkTools>> },
  steps: Steps,
): Promise<string> {
  const downloads = join(place, 'downloads');
  const sources = join(place, 'sources');
  const site = join(place, 'site');
  await mkdir(downloads, { recursive: true });
  steps.begin(`${TFJS.name} ${TFJS.version}`);
  const tfjs = await fetchPackage(TFJS, downloads);
  await unpackSources(tfjs, await fetchPackage(NODE_HEADERS, downloads), sources);
  const pins = o.flavour === 'gpu' ? GPU_WHEELS : CPU_WHEELS;
  steps.begin(o.own === null ? `TensorFlow ${TENSORFLOW_VERSION} (${pins[0]!.name})` : `TensorFlow in ${o.own}`);
  const wheels = o.own === null ? await fetchWheels(o.tools.python!, pins, downloads, steps.terminal) : [];
  steps.begin('unpacking');
  for (const [i, wheel] of wheels.entries()) {
    await unpackWheel(wheel, site, (done, total) => steps.share((i + done / total) / wheels.length));
    await rm(wheel);
  }
  await rm(downloads, { recursive: true });
  steps.begin('compiling the addon');
  const library = o.own ?? join(site, 'tensorflow');
  await compileAddon({
    compiler: o.tools.compiler,
    sources,
    library,
    // Relative where the library lies beside the addon, so that the whole folder may be moved.
    rpath: o.own ?? `$ORIGIN/${relative(place, library)}`,
    output: join(place, 'addon.node'),
  });
  return o.own === null ? TENSORFLOW_VERSION : versionOf(o.own);
}

/** Version by the headers, which is what the addon is compiled for. */
async function versionOf(library: string): Promise<string> {
  const folder = join(library, 'include/tensorflow/core/public');
  // The numbers stand in the first from 2.19 on, in the second before.
  const texts = ['release_version.h', 'version.h'].map((name) => readFile(join(folder, name), 'utf8').catch(() => ''));
  const text = (await Promise.all(texts)).join('\n');
  const part = (name: string): string | undefined => new RegExp(`define TF_${name}_VERSION\\s+(\\d+)`).exec(text)?.[1];
  return [part('MAJOR'), part('MINOR'), part('PATCH')].join('.');
}

/** Folders that no process is building and no manifest names. */
async function sweep(folder: string, keep: string | null): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name === keep || name.startsWith(MANIFEST)) continue;
    const builder = Number(name.split('-').at(-1));
    if (builder !== process.pid && isAlive(builder)) continue;
    await rm(join(folder, name), { recursive: true, force: true });
  }
}
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Takes the engine away; false where there was none. */
export async function removeTensorflow(home: string): Promise<boolean> {
  const folder = tensorflowFolder(home);
  const there = (await readdir(folder).catch(() => [])).length > 0;
  try {
    await rm(folder, { recursive: true, force: true });
  } catch (error) {
    throw unwritable(folder, error);
  }
  return there;
}
