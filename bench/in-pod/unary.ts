// In the calling container: GetInfo of the agent and of the echo server by the same bare client. Arguments: the two
// sockets, calls to each. Prints milliseconds of single calls, and of calls at the rate of 32 at once.
import { Client, credentials } from '@grpc/grpc-js';
import { loadExecutorService } from '../../src/wire/load.ts';

const [agentSocket = '', echoSocket = '', callsText = ''] = process.argv.slice(2);
const calls = Number(callsText);
const atOnce = 32;
const perRound = 500;
const { GetInfo } = loadExecutorService().definition;

class Target {
  readonly alone: number[] = [];
  readonly together: number[] = [];
  readonly #client: Client;

  constructor(socket: string) {
    this.#client = new Client(`unix:${socket}`, credentials.createInsecure());
  }

  call(): Promise<void> {
    return new Promise((resolve, reject) => {
      const { path, requestSerialize, responseDeserialize } = GetInfo;
      this.#client.makeUnaryRequest(path, requestSerialize, responseDeserialize, {}, (error) =>
        error ? reject(error) : resolve(),
      );
    });
  }

  async one(): Promise<void> {
    const start = performance.now();
    await this.call();
    this.alone.push(performance.now() - start);
  }

  /** Milliseconds a call, while several are on their way. */
  async many(): Promise<void> {
    let left = perRound;
    const start = performance.now();
    const lane = async (): Promise<void> => {
      while (left-- > 0) await this.call();
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
    this.together.push((performance.now() - start) / perRound);
  }

  close(): void {
    this.#client.close();
  }
}

const agent = new Target(agentSocket);
const echo = new Target(echoSocket);
for (let warm = 0; warm < 1000; warm += 1) await Promise.all([agent.call(), echo.call()]);
for (let call = 0; call < calls; call += 1) for (const target of [agent, echo]) await target.one();
for (let round = 0; round < calls / perRound; round += 1) for (const target of [agent, echo]) await target.many();
const shown = ({ alone, together }: Target) => ({ alone, together });
process.stdout.write(JSON.stringify({ agent: shown(agent), echo: shown(echo) }));
for (const target of [agent, echo]) target.close();
