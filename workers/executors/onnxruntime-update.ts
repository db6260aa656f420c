import { elementwiseParts, type Model } from '../../src/onnx/index.js';
import type { Feeds, Program, Update } from './executor.js';
import type { Resident } from './onnxruntime-program.js';
import { SLICE, type UpdateKernel, updateKernel } from './update-kernel.js';

/**
 * An update over tensors in this process's memory: what works element by element on long vectors goes through kernels of its
 * own slice by slice, each number read and written once; `whole` compiles what is left.
 */
export async function residentUpdate(model: Model, whole: (model: Model) => Promise<Program>): Promise<Update> {
  const { parts, rest } = elementwiseParts(model, SLICE);
  const kernels = new Map<Model, UpdateKernel>();
  for (const part of parts) if (!kernels.has(part.model)) kernels.set(part.model, updateKernel(part));
  const left = rest === null ? null : await whole(rest);
  const { initializers } = model.graph;
  const read = parts.flatMap(({ vectors, scalars }) => [...vectors.values(), ...scalars.values()]);
  const constants = new Map(
    read
      .filter((name) => initializers.has(name))
      .map((name) => [name, new Float32Array(initializers.get(name)!.data.slice().buffer)]),
  );
  return {
    async apply(state, feeds) {
      const { tensors, outputOf } = state as Resident;
      const inputOf = new Map([...outputOf].map(([input, output]) => [output, input]));
      const value = (name: string): Float32Array => numbersOf(name, feeds, tensors) ?? constants.get(name)!;
      for (const { model: own, size, vectors, scalars, outputs } of parts) {
        const kernel = kernels.get(own)!;
        const written = [...outputs].map(([name, output]) => [name, value(inputOf.get(output)!)] as const);
        inSlices(kernel, size, {
          read: [...vectors].map(([name, whole]) => [name, value(whole)] as const),
          written,
          scalars: kernel.scalars.map((name) => value(scalars.get(name)!)[0]!),
        });
      }
      await left?.step(state, feeds, []);
    },
    dispose: async () => left?.dispose(),
  };
}

const numbersOf = (name: string, feeds: Feeds, tensors: Resident['tensors']): Float32Array | undefined =>
  (feeds[name] ?? tensors.get(name))?.data as Float32Array | undefined;

interface Arrays {
  readonly read: readonly (readonly [string, Float32Array])[];
  readonly written: readonly (readonly [string, Float32Array])[];
  readonly scalars: readonly number[];
}
function inSlices(kernel: UpdateKernel, size: number, { read, written, scalars }: Arrays): void {
  for (let at = 0; at < size; at += SLICE) {
    const count = Math.min(SLICE, size - at);
    for (const [name, array] of read) kernel.vectors.get(name)!.set(array.subarray(at, at + count));
    kernel.run(count, scalars);
    for (const [name, array] of written) array.set(kernel.outputs.get(name)!.subarray(0, count), at);
  }
}
