import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import supertest from 'supertest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { predictClient } from '../../../src/services/predict-client.js';
import { acceptMessages, writeMessage } from '../../../src/services/predict-messages.js';
import { type TestService, testService } from '../../support/http.js';
import { bringTo, ground, newJob, newModel } from '../../support/records.js';

/** A prediction process that takes its time: what the API does with its connection to it can be seen from here. */
const process = createServer();
let service: TestService;
let model: string;
let client: ReturnType<typeof predictClient>;
beforeAll(async () => {
  process.listen(0, '127.0.0.1');
  await once(process, 'listening');
  client = predictClient({ predictUrl: `http://127.0.0.1:${(process.address() as AddressInfo).port}` });
  service = await testService({ predictor: client });
  const job = newJob(await ground(service.repos));
  await bringTo(service.repos, job, 'publishing');
  const draft = newModel(job);
  await service.repos.jobs.publish({ jobId: job.id, attempt: 1 }, draft, {});
  model = draft.id;
});
afterAll(async () => {
  await service.close();
  await client.close();
  process.close();
});

/** The connection on which the API asks, once the whole question is there. */
async function asked(): Promise<Socket> {
  const [, socket] = (await once(process, 'upgrade')) as [IncomingMessage, Socket];
  acceptMessages(socket);
  await once(socket, 'data');
  // An upgraded one is left open when the other side has ended.
  socket.resume().once('end', () => socket.destroy());
  return socket;
}
const predict = (signal?: AbortSignal) =>
  fetch(`${service.url}/v1/models/${model}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'image/jpeg' },
    body: new Uint8Array(2000),
    ...(signal === undefined ? {} : { signal }),
  });

it('ends a prediction whose caller goes away, and no other', async () => {
  const answer = { predictions: [{ label: 'ants', probability: 1, top: [] }], timing: {} };
  const stays = predict();
  const kept = await asked();
  const leaving = new AbortController();
  const gone = predict(leaving.signal);
  const dropped = await asked();
  const closed = once(dropped, 'close');
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect([kept.destroyed, dropped.destroyed]).toEqual([false, false]);
  leaving.abort();
  await expect(gone).rejects.toThrow(/abort/);
  await closed;
  expect(kept.destroyed).toBe(false);
  writeMessage(kept, [Buffer.from(JSON.stringify({ answer }))]);
  expect((await stays).status).toBe(200);
  await supertest(service.url).get('/healthz').expect(200);
});
