import type { ResponseStream } from '../../../http/response-stream.ts';
import { type Engine, enginePath } from '../engine.ts';
import { podUidLabel } from './pod-labels.ts';

/** An event holds the labels of its container, at most some tens of kilobytes. */
const maxLineBytes = 1024 * 1024;

const actions = ['create', 'start', 'die', 'oom', 'destroy', 'rename'] as const;
type Action = (typeof actions)[number];

/** Something that happened to a container of a pod. */
export interface EngineEvent {
  readonly action: Action;
  readonly id: string;
  readonly time: Date;
  /** The container's labels, and `image`, `name` and, for `die`, `exitCode`. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** Opens the one event stream of this node. Events since `since` that the engine still has come first. */
export function openEvents(engine: Engine, since: Date, signal: AbortSignal): Promise<ResponseStream> {
  const filters = { type: ['container'], event: actions, label: [podUidLabel] };
  return engine.stream(
    enginePath('/events', { since: (since.getTime() / 1000).toFixed(3), filters: JSON.stringify(filters) }),
    signal,
  );
}

/** The events of the stream, in batches as they arrive. Throws on a line that is no event or has no end. */
export async function* readEvents(stream: ResponseStream): AsyncGenerator<EngineEvent[]> {
  let rest: Buffer = Buffer.alloc(0);
  for (let batch = await stream.read(); batch !== undefined; batch = await stream.read()) {
    const bytes = Buffer.concat([rest, ...batch]);
    const end = bytes.lastIndexOf(0x0a) + 1;
    rest = bytes.subarray(end);
    if (rest.length > maxLineBytes) throw new Error('event of the engine without an end');
    const events = bytes
      .toString('utf8', 0, end)
      .split('\n')
      .filter((line) => line !== '')
      .flatMap(parse);
    if (events.length > 0) yield events;
  }
}

function parse(line: string): EngineEvent[] {
  const event = JSON.parse(line) as {
    Action?: string;
    Actor?: { ID?: string; Attributes?: Record<string, string> };
    timeNano?: number;
  };
  const action = actions.find((known) => known === event.Action);
  const id = event.Actor?.ID;
  if (action === undefined || id === undefined || event.timeNano === undefined) return [];
  return [{ action, id, time: new Date(event.timeNano / 1e6), attributes: event.Actor?.Attributes ?? {} }];
}

/** The exit code that a `die` event carries. */
export function exitCodeOf(event: EngineEvent): number | undefined {
  const text = event.attributes.exitCode;
  return text !== undefined && /^\d{1,3}$/.test(text) ? Number(text) : undefined;
}
