import { z } from 'zod';
import type { ResponseStream } from '../../http/response-stream.ts';

/** A Pod is at most a megabyte or two: what etcd takes. */
const maxLineBytes = 8 * 1024 * 1024;

const eventSchema = z.object({
  type: z.enum(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']),
  object: z.looseObject({
    code: z.number().optional(),
    metadata: z
      .looseObject({ resourceVersion: z.string().optional(), uid: z.string().optional() })
      .nullish()
      .transform((value) => value ?? {}),
  }),
});

export type WatchEvent = z.infer<typeof eventSchema>;

/** The events of a watch, in batches as they arrive. Throws on a line that is no event or has no end. */
export async function* readWatch(stream: ResponseStream): AsyncGenerator<WatchEvent[]> {
  let rest: Buffer[] = [];
  let length = 0;
  for (let batch = await stream.read(); batch !== undefined; batch = await stream.read()) {
    const events: WatchEvent[] = [];
    for (const data of batch) {
      const end = data.lastIndexOf(0x0a) + 1;
      if (end > 0) {
        events.push(...parse(Buffer.concat([...rest, data.subarray(0, end)])));
        rest = [];
        length = 0;
      }
      rest.push(data.subarray(end));
      length += data.length - end;
      if (length > maxLineBytes) throw new RangeError('an event of the API server without an end');
    }
    if (events.length > 0) yield events;
  }
}

function parse(lines: Buffer): WatchEvent[] {
  return lines
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => eventSchema.parse(JSON.parse(line)));
}
