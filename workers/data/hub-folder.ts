import { GraftError } from '../../src/errors.js';
import { type ArchiveEntry, type ArchiveLimits, LIMITS, listArchive, readArchive } from './archive.js';

/** What a zipped folder of a model hub holds of use: the model file and the settings beside it. */
export interface HubFolder {
  readonly modelPath: string;
  readonly model: Buffer;
  readonly preprocessorConfig?: unknown;
  readonly config?: unknown;
}

/** Models are larger than pictures. */
const MODEL_LIMITS: ArchiveLimits = {
  ...LIMITS,
  entries: 10_000,
  entryBytes: 4 * 1024 ** 3,
  totalBytes: 8 * 1024 ** 3,
};
/** Hubs keep variants side by side; the one in float32 is what can be trained. */
const PREFERRED = [/(^|\/)onnx\/model\.onnx$/, /(^|\/)model\.onnx$/];

function modelOf(entries: readonly ArchiveEntry[]): string {
  const models = entries.map((entry) => entry.path).filter((path) => path.endsWith('.onnx'));
  for (const wanted of PREFERRED) {
    const found = models.find((path) => wanted.test(path));
    if (found !== undefined) return found;
  }
  if (models.length === 1) return models[0]!;
  const what =
    models.length === 0 ? 'has no .onnx file' : `has ${models.length} .onnx files (${models.slice(0, 5).join(', ')})`;
  throw new GraftError(
    'base-invalid',
    `The archive ${what}; expected is onnx/model.onnx or model.onnx, with config.json and preprocessor_config.json beside it.`,
  );
}

/** @throws GraftError `archive-invalid`, or `base-invalid` naming what is missing. */
export async function readHubFolder(path: string): Promise<HubFolder> {
  const { kind, entries } = await listArchive(path, MODEL_LIMITS);
  const modelPath = modelOf(entries);
  const settings = new Map<string, 'preprocessorConfig' | 'config'>();
  for (const entry of entries) {
    if (/(^|\/)preprocessor_config\.json$/.test(entry.path)) settings.set(entry.path, 'preprocessorConfig');
    else if (/(^|\/)config\.json$/.test(entry.path)) settings.set(entry.path, 'config');
  }
  let model: Buffer | null = null;
  const read: { preprocessorConfig?: unknown; config?: unknown } = {};
  for await (const file of readArchive(path, kind, new Set([modelPath, ...settings.keys()]))) {
    const setting = settings.get(file.path);
    if (setting === undefined) model = file.bytes;
    else {
      try {
        read[setting] = JSON.parse(file.bytes.toString('utf8')) as unknown;
      } catch (error) {
        throw new GraftError('base-invalid', `${file.path} is no JSON: ${(error as Error).message}`);
      }
    }
  }
  return { modelPath, model: model!, ...read };
}
