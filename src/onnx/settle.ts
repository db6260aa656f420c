import { foldConstants, type ValueRunner } from './fold.js';
import { inlineBranches, inlineFunctions } from './inline.js';
import type { Model, Shapes } from './types.js';

/**
 * What is differentiated: the model with its functions written out, everything folded that depends on sizes and constants only
 * (see `foldConstants`), and of every If whose condition then is a constant the branch that is taken. `size` measures a
 * model's tensors; the shapes are those of the result, `unfolded` is the model that it was folded from.
 */
export async function settled(
  model: Model,
  o: {
    readonly parameters: readonly string[];
    readonly size: (model: Model) => Promise<Shapes>;
    readonly run: ValueRunner;
  },
): Promise<{ readonly model: Model; readonly shapes: Shapes; readonly unfolded: Model }> {
  for (let current = inlineFunctions(model); ; ) {
    const shapes = await o.size(current);
    const folded = await foldConstants(current, { shapes, parameters: o.parameters, run: o.run });
    const next = inlineBranches(folded);
    if (next === folded) return { model: folded, shapes, unfolded: current };
    current = next;
  }
}
