import { type Document, refName, resolve, type Schema } from './document.js';

export function safe(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
/** The little Markdown that descriptions use: paragraphs and `code`. */
export function prose(text: string | undefined): string {
  if (text === undefined || text === '') return '';
  return text
    .split(/\n{2,}/)
    .map((paragraph) => `<p>${inline(paragraph)}</p>`)
    .join('');
}
export function inline(text: string): string {
  return safe(text).replace(/`([^`]+)`/g, '<code>$1</code>');
}

/** A schema's type in a few words, with links to named ones. */
export function typeOf(schema: Schema | undefined): string {
  if (schema === undefined) return '';
  if (schema.$ref !== undefined) {
    const name = refName(schema.$ref);
    return `<a href="#schema-${safe(name)}">${safe(name)}</a>`;
  }
  if (schema.const !== undefined) return `<code>${safe(JSON.stringify(schema.const))}</code>`;
  if (schema.enum !== undefined) return schema.enum.map((value) => `<code>${safe(String(value))}</code>`).join(' ');
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(' or ');
  if (schema.type === 'array') return `list of ${typeOf(schema.items)}`;
  if (schema.format === 'binary') return 'bytes';
  if (schema.type === 'object' && typeof schema.additionalProperties === 'object') {
    return `names to ${typeOf(schema.additionalProperties)}`;
  }
  const types = [schema.type ?? 'anything'].flat().join(' or ');
  return safe(schema.format === undefined ? types : `${types} (${schema.format})`);
}

function limits({ minimum, maximum, default: fallback }: Schema): string {
  const parts = [
    minimum !== undefined && maximum !== undefined
      ? `${minimum} to ${maximum}`
      : minimum !== undefined
        ? `${minimum} or more`
        : '',
    fallback === undefined ? '' : `default ${JSON.stringify(fallback)}`,
  ];
  return parts
    .filter(Boolean)
    .map((part) => `<span class="limit">${safe(part)}</span>`)
    .join(' ');
}

export function fieldRow(name: string, schema: Schema | undefined, required: boolean, note = ''): string {
  const description = schema?.description === undefined ? '' : `<div class="note">${inline(schema.description)}</div>`;
  return `<tr><td><code>${safe(name)}</code>${required ? '' : '<span class="optional">optional</span>'}</td><td>${typeOf(schema)} ${limits(schema ?? {})}${description}${note}</td></tr>`;
}
export function fields(document: Document, schema: Schema | undefined): string {
  const { properties, required = [] } = resolve(document, schema);
  if (properties === undefined) return '';
  const rows = Object.entries(properties).map(([name, one]) => fieldRow(name, one, required.includes(name)));
  return `<table>${rows.join('')}</table>`;
}
