import { isDeepStrictEqual } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { manifest } from '../deployed-agent.ts';
import { Agents } from './agents.ts';
import type { ManifestRights } from './expected.ts';
import { type FunctionName, failed, functionNames, type Tried } from './functions.ts';
import { beyondHarmless } from './harmless.ts';
import type { RightsNode } from './rights-node.ts';
import { type Right, rightsOf } from './rights-of.ts';
import { type Shipped, shipped } from './shipped.ts';

interface Trial {
  readonly whole: Shipped;
  readonly rights: readonly Right[];
  /** What came of each function, by the right that was taken away. */
  readonly tried: ReadonlyMap<string, Partial<Tried>>;
}

const nothing = 'nothing';

/** Of each manifest an agent with all of its rights, beside one for each right that has all but this one. */
export function leastRights(all: readonly ManifestRights[], node: () => RightsNode): void {
  describe('rights', () => {
    let trials: Trial[];
    beforeAll(async () => {
      trials = await inTurn(all.map((each) => async (started) => await trial(each, node(), started)));
    }, 2_400_000);

    for (const [at, expected] of all.entries())
      describe(`of ${expected.manifest}`, () => areAllNeeded(expected, () => trials.at(at)));
  });
}

function areAllNeeded(expected: ManifestRights, trialOf: () => Trial | undefined): void {
  const { without } = expected;

  test('are those that are listed, and nothing else is one', () => {
    const { whole, rights = [] } = trialOf() ?? {};
    expect(rights.map(({ name }) => name).sort()).toEqual(Object.keys(without).sort());
    expect(whole && beyondHarmless(rights.reduce((less, right) => right.without(less), whole))).toEqual([]);
  });

  function expectLost(name: string): void {
    const came = trialOf()?.tried.get(name) ?? {};
    expect(failed(came), JSON.stringify(came)).toEqual(lost(expected, name, came));
    const loss = without[name];
    if (loss === undefined || !('isNamed' in loss)) return;
    for (const each of loss.fails) expect(came[each], each).toMatch(/^AGENT_LACKS_RIGHT /);
  }

  test('do for what its executor does', () => expectLost(nothing));

  for (const [name, loss] of Object.entries(without))
    if ('fails' in loss) test(`without ${name}`, () => expectLost(name));
}

/** What an agent without that right cannot do, where such things came of what it was asked. */
function lost({ cannot, without }: ManifestRights, name: string, came: Partial<Tried>): FunctionName[] {
  const loss = without[name];
  const { fails = [], perhaps = [] } = loss !== undefined && 'fails' in loss ? loss : {};
  return functionNames.filter(
    (each) => cannot.includes(each) || fails.includes(each) || (perhaps.includes(each) && came[each] !== 'OK'),
  );
}

async function trial(expected: ManifestRights, node: RightsNode, started: () => void): Promise<Trial> {
  const whole = (await shipped(node.cluster.kubectl, manifest(expected.manifest)))();
  const rights = rightsOf(whole);
  const shown = rights.filter(({ name }) => !('notShown' in (expected.without[name] ?? {})));
  const all = new Map([[nothing, whole], ...shown.map((right) => [right.name, right.without(whole)] as const)]);
  const name = `least-${expected.executor}`;
  const tried = await tryAll(node, name, all, started);
  // So many at once keep a small node busy: what came too late there is tried once more, without the others.
  const odd = [...tried].filter(([right, came]) => !isDeepStrictEqual(failed(came), lost(expected, right, came)));
  const again = new Map([...all].filter(([right]) => odd.some(([each]) => each === right)));
  if (again.size > 0) for (const [right, came] of await tryAll(node, `${name}-again`, again)) tried.set(right, came);
  return { whole, rights, tried };
}

async function tryAll(
  node: RightsNode,
  name: string,
  all: ReadonlyMap<string, Shipped>,
  started: () => void = () => undefined,
): Promise<Map<string, Partial<Tried>>> {
  const agents = new Agents(node, name, [...all.values()]);
  try {
    await agents.start();
    started();
    const came = await agents.try();
    return new Map([...all.keys()].map((right, at) => [right, came[at] ?? {}]));
  } finally {
    await agents.remove();
  }
}

/**
 * Each begins once the one before has started and the one before that is done: starting takes a processor, being tried
 * is for the most part waiting for what does not come.
 */
async function inTurn<T>(jobs: readonly ((started: () => void) => Promise<T>)[]): Promise<T[]> {
  const running: Promise<T>[] = [];
  for (const job of jobs) {
    await running.at(-2);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    running.push(job(resolve));
    running.at(-1)?.catch(reject);
    await promise;
  }
  return await Promise.all(running);
}
