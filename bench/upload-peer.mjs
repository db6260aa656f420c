// What an upload cannot be faster than: a bare Node server that writes each body to a file while it hashes it.
//   node upload-peer.mjs <folder>      prints its port
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

const folder = process.argv[2];
let number = 0;
const server = createServer(async (request, response) => {
  const path = join(folder, `peer-${number++}`);
  const hash = createHash('sha256');
  const hashed = new Transform({
    transform(chunk, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(request, hashed, createWriteStream(path));
  response.end(hash.digest('hex'));
  await rm(path);
});
server.requestTimeout = 0;
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
