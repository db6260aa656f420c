import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { dataPath } from './onnx.js';

export const NODE_TESTS = 'onnx-node-tests/onnx-backend-tests-6be0677f.tar.gz';

/** One case of the official ONNX backend tests: a model and what its inputs must give. */
export interface NodeTest {
  readonly name: string;
  readonly model: Uint8Array;
  readonly inputs: readonly Uint8Array[];
  readonly outputs: readonly Uint8Array[];
}

/** Reads the cases under `folder` (node, pytorch-operator, …) out of the archive; only the first data set of each. */
export async function nodeTests(folder = 'node'): Promise<readonly NodeTest[]> {
  const files = new Map<string, Map<string, Uint8Array>>();
  const stream = createReadStream(dataPath(NODE_TESTS)).pipe(createGunzip()).pipe(extract());
  for await (const entry of stream) {
    const [, name, file] =
      new RegExp(`/data/${folder}/([^/]+)/(model\\.onnx|test_data_set_0/.+\\.pb)$`).exec(entry.header.name) ?? [];
    if (!name || !file) {
      entry.resume();
      continue;
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry) chunks.push(chunk as Uint8Array);
    files.set(name, (files.get(name) ?? new Map()).set(file, Buffer.concat(chunks)));
  }
  const series = (all: Map<string, Uint8Array>, kind: string): Uint8Array[] => {
    const list: Uint8Array[] = [];
    for (let i = 0; ; i++) {
      const bytes = all.get(`test_data_set_0/${kind}_${i}.pb`);
      if (!bytes) return list;
      list.push(bytes);
    }
  };
  return [...files].flatMap(([name, all]) => {
    const model = all.get('model.onnx');
    return model ? [{ name, model, inputs: series(all, 'input'), outputs: series(all, 'output') }] : [];
  });
}
