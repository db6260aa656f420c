import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { expect, it } from 'vitest';
import { readMessages, writeMessage } from '../../../src/services/predict-messages.js';

/** What `write` puts on the wire. */
function wire(write: (socket: Socket) => void): Buffer {
  const chunks: Buffer[] = [];
  const socket = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  write(socket as Socket);
  return Buffer.concat(chunks);
}

/** What is read of `bytes` that come in pieces of `size`, the first of them before anyone listens. */
async function read(bytes: Buffer, size: number, most: number): Promise<readonly (string | number | null)[]> {
  const found: (string | number | null)[] = [];
  const socket = new Duplex({ read() {}, write() {} });
  readMessages(socket as Socket, bytes.subarray(0, size), {
    begin(length) {
      found.push(length);
      return length <= most;
    },
    end: (message) => found.push(message === null ? null : message.toString()),
  });
  for (let at = size; at < bytes.length; at += size) socket.push(bytes.subarray(at, at + size));
  socket.push(null);
  await new Promise((resolve) => socket.once('end', resolve));
  return found;
}

it('messages come back whole, however they are cut on the way', async () => {
  const messages = ['one', '', 'a longer message', 'x'.repeat(300), '', 'end'];
  const bytes = wire((socket) => {
    for (const message of messages) writeMessage(socket, [Buffer.from(message)]);
  });
  const all = messages.flatMap((message) => [message.length, message]);
  for (const size of [1, 2, 3, 4, 5, 7, 16, 64, 311, bytes.length, bytes.length + 1])
    expect(await read(bytes, size, 1000), `pieces of ${size}`).toEqual(all);
});

it('the parts of a message are one', async () => {
  const bytes = wire((socket) =>
    writeMessage(
      socket,
      ['a', '', 'bc'].map((part) => Buffer.from(part)),
    ),
  );
  expect([...bytes]).toEqual([0, 0, 0, 3, 97, 98, 99]);
});

it('one that is not taken is read past', async () => {
  const bytes = wire((socket) => {
    for (const message of ['ab', 'too long', 'c']) writeMessage(socket, [Buffer.from(message)]);
  });
  for (const size of [1, 5, 100]) expect(await read(bytes, size, 2)).toEqual([2, 'ab', 8, null, 1, 'c']);
});
