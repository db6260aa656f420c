/** `Host` without its port; IPv6 without its brackets. */
export function hostName(host: string): string {
  const match = /^\[([^\]]+)\](?::\d+)?$/.exec(host) ?? /^([^:]+)(?::\d+)?$/.exec(host);
  return match?.[1]?.toLowerCase() ?? '';
}

/** Whether an address or name is this machine's own and can be no other's: names are taken only if they are `localhost`. */
export function isLoopbackAddress(address: string): boolean {
  const plain = address.replace(/^::ffff:/, '');
  return plain === '::1' || plain === 'localhost' || /^127(?:\.\d{1,3}){3}$/.test(plain);
}
