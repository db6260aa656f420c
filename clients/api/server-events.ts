/**
 * Server-sent events (WHATWG HTML, section 9.2) as an iterator. `open` connects, after the id of the last event that was
 * seen; a connection that ends or breaks before `done` is opened again.
 */
export async function* serverEvents<T extends { type: string; data?: unknown }>(
  open: (lastId: string | null) => Promise<Response>,
): AsyncGenerator<T> {
  let lastId: string | null = null;
  for (let failures = 0; ; ) {
    try {
      const response = await open(lastId);
      let text = '';
      const decoder = new TextDecoder();
      for await (const chunk of response.body ?? []) {
        failures = 0;
        text += decoder.decode(chunk as Uint8Array, { stream: true });
        for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
          const fields = text
            .slice(0, end)
            .split('\n')
            .map((line) => /^(\w+): ?(.*)$/.exec(line));
          text = text.slice(end + 2);
          const value = (name: string) =>
            fields
              .filter((field) => field?.[1] === name)
              .map((field) => field![2])
              .join('\n');
          if (value('id') !== '') lastId = value('id');
          if (value('data') === '') continue;
          const event = JSON.parse(value('data')) as T;
          yield event;
          if (event.type === 'state' && isEnd((event.data as { state?: string } | undefined)?.state)) return;
        }
      }
    } catch (error) {
      if ((error as Error).name === 'AbortError' || (error as Error).name === 'ApiError' || ++failures > 20)
        throw error;
    }
    await new Promise((done) => setTimeout(done, 500));
  }
}

export function isEnd(state: string | undefined): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled';
}
