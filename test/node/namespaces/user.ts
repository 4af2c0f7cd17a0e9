import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Credentials {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly home: string;
}

/** Looks up `user`, `user:group` or their numbers in a root tree, as runtimes do: an unknown number is taken as it is. */
export function lookUpUser(root: string, user: string): Credentials {
  const [userName = '', groupName] = user.split(':');
  const entry = rows(root, 'etc/passwd').find(([name, , uid]) => name === userName || uid === userName);
  const uid = numberOf(entry?.[2] ?? userName, `user ${userName}`);
  const named = rows(root, 'etc/group').find(([name, , gid]) => name === groupName || gid === groupName);
  const gid = numberOf(named?.[2] ?? groupName ?? entry?.[3] ?? '0', `group ${groupName}`);
  const login = entry?.[0];
  const also = rows(root, 'etc/group').filter(
    ([, , , members]) => login !== undefined && members?.split(',').includes(login),
  );
  const groups = groupName === undefined ? also.map(([, , id]) => Number(id)) : [];
  return { uid, gid, groups: [...new Set([gid, ...groups])], home: entry?.[5] ?? '/' };
}

function rows(root: string, file: string): string[][] {
  try {
    const text = readFileSync(join(root, file), 'utf8');
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(':'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function numberOf(text: string, what: string): number {
  if (!/^[0-9]+$/.test(text)) throw new Error(`${what} is not in the image`);
  return Number(text);
}
