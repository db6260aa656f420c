import { statSync } from 'node:fs';
import { dirname } from 'node:path';

/** The user a child runs as; empty: the same user. */
export interface Identity {
  readonly uid?: number;
  readonly gid?: number;
  /** The child needs files below folders that its user may not enter. */
  readonly override?: boolean;
}

export const NOBODY = { uid: 65_534, gid: 65_534 } as const;

/** Whether everybody may walk to these paths: each folder above them has the execute bit for others. */
export function ancestorsOpenTo(paths: readonly string[]): boolean {
  return paths.every((path) => {
    for (let folder = dirname(path); ; folder = dirname(folder)) {
      if ((statSync(folder).mode & 0o001) === 0) return false;
      if (folder === dirname(folder)) return true;
    }
  });
}

/**
 * Command, arguments and spawn options that run `command` as `as`. Where its folders are closed to that user (a project
 * below /root), util-linux's setpriv keeps the one capability that walks through them.
 */
export function asOtherUser(
  as: Identity,
  command: string,
  args: readonly string[],
): [command: string, args: string[], options: { uid?: number; gid?: number }] {
  if (as.uid === undefined || as.gid === undefined) return [command, [...args], {}];
  if (as.override !== true) return [command, [...args], { uid: as.uid, gid: as.gid }];
  const ids = [`--reuid=${as.uid}`, `--regid=${as.gid}`, '--clear-groups'];
  return ['setpriv', [...ids, '--inh-caps=+dac_override', '--ambient-caps=+dac_override', command, ...args], {}];
}
