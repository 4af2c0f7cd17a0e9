import { Agent, request } from 'undici';
import type { Check } from '../check.ts';

/** The engine's answer to the smallest question that there is. */
export const engineCheck: Check = {
  name: 'docker.socket',
  run: async ({ docker: { socket } }, signal) => {
    const dispatcher = new Agent({ connect: { socketPath: socket } });
    try {
      const { statusCode, headers, body } = await request('http://docker/_ping', { dispatcher, signal });
      await body.dump({ limit: 1024, signal });
      if (statusCode === 200)
        return { ok: true, found: `${socket}: API ${String(headers['api-version'] ?? 'unknown')}` };
      return { ok: false, found: `${socket}: HTTP ${statusCode}`, remedy: 'this is no Docker engine' };
    } catch (error) {
      const code = signal.aborted ? 'no answer' : ((error as NodeJS.ErrnoException).code ?? 'no answer');
      return { ok: false, found: `${socket}: ${code}`, remedy: 'mount the engine’s socket, or set docker.socket' };
    } finally {
      await dispatcher.destroy();
    }
  },
};
