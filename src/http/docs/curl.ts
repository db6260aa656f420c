import { type Document, type Operation, type Placed, resolve, type Schema } from './document.js';

/** Values that make an example worth copying, by the name of the field. */
const EXAMPLES: Readonly<Record<string, unknown>> = {
  name: 'ants and bees',
  task: 'image-classification',
  dataset: 'ds_…',
  base: 'mobilenetv2',
  model: 'mdl_…',
  method: { type: 'featureExtraction' },
  hyperparameters: { seed: 1 },
  scopes: ['read', 'predict'],
  text: 'a fine film',
  label: 'positive',
};
const IDS: Readonly<Record<string, string>> = {
  datasets: 'ds_…',
  bases: 'mobilenetv2',
  jobs: 'job_…',
  models: 'mdl_…',
  keys: 'key_…',
};

function sample(document: Document, schema: Schema | undefined, name = ''): unknown {
  if (name in EXAMPLES) return EXAMPLES[name];
  const found = resolve(document, schema);
  if (found.properties !== undefined) {
    const { required = [], properties } = found;
    // A base may be left out only where the service brings one for the task.
    const wanted = [...required, ...('dataset' in properties && 'base' in properties ? ['base'] : [])];
    const names = wanted.length > 0 ? wanted : Object.keys(properties).slice(0, 1);
    return Object.fromEntries(names.map((one) => [one, sample(document, properties[one], one)]));
  }
  if (found.type === 'array') return [sample(document, found.items)];
  if (found.enum !== undefined) return found.enum[0];
  return found.type === 'integer' || found.type === 'number' ? 1 : '…';
}

/** One command that does it, with the shell's quoting; with the header for a key where requests need one. */
export function curlOf(document: Document, { method, path, operation }: Placed, keys: boolean): string {
  const [, , resource = ''] = path.split('/');
  const url = path
    .replace('{id}', IDS[resource] ?? '…')
    .replace('{name}', resource === 'models' ? 'model.onnx' : 'production');
  const lines = [
    `curl${operation.operationId === 'downloadModelFile' ? ' -O' : ''}${method === 'get' ? '' : ` -X ${method.toUpperCase()}`} $GRAFT${url}`,
  ];
  if (keys && operation.security !== undefined) lines.push(`-H "Authorization: Bearer $GRAFT_KEY"`);
  lines.push(...bodyOf(document, operation));
  return lines.join(' \\\n  ');
}

function bodyOf(document: Document, operation: Operation): string[] {
  const content = operation.requestBody?.content ?? {};
  const form = content['multipart/form-data'];
  if (form !== undefined) {
    const { properties = {}, required = [] } = resolve(document, form.schema);
    const names = Object.keys(properties)
      .filter((name) => name === 'file' || required.includes(name))
      .sort((a, b) => Number(a === 'file') - Number(b === 'file'));
    const file =
      operation.operationId === 'predict'
        ? 'photo.jpg'
        : operation.operationId === 'createBase'
          ? 'model.onnx'
          : 'photos.zip';
    const value = (name: string) =>
      operation.operationId === 'createBase' && name === 'name' ? 'mobilenetv2' : String(EXAMPLES[name] ?? '…');
    return names.map((name) => (name === 'file' ? `-F file=@${file}` : `-F '${name}=${value(name)}'`));
  }
  const json = content['application/json'];
  if (json !== undefined) return [`--json '${JSON.stringify(sample(document, json.schema))}'`];
  if (Object.keys(content).length > 0) return ["-H 'Content-Type: application/zip'", '--data-binary @photos.zip'];
  return [];
}
