import { availableParallelism } from 'node:os';
import { expect, test } from 'vitest';
import { isLoopback, readConfig } from '../../src/config.js';

test('with nothing set: loopback, port 8080, embedded, open to this machine only', () => {
  const config = readConfig({});
  expect(config).toMatchObject({
    host: '127.0.0.1',
    port: 8080,
    databaseUrl: null,
    queueUrl: null,
    openLoopback: true,
  });
  expect(config.threads).toBe(availableParallelism());
  expect(config.requestsPerSecond).toBe(10_000);
  expect(readConfig({ GRAFT_REQUESTS_PER_SECOND: '0' }).requestsPerSecond).toBe(0);
});

test('a loopback without keys closes when listening elsewhere or on a database of its own', () => {
  expect(readConfig({ HOST: '0.0.0.0' }).openLoopback).toBe(false);
  expect(readConfig({ DATABASE_URL: 'postgres://localhost/x' }).openLoopback).toBe(false);
  expect(readConfig({ GRAFT_OPEN_LOOPBACK: 'no' }).openLoopback).toBe(false);
  expect(readConfig({ GRAFT_EMBEDDED: 'true', DATABASE_URL: 'postgres://localhost/x' }).openLoopback).toBe(true);
  expect(readConfig({ GRAFT_EMBEDDED: 'true', HOST: '10.0.0.1' }).openLoopback).toBe(false);
});

test('every mistake is named at once, with the variable and what it takes', () => {
  const read = () =>
    readConfig({
      PORT: '80a',
      QUEUE_URL: 'localhost:6379',
      LOG_LEVEL: 'loud',
      GRAFT_EMBEDDED: 'perhaps',
      GRAFT_ENGINE: 'jax',
    });
  expect(read).toThrow(/PORT=80a: a whole number from 0 to 65535/);
  expect(read).toThrow(/QUEUE_URL: an address that starts with redis:\/\/ or rediss:\/\//);
  expect(read).toThrow(/LOG_LEVEL=loud: one of fatal/);
  expect(read).toThrow(/GRAFT_ENGINE=jax: one of auto, onnxruntime, tensorflow/);
  expect(read).toThrow(/GRAFT_EMBEDDED=perhaps: true or false/);
});

test('a wrong address is not repeated, because it may hold a password', () => {
  expect(() => readConfig({ DATABASE_URL: 'mysql://u:secret@h/x' })).toThrow(/^(?!.*secret).*DATABASE_URL/s);
});

test('the model hub: the public one, or a mirror, with a token that is never repeated, over the standard proxies', () => {
  expect(readConfig({}).hub).toEqual({ url: 'https://huggingface.co', token: null, proxy: null });
  const env = { GRAFT_HUB_URL: 'http://mirror.example/hf/', GRAFT_HUB_TOKEN: 'hf_x', https_proxy: 'proxy:3128' };
  expect(readConfig({ ...env, NO_PROXY: '.example' }).hub).toEqual({
    url: 'http://mirror.example/hf',
    token: 'hf_x',
    proxy: { https: 'http://proxy:3128', not: '.example' },
  });
  const wrong = () => readConfig({ GRAFT_HUB_URL: 'mirror.example', GRAFT_HUB_TOKEN: 'my secret' });
  expect(wrong).toThrow(/^(?!.*my secret).*GRAFT_HUB_TOKEN: letters.*GRAFT_HUB_URL: an address/s);
});

test('empty means unset', () => {
  expect(readConfig({ PORT: ' ', DATABASE_URL: '' })).toMatchObject({ port: 8080, databaseUrl: null });
});

test('loopback addresses', () => {
  for (const host of ['127.0.0.1', '127.8.9.1', '::1', 'localhost']) expect(isLoopback(host)).toBe(true);
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.evil.example', 'localhost.evil.example'])
    expect(isLoopback(host)).toBe(false);
});
