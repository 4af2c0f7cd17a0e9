// npm run attacks: every test that tries one of the 54 cases of test/attacks/cases.ts, and no other; what came of them is
// written into docs/security.md. Fails where a case did not hold, or was not tried where it should be. Arguments are
// vitest's: `-t '#17 '` tries one case, and keeps what runs of the same day, machine and versions say of the others.
import { vitestTwice, wantRoot, withEngines } from './engines.ts';

wantRoot();
const reporters = ['--reporter=default', '--reporter=./test/attacks/reporter.ts'];
process.exit(withEngines(() => vitestTwice('--tags-filter=attack', ...reporters, ...process.argv.slice(2))));
