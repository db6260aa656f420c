import type { Socket } from 'node:net';

/**
 * How the API and a prediction process talk: after `GET /predict` with `Upgrade: graft-predict` a connection carries messages, a
 * question and its answer and then the next question. Each is a `u32` length (big endian) and so many bytes. HTTP's parsers and
 * streams on both sides of every prediction would take as long as all else the API does for it.
 */
export const MESSAGES_PATH = '/predict';
export const MESSAGES_PROTOCOL = 'graft-predict';

const LENGTH_BYTES = 4;

/** Agrees to an upgrade. */
export function acceptMessages(socket: Socket): void {
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${MESSAGES_PROTOCOL}\r\n\r\n`);
}

/** One message of `parts`, which are not copied. */
export function writeMessage(socket: Socket, parts: readonly Uint8Array[]): void {
  const length = Buffer.allocUnsafe(LENGTH_BYTES);
  length.writeUInt32BE(parts.reduce((sum, part) => sum + part.byteLength, 0));
  socket.cork();
  socket.write(length);
  for (const part of parts) socket.write(part);
  socket.uncork();
}

export interface MessageReader {
  /** A message of so many bytes begins; false: it is read past, and its end has null for it. */
  begin(length: number): boolean;
  end(message: Buffer | null): void;
}

/** Calls `reader` for each message that comes, `head` being what of them was read already. */
export function readMessages(socket: Socket, head: Buffer, reader: MessageReader): void {
  const prefix = Buffer.alloc(LENGTH_BYTES);
  /** Bytes of the prefix, and once that is whole, of the message. */
  let have = 0;
  let length = -1;
  let message: Buffer | null = null;

  const take = (chunk: Buffer): void => {
    for (let at = 0; at < chunk.length; ) {
      if (length < 0) {
        const taken = chunk.copy(prefix, have, at, at + LENGTH_BYTES - have);
        at += taken;
        have += taken;
        if (have < LENGTH_BYTES) return;
        length = prefix.readUInt32BE(0);
        have = 0;
        message = reader.begin(length) ? Buffer.allocUnsafeSlow(length) : null;
      }
      const taken = Math.min(chunk.length - at, length - have);
      if (message !== null) chunk.copy(message, have, at, at + taken);
      at += taken;
      have += taken;
      if (have < length) return;
      const whole = message;
      [have, length, message] = [0, -1, null];
      reader.end(whole);
    }
  };
  if (head.length > 0) take(head);
  socket.on('data', take);
}
