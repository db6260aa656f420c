import type { Socket } from 'node:net';
import type { Pool } from 'undici';
import { createGate } from '../gate.js';
import { MESSAGES_PATH, MESSAGES_PROTOCOL, readMessages, writeMessage } from './predict-messages.js';

/** Nothing was sent: nobody listens, or who did ended while the connection was made. */
export class NotConnected extends Error {}
/** The connection broke after the question was sent. */
export class Broken extends Error {}
/** There was no answer in `answerMs`. */
export class TimedOut extends Error {}

export interface Connections {
  /**
   * The answer to one question, over a kept connection where one is idle.
   *
   * @throws NotConnected, Broken, TimedOut, or the signal's reason; then the connection is closed, which ends the question over there.
   */
  ask(question: readonly Uint8Array[], signal?: AbortSignal): Promise<Buffer>;
  /** Over a connection of its own. */
  askAlone(question: readonly Uint8Array[], signal?: AbortSignal): Promise<Buffer>;
  /** Closes those that are idle, and the others once they are. */
  close(): void;
}
export interface ConnectionsOptions {
  readonly most: number;
  readonly answerMs: number;
  /** Less than the prediction process keeps one. */
  readonly idleMs: number;
}

interface Connection {
  ask(question: readonly Uint8Array[], signal: AbortSignal | undefined): Promise<Buffer>;
  destroy(): void;
  readonly closed: boolean;
}

/** Connections to the prediction process that `pool` leads to. */
export function predictConnections(pool: Pool, { most, answerMs, idleMs }: ConnectionsOptions): Connections {
  const gate = createGate(most);
  /** The one that was used last is at the end, and taken first. */
  const idle: Connection[] = [];
  let closing = false;

  async function opened(signal: AbortSignal | undefined): Promise<Connection> {
    const upgraded = await pool
      .upgrade({ path: MESSAGES_PATH, protocol: MESSAGES_PROTOCOL, signal: signal ?? null })
      .catch((cause: unknown) => {
        signal?.throwIfAborted();
        throw new NotConnected('not connected', { cause });
      });
    const connection = connectionOn(upgraded.socket as Socket, answerMs, idleMs, () => {
      const at = idle.indexOf(connection);
      if (at >= 0) idle.splice(at, 1);
    });
    return connection;
  }

  function ask(question: readonly Uint8Array[], signal?: AbortSignal): Promise<Buffer> {
    return gate(async () => {
      const connection = idle.pop() ?? (await opened(signal));
      const answer = await connection.ask(question, signal);
      if (closing) connection.destroy();
      else if (!connection.closed) idle.push(connection);
      return answer;
    }, signal);
  }

  async function askAlone(question: readonly Uint8Array[], signal?: AbortSignal): Promise<Buffer> {
    const connection = await opened(signal);
    return connection.ask(question, signal).finally(() => connection.destroy());
  }

  const close = () => {
    closing = true;
    for (const connection of idle.splice(0)) connection.destroy();
  };
  return { ask, askAlone, close };
}

function connectionOn(socket: Socket, answerMs: number, idleMs: number, onClose: () => void): Connection {
  let answered: ((answer: Buffer) => void) | undefined;
  let failed: ((reason: unknown) => void) | undefined;
  let cause: unknown;

  const settle = (): void => {
    answered = failed = undefined;
  };
  const fail = (reason: unknown): void => {
    failed?.(reason);
    settle();
    socket.destroy();
  };
  socket.on('error', (error) => (cause = error));
  socket.once('end', () => socket.destroy());
  socket.once('close', () => {
    onClose();
    fail(new Broken('connection lost', { cause }));
  });
  // Of an idle one, that nobody used it for so long.
  socket.on('timeout', () => fail(new TimedOut(`no answer in ${answerMs} ms`)));
  socket.setTimeout(idleMs);
  readMessages(socket, Buffer.alloc(0), {
    begin: () => true,
    end(answer) {
      const resolve = answered;
      settle();
      socket.setTimeout(idleMs);
      if (answer !== null && resolve !== undefined) resolve(answer);
      // Nothing was asked.
      else socket.destroy();
    },
  });

  return {
    ask(question, signal) {
      return new Promise((resolve, reject) => {
        if (socket.destroyed) return reject(new NotConnected('not connected', { cause }));
        const abort = () => fail(signal?.reason);
        const over = () => signal?.removeEventListener('abort', abort);
        answered = (answer) => {
          over();
          resolve(answer);
        };
        failed = (reason) => {
          over();
          reject(reason);
        };
        signal?.addEventListener('abort', abort, { once: true });
        socket.setTimeout(answerMs);
        writeMessage(socket, question);
      });
    },
    destroy: () => socket.destroy(),
    get closed() {
      return socket.destroyed;
    },
  };
}
