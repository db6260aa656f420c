import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { Readable } from 'node:stream';

export interface UploadOptions {
  /** Called as bytes leave, with sent and total. */
  readonly progress?: (sent: number, total: number) => void;
  readonly signal?: AbortSignal;
  /** Name of the file as the server sees it. */
  readonly filename?: string;
}

/** A multipart body (RFC 7578) of fields and one file, streamed from the disk with its length known beforehand. */
export async function multipart(
  fields: Readonly<Record<string, string>>,
  file: string,
  options: UploadOptions = {},
): Promise<{ body: ReadableStream; headers: Record<string, string> }> {
  const boundary = `graft-${randomUUID()}`;
  const parts = Object.entries(fields).map(
    ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const filename = (options.filename ?? basename(file)).replace(/["\r\n]/g, '_');
  const head = Buffer.from(
    `${parts.join('')}--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${filename}"\r\nContent-Type: application/octet-stream\r\n\r\n`,
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  const { size } = await stat(file);
  async function* bytes(): AsyncGenerator<Uint8Array> {
    yield head;
    let sent = 0;
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 18 })) {
      yield chunk as Buffer;
      sent += (chunk as Buffer).length;
      options.progress?.(sent, size);
    }
    yield tail;
  }
  return {
    body: Readable.toWeb(Readable.from(bytes(), { objectMode: false })) as ReadableStream,
    headers: {
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': String(head.length + size + tail.length),
    },
  };
}
