import { connect, createServer } from 'node:net';

export interface Broker<T> {
  readonly port: number;
  /** What was made, or is being made; null while nobody has asked. */
  made(): Promise<T> | null;
  close(): void;
}

/** A loopback port that answers every asker with the one thing that `make` makes, started when it is first asked for. */
export async function startBroker<T>(make: () => Promise<T>): Promise<Broker<T>> {
  let making: Promise<T> | null = null;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    making ??= make();
    making.then(
      (answer) => socket.end(JSON.stringify({ answer })),
      (error: Error) => socket.end(JSON.stringify({ error: error.message })),
    );
  });
  await new Promise<void>((done, fail) => server.once('error', fail).listen(0, '127.0.0.1', done));
  return {
    port: (server.address() as { port: number }).port,
    made: () => making,
    close: () => server.close(),
  };
}

/** What the broker of `port` made; throws what it threw. */
export async function askBroker<T>(port: number): Promise<T> {
  let text = '';
  for await (const chunk of connect(port, '127.0.0.1')) text += String(chunk);
  const { answer, error } = JSON.parse(text) as { answer?: T; error?: string };
  if (answer === undefined) throw new Error(error ?? 'The broker did not answer.');
  return answer;
}
