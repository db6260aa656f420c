import type { TextInput } from '../../domain/types.js';
import { cast, constant, type DataType, type GraphBuilder, reduceMax, reduceSum, unsqueeze } from '../../onnx/index.js';

/** What is taken off the vectors of padding, so that none of them is ever the largest; as sentence-transformers has it. */
const FAR = 1e9;

/** float32 [N, L]: 1 where the text is, 0 where padding is. `ids` is a tensor of `idsType` [N, L]. */
export function tokenMask(
  b: GraphBuilder,
  o: { readonly mask: string | null; readonly ids: string; readonly idsType: DataType; readonly padId: number },
): string {
  if (o.mask !== null) return cast(b, o.mask, 'float32');
  return cast(b, b.op('Not', [b.op('Equal', [o.ids, constant(b, o.idsType, o.padId)])]), 'float32');
}

/**
 * One vector a text, [N, C], of those of its tokens, `hidden` float32 [N, L, C]: their mean or largest values over the tokens
 * that `mask` (float32 [N, L]) counts, or the vector of the first, the classification token.
 */
export function pooledTokens(b: GraphBuilder, hidden: string, mask: string, pooling: TextInput['pooling']): string {
  if (pooling === 'cls') return b.op('Gather', [hidden, constant(b, 'int64', 0)], { axis: 1 });
  if (pooling === 'max') {
    const away = b.op('Mul', [b.op('Sub', [mask, constant(b, 'float32', 1)]), constant(b, 'float32', FAR)]);
    return reduceMax(b, b.op('Add', [hidden, unsqueeze(b, away, [2])]), [1], false);
  }
  // One product of matrices instead of a masked copy of everything: [N, 1, L] by [N, L, C].
  const sums = b.op('Flatten', [b.op('MatMul', [unsqueeze(b, mask, [1]), hidden])], { axis: 1 });
  const counts = reduceSum(b, mask, [1], true);
  return b.op('Div', [sums, b.op('Max', [counts, constant(b, 'float32', 1)])]);
}
