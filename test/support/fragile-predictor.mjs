// A prediction process for tests: answers after a moment, and dies at once of a picture that says POISON.
// node fragile-predictor.mjs PORT
import { createServer } from 'node:http';
import { readMessages, writeMessage } from '../../dist/src/services/predict-messages.js';

const ANSWER = JSON.stringify({
  answer: {
    predictions: [{ label: 'fine', probability: 1, top: [] }],
    timing: { queueMs: 0, batch: 1, runMs: 1 },
  },
});
createServer()
  .on('upgrade', (request, socket, head) => {
    socket.on('error', () => undefined);
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${request.headers.upgrade}\r\n\r\n`,
    );
    readMessages(socket, head, {
      begin: () => true,
      end(question) {
        if (question.includes('POISON')) setTimeout(() => process.exit(1), 20);
        else setTimeout(() => writeMessage(socket, [Buffer.from(ANSWER)]), 100);
      },
    });
  })
  .listen(Number(process.argv[2]), '127.0.0.1');
