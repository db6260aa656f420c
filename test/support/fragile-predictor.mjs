// A prediction process for tests: answers after a moment, and dies at once of a picture that says POISON.
// node fragile-predictor.mjs PORT
import { createServer } from 'node:http';
import { acceptMessages, readMessages, writeMessage } from '../../dist/src/services/predict-messages.js';

const ANSWER = JSON.stringify({
  answer: {
    predictions: [{ label: 'fine', probability: 1, top: [] }],
    timing: { queueMs: 0, batch: 1, runMs: 1 },
  },
});
createServer()
  .on('upgrade', (_request, socket, head) => {
    socket.on('error', () => undefined);
    acceptMessages(socket);
    readMessages(socket, head, {
      begin: () => true,
      end(question) {
        if (question.includes('POISON')) setTimeout(() => process.exit(1), 20);
        else setTimeout(() => writeMessage(socket, [Buffer.from(ANSWER)]), 100);
      },
    });
  })
  .listen(Number(process.argv[2]), '127.0.0.1');
