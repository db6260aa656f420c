import { NEWEST_OPSET } from '../../../../../src/onnx/index.js';
import { type Case, unary } from '../../../../support/gradients.js';

const einsum = (equation: string, ...inputs: readonly (readonly number[])[]): Case =>
  unary('Einsum', {
    name: `Einsum ${equation} of ${JSON.stringify(inputs)}`,
    inputs,
    attributes: { equation },
    opsets: [12, NEWEST_OPSET],
  });

export const einsumCases: readonly Case[] = [
  einsum('ij,jk->ik', [2, 3], [3, 4]),
  einsum('ij,jk', [2, 3], [3, 4]),
  einsum('kj,ik', [3, 2], [4, 3]),
  einsum('bhqd,bhkd->bhqk', [2, 2, 3, 2], [2, 2, 4, 2]),
  einsum(' b h q k , b h k d -> b q h d ', [2, 2, 3, 4], [2, 2, 4, 2]),
  einsum('ij->ji', [2, 3]),
  einsum('ij->i', [2, 3]),
  einsum('ij->', [2, 3]),
  einsum('ii->i', [3, 3]),
  einsum('ii', [3, 3]),
  einsum('iij,j->i', [2, 2, 3], [3]),
  einsum('...ij,...jk->...ik', [2, 1, 2, 3], [2, 4, 3, 2]),
  einsum('...ij,jk', [2, 2, 3], [3, 2]),
  einsum('...i->...', [2, 3, 2]),
  einsum('i,j->ij', [3], [4]),
  einsum('ij,ik,il->jkl', [2, 3], [2, 2], [2, 2]),
  einsum('ij,ij->', [2, 3], [2, 3]),
];
