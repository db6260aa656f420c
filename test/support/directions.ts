import {
  differentiate,
  gradientName,
  initializersAsInputs,
  type Model,
  measureShapes,
  numbers,
} from '../../src/onnx/index.js';
import { random, run, session, shapeRunner, type Value } from './onnx.js';

/**
 * Checks the gradients of a whole network without any reference: along random directions in the space of all parameters at
 * once, the derivative of the scalar `loss` by central differences (of two distances, extrapolated to none: Richardson) against
 * the product of gradient and direction. Every tensor is moved by `step` of its own size. Answers for each direction the
 * difference relative to what the product comes to at random (the root of the sum of squares); NaN where a gradient is none.
 */
export async function directionErrors(
  model: Model,
  loss: string,
  parameters: readonly string[],
  feeds: Readonly<Record<string, Value>>,
  o: { readonly directions?: number; readonly step?: number } = {},
): Promise<readonly number[]> {
  const { directions = 3, step = 1e-3 } = o;
  const shapes = await measureShapes(model, new Map(Object.entries(feeds)), shapeRunner);
  const gradients = await run(differentiate(model, loss, parameters, shapes), feeds);
  const given = new Map(
    parameters.map((name) => [name, Float32Array.from(numbers(model.graph.initializers.get(name)!))]),
  );
  const forward = await session(initializersAsInputs(model, parameters));
  try {
    const errors: number[] = [];
    for (let d = 0; d < directions; d++) {
      const next = random(77 + d);
      const direction = new Map([...given].map(([name, data]) => [name, along(data, next)]));
      let slope = 0;
      let squares = 0;
      for (const [name, by] of direction) {
        const gradient = gradients[gradientName(name)]!.data;
        for (let i = 0; i < by.length; i++) {
          const part = Number(gradient[i]) * by[i]!;
          slope += part;
          squares += part * part;
        }
      }
      const at = async (h: number): Promise<number> => {
        const moved = [...given].map(([name, data]): [string, Value] => {
          const by = direction.get(name)!;
          const dims = model.graph.initializers.get(name)!.dims;
          return [name, { dataType: 'float32', dims, data: data.map((x, i) => x + h * by[i]!) }];
        });
        const found = await run(forward, { ...feeds, ...Object.fromEntries(moved) });
        return Number(found[loss]!.data[0]);
      };
      const difference = async (h: number): Promise<number> => ((await at(h)) - (await at(-h))) / (2 * h);
      const limit = (4 * (await difference(step / 2)) - (await difference(step))) / 3;
      errors.push(Math.abs(limit - slope) / Math.sqrt(squares));
    }
    return errors;
  } finally {
    await forward.release();
  }
}

/** Random numbers of the size that a tensor's have. */
function along(data: Float32Array, next: () => number): Float32Array {
  let squares = 0;
  for (const x of data) squares += x * x;
  const size = Math.sqrt((3 * squares) / Math.max(1, data.length)) || 0.01;
  return data.map(() => (next() * 2 - 1) * size);
}
