import type { Socket } from 'node:net';
import { problem } from '../errors.js';
import { newId } from '../ids.js';
import { PROBLEM_TYPE } from './problems.js';

const REASONS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: 'The headers are larger than 16 KiB.',
  ERR_HTTP_REQUEST_TIMEOUT: 'The request did not arrive in time.',
};

/** The answer to bytes that are no HTTP, which no route ever sees. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const detail = REASONS[error.code ?? ''] ?? 'These bytes are no HTTP request.';
  const body = JSON.stringify({ ...problem('request-malformed', detail), requestId: newId('req') });
  socket.end(
    `HTTP/1.1 400 Bad Request\r\ncontent-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
