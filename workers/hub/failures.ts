import type { HubConfig } from '../../src/config.js';
import { GraftError } from '../../src/errors.js';

/** What was asked of the hub, for words. */
export interface Asked {
  readonly hub: string;
  readonly revision: string;
}

const hostOf = ({ url }: HubConfig): string => new URL(url).host;
const TOKEN = 'GRAFT_HUB_TOKEN';

/**
 * What an answer that is no success means. The hub says why in the header `X-Error-Code`; it answers 401 alike for what is
 * private and for what is not there, so that nobody learns of private models (as `hf_raise_for_status` of huggingface_hub
 * explains).
 */
export function refusal(config: HubConfig, asked: Asked, response: Response): GraftError {
  const { status, headers } = response;
  const code = headers.get('x-error-code');
  const host = hostOf(config);
  const { hub, revision } = asked;
  if (code === 'GatedRepo')
    return new GraftError(
      'hub-denied',
      `'${hub}' on ${host} is gated: its owner must let you in. Accept its terms on ${config.url}/${hub}, then set ${TOKEN} to a token of that account${config.token === null ? '' : ' (the one that is set does not open it)'} and start the service again.`,
    );
  if (status === 401 || status === 403)
    return new GraftError(
      'hub-denied',
      config.token === null
        ? `${host} shows no model '${hub}' without a token: there is none, or it is private. Check its name; for a private model set ${TOKEN} to a token that may read it and start the service again.`
        : `${host} does not show '${hub}' to the token in ${TOKEN}: the token is wrong or may not read it, or there is no such model.`,
    );
  if (code === 'RevisionNotFound')
    return new GraftError(
      'hub-not-found',
      `'${hub}' on ${host} has no revision '${revision}'. Give a branch, a tag or a commit of it.`,
    );
  if (status === 404)
    return new GraftError(
      'hub-not-found',
      code === 'EntryNotFound'
        ? `A file of '${hub}' at '${revision}' is on ${host} no more.`
        : `There is no model '${hub}' on ${host}. Check its name: it is 'org/name' as in the address of its page.`,
    );
  if (status === 429 || status >= 500) {
    const after = Number(headers.get('retry-after'));
    const retryAfter = Number.isFinite(after) && after > 0 ? { retryAfter: after } : {};
    return new GraftError('hub-unreachable', `${host} answers with status ${status}.`, retryAfter);
  }
  return new GraftError(
    'hub-denied',
    `${host} answers with status ${status} when asked for '${hub}' at '${revision}'.`,
  );
}

/** No answer, or one that broke off. */
export function unreachable(config: HubConfig, error: unknown): GraftError {
  const why = innermost(error);
  const code = (why as { code?: string }).code;
  const words = NETWORK[code ?? ''] ?? `${why.message}${code === undefined ? '' : ` (${code})`}`;
  const proxy = config.proxy === null ? 'set HTTPS_PROXY where one is needed' : 'a proxy is set';
  return new GraftError(
    'hub-unreachable',
    `No answer from the model hub ${hostOf(config)}: ${words}. Check that this machine reaches it (${proxy}), set GRAFT_HUB_URL to a mirror that it reaches, or upload the base as a file.`,
    { cause: error },
  );
}

const NETWORK: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name cannot be resolved (ENOTFOUND)',
  EAI_AGAIN: 'no name server answers (EAI_AGAIN)',
  ECONNREFUSED: 'the connection is refused (ECONNREFUSED)',
  ECONNRESET: 'the connection was cut (ECONNRESET)',
  UND_ERR_SOCKET: 'the connection was cut',
  UND_ERR_CONNECT_TIMEOUT: 'it cannot be connected to in time',
  UND_ERR_HEADERS_TIMEOUT: 'it took the request and said nothing',
  UND_ERR_BODY_TIMEOUT: 'it stopped sending in the middle',
};

/** What lies at the bottom of "fetch failed"; of several addresses that were tried, the first. */
function innermost(error: unknown): Error {
  let at = error instanceof Error ? error : new Error(String(error));
  for (;;) {
    const below = at instanceof AggregateError ? (at.errors as unknown[])[0] : at.cause;
    if (!(below instanceof Error)) return at;
    at = below;
  }
}
