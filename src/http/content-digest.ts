import { GraftError } from '../errors.js';

/** `sha256:<hex>` from `Repr-Digest` or `Content-Digest` (RFC 9530); null where none is sent. */
export function announcedDigest(headers: Readonly<Record<string, string | string[] | undefined>>): string | null {
  const name = headers['repr-digest'] !== undefined ? 'repr-digest' : 'content-digest';
  const value = headers[name];
  if (value === undefined) return null;
  const encoded = /(?:^|[,\s])sha-256=:([A-Za-z0-9+/]{43}=):/.exec([value].flat().join(','))?.[1];
  if (encoded === undefined) {
    throw new GraftError('request-invalid', `The header ${name} must read \`sha-256=:<base64 of the 32 bytes>:\`.`, {
      errors: [{ path: name, code: 'digest-unreadable', detail: 'sha-256 is the algorithm that is checked here' }],
    });
  }
  return `sha256:${Buffer.from(encoded, 'base64').toString('hex')}`;
}
