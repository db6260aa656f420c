import { type Attribute, type AttributeValue, NEWEST_OPSET, tensor } from '../../../../../src/onnx/index.js';
import { type Case, unary } from '../../../../support/gradients.js';

const GATES = { LSTM: 4, GRU: 3, RNN: 1 } as const;
const OUTPUTS = { LSTM: 3, GRU: 2, RNN: 2 } as const;
const [N, I, H] = [2, 2, 3];
const texts = (values: readonly string[]): Attribute => ({
  type: 'strings',
  value: values.map((text) => new TextEncoder().encode(text)),
});

const layer = (
  op: keyof typeof GATES,
  o: {
    readonly direction?: 'forward' | 'reverse' | 'bidirectional';
    readonly steps?: number;
    /** All optional inputs are there, or only X, W and R. */
    readonly full?: boolean;
    readonly lengths?: readonly number[];
    readonly attributes?: Readonly<Record<string, AttributeValue>>;
    readonly read?: readonly number[];
  },
): Case => {
  const { direction = 'forward', steps = 3, full = false, lengths, read = [0, ...(full ? [1] : [])] } = o;
  const d = direction === 'bidirectional' ? 2 : 1;
  const g = GATES[op] * H;
  const states = [
    [d, N, H],
    ...(op === 'LSTM'
      ? [
          [d, N, H],
          [d, 3 * H],
        ]
      : []),
  ];
  const { name: _, ...rest } = { name: '', ...o.attributes };
  return unary(op, {
    name: `${op} ${JSON.stringify({ ...o, attributes: Object.keys(rest) })}`,
    inputs: [[steps, N, I], [d, g, I], [d, g, H], ...(full ? [[d, 2 * g], ...states] : [])],
    attributes: { hidden_size: H, direction, ...o.attributes },
    before: (b, [x, w, r, bias, ...more]) => {
      const lens = lengths ? b.constant(tensor('', 'int32', [N], lengths)) : '';
      return [x, w, r, bias ?? '', lens, ...more] as string[];
    },
    outputs: OUTPUTS[op],
    read,
    opsets: [7, NEWEST_OPSET],
    dataType: 'float32',
    step: 2e-2,
  });
};

export const recurrentCases: readonly Case[] = (['LSTM', 'GRU', 'RNN'] as const).flatMap((op) => [
  layer(op, {}),
  layer(op, { direction: 'reverse', full: true }),
  layer(op, { direction: 'bidirectional', full: true, read: op === 'LSTM' ? [0, 1, 2] : [0, 1] }),
  layer(op, { direction: 'bidirectional', full: true, lengths: [1, 3] }),
  layer(op, { direction: 'reverse', lengths: [3, 2], read: [1] }),
  layer(op, { steps: 1, full: true }),
  ...(op === 'GRU'
    ? [layer(op, { full: true, direction: 'bidirectional', attributes: { linear_before_reset: 1 } })]
    : []),
  ...(op === 'RNN'
    ? [layer(op, { direction: 'bidirectional', attributes: { activations: texts(['Sigmoid', 'Tanh']) } })]
    : []),
]);
