import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { elements } from '../../../src/onnx/index.js';
import type { HostTensor } from '../executor.js';
import type { Device } from './device.js';
import { graphDef, stepNamed, TAG } from './graph-def.js';
import { KernelError, type Plan } from './plan.js';

/** A plan that the library runs as a whole, in the order and with the kernels that it thinks best. */
export interface Session {
  /** As `runPlan`. */
  run(fed: ReadonlyMap<string, number>): ReadonlyMap<string, number>;
  dispose(): void;
}
/** Constants of so many numbers stand in the graph, where sizes, axes and the like are looked for; larger ones are fed. */
const MOST_NUMBERS = 1024;

/**
 * The plan as a graph of the library's own (TF_LoadSessionFromSavedModel), which it may rewrite: a convolution, its bias and
 * its activation become one kernel, reshapes fall away. `fused`: what goes over the same numbers becomes one loop, which
 * takes the library up to a second to compile. What is fed and given out lies in this process's memory, so that a
 * session is for processors: a GPU's tensors would travel there and back in every run.
 */
export function openSession({ addon, read }: Device, plan: Plan, fused: boolean): Session {
  const fed = new Map([...plan.fed.values()].map((place) => [place, plan.tensors.get(place)!]));
  const constants = new Map<number, HostTensor>();
  const always: number[] = [];
  for (const [place, id] of plan.constants) {
    const { type, dims } = plan.tensors.get(place)!;
    if (elements(dims) <= MOST_NUMBERS) constants.set(place, read(id, type, dims));
    else {
      fed.set(place, { type, dims });
      always.push(id);
    }
  }
  const { file, names } = graphDef(plan, fed, constants, fused);
  const session = load(file);

  const namesOf = (places: Iterable<number>): string => Array.from(places, (place) => names.get(place)!).join();
  const [inputs, outputs] = [namesOf(fed.keys()), namesOf(plan.results.values())];
  return {
    run(given) {
      const ids = [...Array.from(plan.fed.keys(), (name) => given.get(name)!), ...always];
      try {
        const made = addon.runSavedModel(session, ids, inputs, outputs);
        return new Map(Array.from(plan.results.keys(), (name, k) => [name, made[k]!.id]));
      } catch (error) {
        throw kernelError(error);
      }
    },
    dispose: () => addon.deleteSavedModel(session),
  };

  /** With the ONNX node of which the library's message names a step. */
  function kernelError(error: unknown): KernelError {
    const message = error instanceof Error ? error.message : String(error);
    const node = plan.steps[stepNamed(message) ?? -1]?.node ?? 'The graph';
    return new KernelError(`${node}: ${message.replace(/^Session fail to run with error: |\s*\[\[.*?\]\]/gs, '')}`);
  }
  function load(pieces: readonly Uint8Array[]): number {
    const folder = mkdtempSync(join(tmpdir(), 'graft-graph-'));
    try {
      writeFileSync(join(folder, 'saved_model.pb'), Buffer.concat(pieces));
      return addon.loadSavedModel(folder, TAG);
    } catch (error) {
      throw kernelError(error);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}
