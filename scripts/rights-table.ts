import { type Loss, type ManifestRights, manifestRights, peerNames } from '../test/deploy/rights/expected.ts';
import { calls, type FunctionName, functionNames, functions } from '../test/deploy/rights/functions.ts';
import { markdownTable } from './markdown/table.ts';

/** docs/rights.md: what each manifest of deploy/ gives the agent, and what fails without it. */
export function rightsTable(): string {
  return `# Rights

Written by \`npm run generate\` from \`test/deploy/rights/expected.ts\`. \`test/deploy/least-rights.test.ts\` holds each row to
account in a real cluster: it runs the agent of the manifest without that one right, tries every function, and what fails
has to be what is written here. A right without which nothing fails is not in \`deploy/\`; a manifest that has a right
which is not here fails the test. What each is for, and what somebody gains with it: [security.md](security.md).

The agent calls nobody but those that its configuration names: the same test has every system call traced that could send
something, from the agent's first one on, while every function is tried. A socket that it has made it calls once itself, to
see that nobody has put another in its place.

${manifestRights.map(section).join('\n')}`;
}

function section({ executor, manifest, runtime, cannot, peers, without }: ManifestRights): string {
  const rows = Object.entries(without).map(([right, loss]) => [right, told(loss, cannot)]);
  const not = cannot.length === 0 ? '' : ` With all of its rights it does not do: ${labels(cannot)}.`;
  const called = peers.length === 0 ? 'nobody' : peers.map((peer) => peerNames[peer]).join(', ');
  return `## ${executor}

\`deploy/${manifest}\`, tried on ${runtime}. It calls ${called}.${not}

${markdownTable([['right', 'without it fails'], ...rows])}
`;
}

function told(loss: Loss, cannot: readonly FunctionName[]): string {
  if ('notShown' in loss) return `not shown: ${loss.notShown}`;
  const { fails, perhaps = [] } = loss;
  if (fails.includes('start')) return 'everything: the agent does not come up';
  const has = (name: FunctionName) => fails.includes(name) || cannot.includes(name);
  const shown = calls.every(has)
    ? ['every call of a pod', ...named(fails.filter((name) => !isCall(name)))]
    : named(fails);
  const maybe = perhaps.length === 0 ? '' : `; perhaps ${labels(perhaps)}`;
  return `${shown.join(', ')}${maybe}`;
}

function isCall(name: FunctionName): boolean {
  return (calls as readonly FunctionName[]).includes(name);
}

function named(names: readonly FunctionName[]): string[] {
  return functionNames.filter((name) => names.includes(name)).map((name) => functions[name]);
}

function labels(names: readonly FunctionName[]): string {
  return named(names).join(', ');
}
