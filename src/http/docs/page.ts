import { createHash } from 'node:crypto';
import { curlOf } from './curl.js';
import { type Document, operationsOf, type Placed } from './document.js';
import { fieldRow, fields, inline, prose, safe, typeOf } from './html.js';
import { SCRIPT, STYLE } from './style.js';

export interface DocsPage {
  readonly html: string;
  /** Content-Security-Policy that lets this page's own style and script run and nothing else. */
  readonly policy: string;
}

function words({ method, path, operation }: Placed): string {
  const { summary = '', description = '', operationId } = operation;
  return safe(`${method} ${path} ${operationId} ${summary} ${description}`.toLowerCase());
}
function badge(method: string): string {
  return `<span class="method ${method}">${method === 'delete' ? 'del' : method}</span>`;
}

function article(document: Document, placed: Placed, keys: boolean): string {
  const { method, path, operation } = placed;
  const { operationId, summary, description, parameters = [], requestBody, responses, security } = operation;
  const scope = security?.[0]?.apiKey?.[0];
  const table = parameters.map((one) =>
    fieldRow(
      one.name,
      { ...one.schema, ...(one.description === undefined ? {} : { description: one.description }) },
      one.required === true,
      one.in === 'header' ? '<div class="note">header</div>' : '',
    ),
  );
  const bodies = Object.entries(requestBody?.content ?? {});
  const shaped = bodies.filter(([, { schema }]) => schema?.format !== 'binary');
  const raw = bodies
    .filter(([, { schema }]) => schema?.format === 'binary')
    .map(([type]) => `<code>${safe(type)}</code>`);
  const body = [
    ...shaped.map(
      ([type, { schema }]) =>
        `<h4>Body <span class="exact">${safe(type)} ${schema?.$ref === undefined ? '' : typeOf(schema)}</span></h4>${fields(document, schema)}`,
    ),
    raw.length === 0 ? '' : `<h4>Body: raw bytes</h4><p>${raw.join(' ')}</p>`,
  ].join('');
  const rows = Object.entries(responses).map(([status, answer]) => {
    const [type, media] = Object.entries(answer.content ?? {})[0] ?? [];
    const what =
      media?.schema?.$ref === undefined
        ? type === undefined
          ? ''
          : `<code>${safe(type)}</code>`
        : typeOf(media.schema);
    return `<tr><td><code>${status}</code></td><td>${what} <span class="note">${inline(answer.description === 'Default Response' ? '' : (answer.description ?? ''))}</span></td></tr>`;
  });
  const good = rows.filter((_, index) => Number(Object.keys(responses)[index]) < 400).join('');
  const bad = rows.filter((_, index) => Number(Object.keys(responses)[index]) >= 400).join('');
  return `<article id="${safe(operationId)}" data-words="${words(placed)}" data-in="${safe(operation.tags?.[0] ?? '')}">
<h3>${badge(method)}<span class="path">${safe(path)}</span><span class="scope">${scope === undefined ? 'no key needed' : `scope <code>${safe(scope)}</code>`}</span></h3>
<p class="summary">${inline(summary ?? '')}</p>${prose(description)}
<div class="curl"><button type="button">copy</button><pre>${safe(curlOf(document, placed, keys))}</pre></div>
${table.length === 0 ? '' : `<h4>Parameters</h4><table>${table.join('')}</table>`}${body}
<h4>Answer</h4><table>${good}</table>${bad === '' ? '' : `<details><summary>Failures</summary><table>${bad}</table></details>`}
</article>`;
}

/** From a folder of photos to a prediction. */
const FIRST_STEPS = ['createBase', 'createDataset', 'createJob', 'getJob', 'predict'];

function firstSteps(document: Document, operations: readonly Placed[], keys: boolean): string {
  const steps = FIRST_STEPS.flatMap((id) => operations.find(({ operation }) => operation.operationId === id) ?? []);
  const items = steps.map(
    (placed) =>
      `<li><a href="#${safe(placed.operation.operationId)}">${safe(placed.operation.summary ?? '')}</a><div class="curl"><button type="button">copy</button><pre>${safe(curlOf(document, placed, keys))}</pre></div></li>`,
  );
  const access = keys
    ? 'Every request needs an API key: put yours into <code>GRAFT_KEY</code> first.'
    : 'Requests from this machine need no API key.';
  return `<h2 id="first-steps">First steps</h2><p class="lead">${access} Bases, datasets and jobs are made at once and worked on after that: ask for them until their state is <code>ready</code> or <code>succeeded</code>.</p><ol class="steps">${items.join('')}</ol>`;
}

/** The whole reference as one page that fetches nothing. `keys`: whether requests from this machine need one. */
export function docsPage(document: Document, { keys }: { readonly keys: boolean }): DocsPage {
  const operations = operationsOf(document);
  const groups = document.tags.map((tag) => ({
    ...tag,
    operations: operations.filter(({ operation }) => operation.tags?.[0] === tag.name),
  }));
  const nav = groups.map(({ name, operations: own }) => {
    const links = own.map(
      (placed) =>
        `<li data-words="${words(placed)}" data-in="${safe(name)}"><a href="#${safe(placed.operation.operationId)}">${badge(placed.method)}<span>${safe(placed.operation.summary ?? placed.path)}</span></a></li>`,
    );
    return `<div data-group="${safe(name)}"><h2>${safe(name)}</h2><ul>${links.join('')}</ul></div>`;
  });
  const sections = groups.map(
    ({ name, description, operations: own }) =>
      `<h2 data-group="${safe(name)}">${safe(name)}</h2><p class="lead" data-group="${safe(name)}">${inline(description ?? '')}</p>${own.map((placed) => article(document, placed, keys)).join('')}`,
  );
  const schemas = Object.entries(document.components.schemas)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([name, schema]) =>
        `<article id="schema-${safe(name)}" data-words="${safe(name.toLowerCase())} ${safe(
          Object.keys(schema.properties ?? {})
            .join(' ')
            .toLowerCase(),
        )}" data-in="objects"><h3>${safe(name)}</h3>${prose(schema.description)}${fields(document, schema) || `<p>${typeOf(schema)}</p>`}</article>`,
    );
  const { title, version, description } = document.info;
  const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${safe(title)} reference</title><style>${STYLE}</style></head>
<body><nav><h1>${safe(title)}</h1><span class="version">${safe(version)} · <a href="/openapi.yaml">openapi.yaml</a></span><input type="search" placeholder="Search ( / )" aria-label="Search">${nav.join('')}</nav>
<main>${prose(description)}<section id="start">${firstSteps(document, operations, keys)}</section><p class="none hidden">Nothing found.</p>${sections.join('')}<h2 data-group="objects">Objects</h2>${schemas.join('')}</main><script>${SCRIPT}</script></body></html>`;
  const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  const policy = `default-src 'none'; style-src ${hash(STYLE)}; script-src ${hash(SCRIPT)}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
  return { html, policy };
}
