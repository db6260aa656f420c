import { expect, test } from 'vitest';
import { wrongHub, wrongRevision } from '../../../src/services/hub-bases.js';
import { type HubFile, neededFiles } from '../../../workers/hub/files.js';

const source = { hub: 'org/net', revision: 'main', commit: 'c0ffee', license: null };
const file = (path: string, bytes = 10): HubFile => ({ path, bytes, digest: { kind: 'git', hex: '' } });
const needed = (paths: readonly string[], weights: readonly string[] = []) => {
  const files = paths.map((path) => file(path));
  return neededFiles(files, source, 1000, weights).all.map(({ path }) => path);
};

test('of a repository the model in float32, its settings and its tokenizer are needed, and nothing else', () => {
  const files = [
    ...['README.md', 'config.json', 'model.safetensors', 'pytorch_model.bin', 'tokenizer.json', 'vocab.txt'],
    ...['1_Pooling/config.json', '2_Dense/config.json', 'openvino/config.json', 'special_tokens_map.json'],
    ...['onnx/model.onnx', 'onnx/model_quantized.onnx', 'model.onnx', 'tokenizer_config.json'],
  ];
  expect(needed(files).sort()).toEqual([
    ...['1_Pooling/config.json', 'config.json', 'onnx/model.onnx', 'special_tokens_map.json'],
    ...['tokenizer.json', 'tokenizer_config.json', 'vocab.txt'],
  ]);
});

test('settings in the folder of the model come before those above it', () => {
  expect(needed(['config.json', 'onnx/config.json', 'onnx/model.onnx'])).toEqual([
    'onnx/config.json',
    'onnx/model.onnx',
  ]);
});

test('a single model of any name is taken, with the weights that it names and that lie beside it', () => {
  const files = ['a/net.onnx', 'a/net.onnx_data', 'a/net.onnx.data', 'net.onnx_data', 'a/other.bin'];
  expect(needed(files)).toEqual(['a/net.onnx']);
  expect(needed(files, ['net.onnx_data', 'other.bin'])).toEqual(['a/net.onnx', 'a/net.onnx_data', 'a/other.bin']);
});

test('no model, many models, and too much of one are refused in words', () => {
  expect(() => needed(['model.safetensors'])).toThrow(
    /'org\/net' at c0ffee has no \.onnx file.*optimum-cli export onnx --model org\/net/,
  );
  expect(() => needed(['a.onnx', 'b.onnx'])).toThrow(/has 2 \.onnx files \(a\.onnx, b\.onnx\)/);
  expect(() => neededFiles([file('model.onnx', 1001)], source, 1000)).toThrow(/1001 bytes.*GRAFT_MAX_UPLOAD_MB/);
  const split = [file('net.onnx', 1), file('net.onnx_data', 1000)];
  expect(() => neededFiles(split, source, 1000, ['net.onnx_data'])).toThrow(/1001 bytes.*GRAFT_MAX_UPLOAD_MB/);
  expect(() => needed(['onnx/model.onnx', 'weights'], ['weights'])).toThrow(
    "'org/net' at c0ffee does not have 'onnx/weights', where onnx/model.onnx keeps weights.",
  );
});

test('a path that climbs is never taken', () => {
  expect(needed(['../model.onnx', 'a/../model.onnx', '/model.onnx', 'net.onnx'])).toEqual(['net.onnx']);
});

test.each(['org/name', 'sentence-transformers/all-MiniLM-L6-v2', 'a/b.c_d-e'])('%s names a repository', (hub) => {
  expect(wrongHub(hub)).toBeNull();
});
test.each([
  ...['name', 'org/name/x', 'org/', '/name', '../name', 'org/..', 'org/a..b', 'org/a--b', 'org/name.git', 'org/na me'],
  ...['org/name?x=1', 'org/name#x', 'https://host/name', 'org/%2e%2e', 'org@host/name', 'org/näme', ''],
])('%j names none', (hub) => {
  expect(wrongHub(hub)).toContain("'org/name'");
});
test.each(['main', 'v1.0', 'refs/pr/1', 'feature/x', 'a'.repeat(40)])('%s is a revision', (revision) => {
  expect(wrongRevision(revision)).toBeNull();
});
test.each(['', '../x', 'a..b', '/main', 'main/', 'a//b', 'a b', 'a?b', 'a%2fb', '-x'])('%j is none', (revision) => {
  expect(wrongRevision(revision)).toContain('a branch, a tag or a commit');
});
