// A prediction process for tests: answers after a moment, and dies at once of a picture that says POISON.
// node fragile-predictor.mjs PORT
import { createServer } from 'node:http';

const ANSWER = JSON.stringify({
  predictions: [{ label: 'fine', probability: 1, top: [] }],
  timing: { queueMs: 0, batch: 1, runMs: 1 },
});
createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    if (Buffer.concat(chunks).includes('POISON')) setTimeout(() => process.exit(1), 20);
    else setTimeout(() => response.writeHead(200, { 'content-type': 'application/json' }).end(ANSWER), 100);
  });
}).listen(Number(process.argv[2]), '127.0.0.1');
