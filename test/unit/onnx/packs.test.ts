import { describe, expect, it } from 'vitest';
import { graphBuilder, lying, packed, packsOf, tensor, unlying, unpacked, withPacks } from '../../../src/onnx/index.js';
import { onnxruntimeExecutor } from '../../../workers/executors/onnxruntime.js';

describe('packs', () => {
  it('take tensors in and give them out again, large ones alone', () => {
    const tensors = new Map(
      [
        ['a', [2, 3]],
        ['big', [1024, 256]],
        ['b', [4]],
      ].map(([name, dims]) => {
        const size = (dims as number[]).reduce((n, d) => n * d, 1);
        const values = Float32Array.from({ length: size }, (_, i) => Math.sin(i + (name as string).length));
        return [name as string, tensor(name as string, 'float32', dims as number[], values)] as const;
      }),
    );
    const packs = packsOf([...tensors.values()]);
    expect(packs.map((p) => [p.size, p.tensors.map((t) => t.name)])).toEqual([
      [10, ['a', 'b']],
      [1024 * 256, ['big']],
    ]);
    for (const pack of packs)
      for (const t of unpacked(pack, packed(pack, tensors))) {
        expect(t.dims).toEqual(tensors.get(t.name)!.dims);
        expect(Buffer.from(t.data).equals(Buffer.from(tensors.get(t.name)!.data))).toBe(true);
      }
  });

  it('hold tensors whose axes lie in another order, and give their numbers back as they were', async () => {
    // Of each of 2 results and 3 inputs a row of 4 places: a hundred's digit, a ten's and one.
    const digits = [0, 1].flatMap((o) => [0, 1, 2].flatMap((i) => [0, 1, 2, 3].map((p) => 100 * o + 10 * i + p)));
    const own = Float32Array.from([7, 8, ...digits]);
    const [pack] = packsOf([
      { name: 'bias', dims: [2] },
      { name: 'kernel', dims: [2, 3, 1, 4], order: [2, 3, 1, 0] },
    ]);
    const laid = lying(pack!, own);
    const [o, i, p] = [
      [0, 1],
      [0, 1, 2],
      [0, 1, 2, 3],
    ];
    expect([...laid]).toEqual([7, 8, ...p.flatMap((k) => i.flatMap((j) => o.map((n) => 100 * n + 10 * j + k)))]);
    expect(unlying(pack!, laid)).toEqual(own);

    const b = graphBuilder({ opset: 17 });
    for (const [name, dims] of [['bias', [2]] as const, ['kernel', [2, 3, 1, 4]] as const]) {
      b.initializer(name, tensor('', 'float32', dims, 0));
      b.output(b.op('Identity', [name], {}, { outputs: [`seen(${name})`] }), 'float32', dims);
    }
    const executor = onnxruntimeExecutor({ threads: 1 });
    const program = await executor.compile(withPacks(b.model(), [pack!]));
    const feeds = { pack: { dataType: 'float32', dims: [own.length], data: laid } } as const;
    const seen = await program.run(feeds, ['seen(bias)', 'seen(kernel)']);
    expect([...(seen['seen(bias)']!.data as Float32Array), ...(seen['seen(kernel)']!.data as Float32Array)]).toEqual([
      ...own,
    ]);
    await program.dispose();
    await executor.dispose();
  });

  it('that stand alone have the sizes of their axes as they lie', () => {
    const [pack] = packsOf([{ name: 'wide', dims: [512, 64, 3, 2], order: [2, 3, 1, 0] }]);
    expect(pack!.dims).toEqual([3, 2, 64, 512]);
  });
});
