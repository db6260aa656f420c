import { describe, expect, it } from 'vitest';
import {
  attribute,
  decodeModel,
  elements,
  encodeModel,
  float,
  graphBuilder,
  inFloat32,
  type Model,
  modelDigest,
  numbers,
  OnnxError,
  tensor,
} from '../../../src/onnx/index.js';
import { decodeTensor } from '../../../src/onnx/proto/tensor.js';
import { writer } from '../../../src/onnx/proto/writer.js';
import {
  hasData,
  MODELS,
  maxDifference,
  random,
  randomValue,
  readData,
  run,
  session,
  type Value,
  zerosOf,
} from '../../support/onnx.js';

const bytesOf = (model: Model): Uint8Array => Buffer.concat(encodeModel(model));
const message = (body: (w: ReturnType<typeof writer>) => void): Uint8Array => {
  const w = writer();
  body(w);
  return Buffer.concat(w.chunks());
};

/** A model that uses most of the format: subgraphs, functions, every kind of attribute, strings, metadata. */
function rich(): Model {
  const b = graphBuilder({ opset: 17 });
  const x = b.input('x', 'float32', ['N', 3, '']);
  const w = b.initializer('w', tensor('', 'float32', [3, 400], 0.5));
  const inner = graphBuilder({ opset: 17, prefix: 'inner/' });
  inner.output(inner.op('Constant', [], { value: tensor('c', 'float32', [1], 2) }), 'float32', [1]);
  const body = inner.model().graph;
  const flag = b.constant(tensor('flag', 'bool', [], 1));
  const chosen = b.op('If', [flag], {
    then_branch: { type: 'graph', value: body },
    else_branch: { type: 'graph', value: body },
  });
  const y = b.op('Mul', [x, chosen], {
    note: 'käse',
    f: float(1.5),
    fs: { type: 'floats', value: [1, -2] },
    is: [1, -1],
    i: -7,
  });
  b.op(
    'Twice',
    [y],
    { extent: { type: 'int', value: 9223372036854775807n } },
    { domain: 'graft.test', outputs: ['z'] },
  );
  b.op(
    'Gather',
    [w, ''],
    { strings: { type: 'strings', value: [new Uint8Array([1]), new Uint8Array(0)] } },
    { outputs: ['', 'v'] },
  );
  b.output('z', 'float32', ['N', 3, '']);
  b.function({
    name: 'Twice',
    domain: 'graft.test',
    overload: '',
    inputs: ['a'],
    outputs: ['b'],
    attributes: ['extent'],
    attributeDefaults: new Map([['k', attribute(3)]]),
    nodes: [
      {
        opType: 'Add',
        domain: '',
        name: '',
        inputs: ['a', 'a'],
        outputs: ['b'],
        attributes: new Map([['r', { type: 'reference', value: 'extent', of: 2 } as const]]),
      },
    ],
    opsets: new Map([['', 17]]),
  });
  const model = b.model();
  return {
    ...model,
    metadata: new Map([['author', 'nobody']]),
    modelVersion: 3n,
    domain: 'test',
    producer: { name: 'p', version: '1' },
  };
}
const plain = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return [...value];
  if (value instanceof Map) return [...value].map(([k, v]) => [k, plain(v)]);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]));
  return value;
};

describe('reading and writing', () => {
  it('gives back every part of a model', () => {
    const model = rich();
    expect(plain(decodeModel(bytesOf(model)))).toEqual(plain(model));
  });

  it('keeps large tensors as views of the file and passes them on by reference', () => {
    const bytes = bytesOf(rich());
    const w = decodeModel(bytes).graph.initializers.get('w');
    expect(w?.data.buffer).toBe(bytes.buffer);
    expect(
      encodeModel(decodeModel(bytes)).some(
        (chunk) => chunk.buffer === bytes.buffer && chunk.byteOffset === w?.data.byteOffset,
      ),
    ).toBe(true);
  });

  it('keeps fields that it does not know', () => {
    const model = decodeModel(
      message((w) => {
        w.text(99, 'from the future');
        w.message(7, (g) => {
          g.text(10, 'documentation');
          g.text(98, 'more');
        });
      }),
    );
    const again = decodeModel(bytesOf(model));
    expect(plain(again.extra)).toEqual(plain(model.extra));
    expect(plain(again.graph.extra)).toEqual(plain(model.graph.extra));
    expect(model.graph.extra).toHaveLength(2);
  });

  it('converts the typed data of every type', () => {
    const typed = (dataType: number, n: number, fill: (w: ReturnType<typeof writer>) => void): number[] => [
      ...numbers(
        decodeTensor(
          message((w) => {
            w.packedInts(1, [n]);
            w.varint(2, dataType);
            fill(w);
          }),
        ),
      ),
    ];
    expect(typed(1, 2, (w) => w.packedFloats(4, [1.5, -2]))).toEqual([1.5, -2]);
    expect(typed(7, 2, (w) => w.packedInts(7, [-5, 2 ** 40]))).toEqual([-5, 2 ** 40]);
    expect(
      typed(7, 2, (w) => {
        w.varint(7, -5);
        w.varint(7, 6);
      }),
    ).toEqual([-5, 6]);
    expect(typed(6, 3, (w) => w.packedInts(5, [-1, 0, 2147483647]))).toEqual([-1, 0, 2147483647]);
    expect(typed(3, 2, (w) => w.packedInts(5, [-128, 127]))).toEqual([-128, 127]);
    expect(typed(2, 2, (w) => w.packedInts(5, [0, 255]))).toEqual([0, 255]);
    expect(typed(9, 2, (w) => w.packedInts(5, [1, 0]))).toEqual([1, 0]);
    expect(typed(10, 3, (w) => w.packedInts(5, [0x3c00, 0xc100, 0x0001]))).toEqual([1, -2.5, 2 ** -24]);
    expect(typed(16, 2, (w) => w.packedInts(5, [0x3f80, 0xc000]))).toEqual([1, -2]);
    expect(typed(12, 1, (w) => w.packedInts(11, [4294967295]))).toEqual([4294967295]);
  });

  it('sorts nodes, drops initializers from the inputs, and says where a cycle is', () => {
    const b = graphBuilder({ opset: 13 });
    const y = b.op('Neg', [b.op('Relu', [b.input('x', 'float32', [1])])]);
    b.output(y, 'float32', [1]);
    const model = b.model();
    const reversed = { ...model, graph: { ...model.graph, nodes: [...model.graph.nodes].reverse() } };
    expect(decodeModel(bytesOf(reversed)).graph.nodes.map((n) => n.opType)).toEqual(['Relu', 'Neg']);
    const [relu] = model.graph.nodes;
    const cyclic = {
      ...model,
      graph: { ...model.graph, nodes: model.graph.nodes.map((n) => (n === relu ? { ...n, inputs: [y] } : n)) },
    };
    expect(() => decodeModel(bytesOf(cyclic))).toThrow(/depends on itself/);
  });

  it('digests what is computed, not how the file says it', () => {
    const model = rich();
    const digest = modelDigest(model);
    expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    const dressed = {
      ...model,
      metadata: new Map([['x', 'y']]),
      producer: { name: 'other', version: '' },
      graph: { ...model.graph, name: 'n', nodes: model.graph.nodes.map((n) => ({ ...n, name: 'n' })) },
    };
    expect(modelDigest(dressed)).toBe(digest);
    const changed = new Map(model.graph.initializers).set('w', {
      ...tensor('w', 'float32', [3, 400], 0.25),
      name: 'w',
    });
    expect(modelDigest({ ...model, graph: { ...model.graph, initializers: changed } })).not.toBe(digest);
  });
});

describe('bad bytes', () => {
  const small = bytesOf(rich());
  const outcome = (bytes: Uint8Array): string => {
    try {
      for (const t of decodeModel(bytes).graph.initializers.values()) elements(t.dims);
      return 'read';
    } catch (error) {
      if (error instanceof OnnxError) return 'refused';
      throw error;
    }
  };

  it('every truncation ends in an OnnxError or a shorter model', () => {
    let refused = 0;
    for (let n = 0; n < small.length; n++) if (outcome(small.subarray(0, n)) === 'refused') refused++;
    expect(refused).toBeGreaterThan(small.length * 0.9);
  });

  it('20,000 flipped bytes neither crash nor hang', () => {
    const next = random(11);
    const start = performance.now();
    for (let i = 0; i < 20_000; i++) {
      const bytes = Uint8Array.from(small);
      for (let k = 0; k <= i % 3; k++) bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
      outcome(bytes);
    }
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  it('reads a file beyond 2 GiB without touching its data', () => {
    const size = 2 ** 31 + 8;
    const b = graphBuilder({ opset: 13 });
    // Memory of zeros that is never written costs address space only.
    b.initializer('big', { ...tensor('', 'uint8', [0], 0), dims: [size], data: new Uint8Array(size) });
    b.output(b.op('Neg', [b.input('x', 'float32', [1])]), 'float32', [1]);
    const chunks = encodeModel(b.model());
    const file = new Uint8Array(chunks.reduce((n, c) => n + c.length, 0));
    let at = 0;
    for (const chunk of chunks) {
      if (chunk.length < size) file.set(chunk, at);
      at += chunk.length;
    }
    const { graph } = decodeModel(file);
    expect(graph.initializers.get('big')?.data.length).toBe(size);
    expect(graph.nodes).toHaveLength(1);
  });

  it('refuses lengths, dimensions and nesting that cannot be', () => {
    const code = (bytes: Uint8Array): string => {
      try {
        decodeModel(bytes);
        return 'read';
      } catch (error) {
        return (error as OnnxError).code;
      }
    };
    const initializer = (dims: readonly (number | bigint)[], raw: number): Uint8Array =>
      message((w) =>
        w.message(7, (g) =>
          g.message(5, (t) => {
            t.packedInts(1, dims);
            t.varint(2, 1);
            t.bytes(9, new Uint8Array(raw));
          }),
        ),
      );
    expect(code(initializer([2], 8))).toBe('read');
    expect(code(initializer([2], 7))).toBe('truncated');
    expect(code(initializer([1], 8))).toBe('malformed');
    expect(code(initializer([-1], 4))).toBe('malformed');
    expect(code(initializer([2n ** 40n, 2n ** 40n], 4))).toBe('truncated');
    expect(code(Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01))).toBe('truncated');
    expect(code(new Uint8Array(0))).toBe('not-onnx');
    const repeated = Buffer.alloc(4_000_001 * 2, Uint8Array.of(0x78, 0));
    expect(code(message((w) => w.bytes(7, repeated)))).toBe('malformed');
    let nested = message((g) => g.text(2, 'innermost'));
    for (let i = 0; i < 60; i++) {
      const graph = nested;
      nested = message((g) =>
        g.message(1, (n) => {
          n.text(4, 'If');
          n.message(5, (a) => {
            a.text(1, 'then_branch');
            a.bytes(6, graph);
          });
        }),
      );
    }
    expect(code(message((w) => w.bytes(7, nested)))).toBe('malformed');
  });
});

describe.runIf(hasData('models'))('real models run the same after decode and encode', () => {
  for (const name of MODELS)
    it(name, async () => {
      const bytes = readData(`models/${name}`);
      const model = decodeModel(bytes);
      const next = random(name.length);
      const feeds: Record<string, Value> = {};
      for (const v of model.graph.inputs) {
        const dims = (v.shape ?? []).map((d, i) => (typeof d === 'number' ? d : i === 0 ? 1 : 16));
        feeds[v.name] = v.dataType === 'float32' ? randomValue(dims, next) : zerosOf(v.dataType as 'int64', dims);
      }
      // Without optimizations: initializers that a file repeats as inputs are constants here, and so would be fused.
      const raw = { graphOptimizationLevel: 'disabled' } as const;
      const sessions = [await session(bytes, raw), await session(model, raw)] as const;
      const [before, after] = [await run(sessions[0], feeds), await run(sessions[1], feeds)];
      for (const s of sessions) await s.release();
      expect(Object.keys(after)).toEqual(Object.keys(before));
      for (const output of Object.keys(before))
        expect(maxDifference(before[output] as Value, after[output] as Value)).toBe(0);
    });

  it('a float16 model computes the same in float32', async () => {
    const half = decodeModel(readData('models/squeezenet1.1-imagenet-fp16-opset7.onnx'));
    const single = inFloat32(half);
    expect(single.graph.inputs[0]?.dataType).toBe('float32');
    const zeros = await run(half, { data_0: zerosOf('float16', [1, 3, 224, 224]) });
    const out = (await run(single, { data_0: zerosOf('float32', [1, 3, 224, 224]) })).softmaxout_1 as Value;
    const wide = numbers({
      ...(zeros.softmaxout_1 as Value),
      name: '',
      data: new Uint8Array((zeros.softmaxout_1 as Value).data.buffer),
    });
    expect(maxDifference(out, { ...out, data: Float64Array.from(wide) })).toBeLessThan(1e-3);
  });
});
