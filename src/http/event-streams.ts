import { PassThrough } from 'node:stream';
import { encodeCursor } from '../db/cursor.js';
import { isTerminal } from '../domain/lifecycle.js';
import type { Repositories } from '../domain/ports.js';
import type { JobEvent } from '../domain/types.js';
import { GraftError } from '../errors.js';
import type { Logger } from '../log.js';

const POLL_MS = 300;
const HEARTBEAT_MS = 15_000;
const BATCH = 200;
/** A client that reads this much slower than events come is dropped; it goes on with Last-Event-ID. */
const MOST_BUFFERED = 1024 * 1024;
const MOST_CLIENTS = 500;

interface Client {
  readonly stream: PassThrough;
  last: bigint;
  /** Whether it has all that the poller has seen. */
  live: boolean;
}
interface Poller {
  readonly clients: Set<Client>;
  last: bigint;
  timer: NodeJS.Timeout | null;
}
export interface EventStreams {
  /** The job's events after `after`, as they come; ends after the last one of a terminal job. */
  open(job: { id: string }, after: bigint): PassThrough;
  close(): void;
}

/**
 * Server-sent events from the rows that the JSON list shows. However many clients watch a job, its rows are polled once;
 * a new client first reads what it missed and then joins.
 */
export function eventStreams(deps: {
  readonly repositories: Pick<Repositories, 'jobs'>;
  readonly log: Logger;
  readonly render: (event: JobEvent) => unknown;
}): EventStreams {
  const { jobs } = deps.repositories;
  const pollers = new Map<string, Poller>();
  const all = new Set<Client>();
  const heartbeat = setInterval(() => {
    for (const { stream } of all) stream.write(': still here\n\n');
  }, HEARTBEAT_MS);
  heartbeat.unref();

  function send(client: Client, events: readonly JobEvent[]): void {
    const fresh = events.filter((event) => event.seq > client.last);
    const last = fresh.at(-1);
    if (last === undefined) return;
    client.last = last.seq;
    client.stream.write(
      fresh
        .map(
          (event) =>
            `id: ${encodeCursor(event.seq)}\nevent: ${event.type}\ndata: ${JSON.stringify(deps.render(event))}\n\n`,
        )
        .join(''),
    );
    if (client.stream.writableLength + client.stream.readableLength > MOST_BUFFERED) client.stream.destroy();
  }

  async function poll(jobId: string, poller: Poller): Promise<void> {
    // The state is read first: a terminal one and its event came in one transaction, so the events then read are all.
    const job = await jobs.byId(jobId);
    for (;;) {
      const events = await jobs.events(jobId, poller.last, BATCH);
      poller.last = events.at(-1)?.seq ?? poller.last;
      for (const client of poller.clients) if (client.live) send(client, events);
      if (events.length < BATCH) break;
    }
    if (job === null || isTerminal(job.state))
      for (const client of poller.clients) if (client.live) client.stream.end();
  }

  function schedule(jobId: string, poller: Poller): void {
    poller.timer = setTimeout(() => {
      poll(jobId, poller)
        .catch((error: unknown) => deps.log.warn({ err: error, job: jobId }, 'events cannot be read; trying again'))
        .finally(() => {
          if (poller.clients.size > 0) schedule(jobId, poller);
          else pollers.delete(jobId);
        });
    }, POLL_MS);
  }

  async function join(jobId: string, client: Client): Promise<void> {
    for (;;) {
      const events = await jobs.events(jobId, client.last, BATCH);
      send(client, events);
      if (client.stream.destroyed) return;
      if (events.length === BATCH) continue;
      let poller = pollers.get(jobId);
      if (poller !== undefined && poller.last > client.last) continue;
      // No await from here on: nothing can be polled between being up to date and being live.
      if (poller === undefined) {
        poller = { clients: new Set(), last: client.last, timer: null };
        pollers.set(jobId, poller);
        schedule(jobId, poller);
      }
      client.live = true;
      poller.clients.add(client);
      return;
    }
  }

  return {
    open({ id }, after) {
      if (all.size >= MOST_CLIENTS) {
        throw new GraftError(
          'overloaded',
          `${MOST_CLIENTS} event streams are open. Close some, or read the JSON list.`,
          { retryAfter: 10 },
        );
      }
      const client: Client = { stream: new PassThrough(), last: after, live: false };
      all.add(client);
      client.stream.once('close', () => {
        all.delete(client);
        pollers.get(id)?.clients.delete(client);
      });
      // An error here is the client's going away.
      client.stream.on('error', () => {});
      client.stream.write('retry: 1000\n\n');
      join(id, client).catch((error: unknown) => {
        deps.log.warn({ err: error, job: id }, 'an event stream ended early');
        client.stream.destroy();
      });
      return client.stream;
    },
    close() {
      clearInterval(heartbeat);
      for (const { stream } of all) stream.end();
      for (const poller of pollers.values()) if (poller.timer !== null) clearTimeout(poller.timer);
    },
  };
}
