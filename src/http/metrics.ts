import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { JOB_STATES } from '../domain/lifecycle.js';
import type { AppDeps } from './deps.js';

export interface Metrics {
  /** The Prometheus text of everything measured, asked anew. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** How long a part is waited for while metrics are read: a scrape must not hang with it. */
const PATIENCE_MS = 2_000;
/** The event loop is woken so often for its lag to be measured; the usual 10 ms cost an idle process 1 % of a core. */
const LAG_EVERY_MS = 100;

/** Measures every answer by route (its template, not its address, so that ids make no series). */
export function registerMetrics(
  app: FastifyInstance,
  deps: Pick<AppDeps, 'jobCounts' | 'predictor' | 'checks'>,
): Metrics {
  const register = new Registry();
  collectDefaultMetrics({ register, prefix: 'graft_api_', eventLoopMonitoringPrecision: LAG_EVERY_MS });
  const duration = new Histogram({
    name: 'graft_http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 120],
    registers: [register],
  });
  const jobs = new Gauge({
    name: 'graft_jobs',
    help: 'Jobs by state.',
    labelNames: ['state'],
    registers: [register],
    collect: async () => {
      const counts = await soon(deps.jobCounts());
      for (const state of JOB_STATES) jobs.set({ state }, counts?.[state] ?? (counts === null ? Number.NaN : 0));
    },
  });
  const up = new Gauge({
    name: 'graft_up',
    help: 'Whether a part answers: 1 or 0.',
    labelNames: ['part'],
    registers: [register],
    collect: async () => {
      const parts = Object.entries(deps.checks).map(async ([part, check]) => {
        const answered = await soon(check().then(() => true));
        up.set({ part }, answered === true ? 1 : 0);
      });
      await Promise.all(parts);
    },
  });
  const prediction = new Gauge({
    name: 'graft_prediction',
    help: 'Counters of the prediction process, by name.',
    labelNames: ['name'],
    registers: [register],
    collect: async () => {
      prediction.reset();
      const stats = await soon(deps.predictor.stats());
      for (const [name, value] of Object.entries(stats ?? {})) prediction.set({ name }, value);
    },
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = request.is404 ? 'none' : (request.routeOptions.url ?? 'none');
    duration.observe({ method: request.method, route, status: String(reply.statusCode) }, reply.elapsedTime / 1000);
  });
  return { text: () => register.metrics(), contentType: register.contentType };
}

/** null when it fails or takes too long. */
async function soon<T>(work: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), PATIENCE_MS);
  });
  try {
    return await Promise.race([work.catch(() => null), late]);
  } finally {
    clearTimeout(timer);
  }
}
