import { receiveMessageOnPort } from 'node:worker_threads';
import type { InputMessage } from './protocol.ts';
import type { Session } from './session.ts';

/** The next bytes that came for a job; undefined at their end. Throws JobAborted and JobStalled. */
export function nextInput({ control, input, post, stallMs }: Session): Buffer | undefined {
  if (input === undefined) throw new Error('the job was given no input');
  for (;;) {
    control.step();
    // Before looking: what is announced after this ends the sleep.
    const seen = control.announced;
    const received = receiveMessageOnPort(input) as { readonly message: InputMessage } | undefined;
    if (received !== undefined) {
      post({ type: 'consumed' });
      return received.message === undefined ? undefined : Buffer.from(received.message);
    }
    control.awaitInput(seen, stallMs);
  }
}
