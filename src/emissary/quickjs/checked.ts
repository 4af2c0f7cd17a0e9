import * as std from 'quickjs:std';
import { SystemError } from '../errno.ts';

/** QuickJS and our native file give errno, negated, where a call failed. Throws it as a SystemError. */
export function checked(result: number, call: string, subject: string): number {
  if (result < 0) throw new SystemError(call, subject, -result, std.strerror(-result));
  return result;
}
