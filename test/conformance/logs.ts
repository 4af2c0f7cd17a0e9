import { describe, expect, test } from 'vitest';
import { failure } from '../rpc/agent-under-test.ts';
import { type Flavour, logsOf, of, type Subject, waitFor } from './subject.ts';

export function logsConformance(flavour: Flavour, subject: () => Subject): void {
  const printed = async (script: string, request: object = {}, withinMs?: number) => {
    const pod = await subject().pod();
    await subject().sh(pod, 'main', script);
    return await logsOf(subject(), pod, { container: 'main', follow: true, ...request }, withinMs);
  };

  /** A pod whose volumes stay after the end of `main`, as long as another container runs. */
  const podThatStays = async () => {
    const pod = await subject().pod();
    await subject().sh(pod, 'stays', 'exec sleep 600', { start: false });
    return pod;
  };

  describe('logs', () => {
    test('stdout, stderr and both in order', async () => {
      const script = 'for i in 1 2 3; do echo out $i; sleep 0.2; echo err $i >&2; sleep 0.2; done';
      const pod = await podThatStays();
      await subject().sh(pod, 'main', script);
      const both = await logsOf(subject(), pod, { container: 'main', follow: true });
      expect(both.both.toString()).toBe('out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n');
      expect(both.ended).toBe(true);
      if (!flavour.capabilities['logs.split']) {
        for (const stream of ['LOG_STREAM_STDOUT', 'LOG_STREAM_STDERR'] as const) {
          const call = subject().client.streamLogs({ container: 'main', stream }, of(pod));
          expect(await failure(call)).toBe('12 LOG_SPLIT_NOT_OFFERED');
        }
        return;
      }
      const stdout = await logsOf(subject(), pod, { container: 'main', stream: 'LOG_STREAM_STDOUT' });
      expect(stdout.both.toString()).toBe('out 1\nout 2\nout 3\n');
      const stderr = await logsOf(subject(), pod, { container: 'main', stream: 'LOG_STREAM_STDERR' });
      expect(stderr.both.toString()).toBe('err 1\nerr 2\nerr 3\n');
    });

    test('nothing', async () => {
      expect(await printed('exit 0')).toMatchObject({ both: Buffer.alloc(0), ended: true });
    });

    const lines = (flavour.largestLog ?? 100_000_000) / 50;
    test(`${lines} lines, whole`, async () => {
      const script = `yes 0123456789012345678901234567890123456789012345678 | head -n ${lines}`;
      const { stdout } = await printed(script, {}, 280_000);
      expect(stdout.length).toBe(lines * 50);
      expect(stdout.equals(Buffer.alloc(lines * 50, '0123456789012345678901234567890123456789012345678\n'))).toBe(true);
    }, 300_000);

    test('one line of 10 MB, byte for byte', async () => {
      const { stdout } = await printed('head -c 10000000 /dev/zero | tr "\\0" x; echo');
      expect(stdout.length).toBe(10_000_001);
      expect(stdout.equals(Buffer.concat([Buffer.alloc(10_000_000, 'x'), Buffer.from('\n')]))).toBe(true);
    });

    test('invalid UTF-8 does not end or shorten anything', async () => {
      const { stdout } = await printed("printf 'a\\377\\376b\\n'; echo after");
      expect(stdout.toString('latin1')).toMatch(/^a.+b\n/s);
      expect(stdout.toString()).toContain('after\n');
    });

    test('a last line without a newline', async () => {
      expect((await printed('printf "one\\ntwo"')).stdout.toString()).toBe('one\ntwo');
    });

    test('follow ends at the end of the container, though a grandchild holds stdout', async () => {
      const { stdout, ended } = await printed('(sleep 30 &) ; echo done');
      expect(stdout.toString()).toBe('done\n');
      expect(ended).toBe(true);
    });

    test('tail', async () => {
      const pod = await subject().pod();
      await subject().sh(pod, 'main', 'seq 1 1000');
      await waitFor(subject(), pod, 'main');
      const tail = async (tailLines: number) =>
        (await logsOf(subject(), pod, { container: 'main', tailLines })).stdout.toString();
      expect(await tail(3)).toBe('998\n999\n1000\n');
      expect(await tail(0)).toBe('');
      expect((await tail(5000)).length).toBe(3893);
    });

    test('since', async () => {
      const pod = await subject().pod();
      await subject().sh(pod, 'main', 'echo early; sleep 3; echo late');
      const all = await logsOf(subject(), pod, { container: 'main', follow: true, timestamps: true });
      const late = new Date(all.stdout.toString().split('\n')[1]?.split(' ')[0] ?? '').getTime();
      const since = { seconds: Math.floor(late / 1000) - 1, nanos: 0 };
      expect((await logsOf(subject(), pod, { container: 'main', since })).stdout.toString()).toBe('late\n');
    });

    test('timestamps', async () => {
      const { stdout } = await printed('echo a; echo b', { timestamps: true });
      expect(stdout.toString()).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z a\n\d{4}-.*Z b\n$/);
    });

    test('resumed at each cursor, the whole is the same', async () => {
      const pod = await podThatStays();
      await subject().sh(pod, 'main', 'for i in $(seq 1 40); do echo line $i; [ $((i % 10)) = 0 ] && sleep 1; done');
      const whole = await logsOf(subject(), pod, { container: 'main', follow: true });
      const expected = whole.stdout.toString();
      expect(expected.split('\n')).toHaveLength(41);
      expect(whole.cursors.length).toBeGreaterThan(1);
      const rest = await logsOf(subject(), pod, { container: 'main', cursor: whole.cursors[0] as Buffer });
      expect(expected.endsWith(rest.stdout.toString())).toBe(true);
      expect(rest.stdout.length).toBeLessThan(whole.stdout.length);
      const last = await logsOf(subject(), pod, { container: 'main', cursor: whole.cursors.at(-1) as Buffer });
      expect(last.stdout.toString()).toBe('');
    });

    test('a cursor that is none', async () => {
      const pod = await subject().pod();
      await subject().sh(pod, 'main', 'echo x');
      await waitFor(subject(), pod, 'main');
      const call = subject().client.streamLogs({ container: 'main', cursor: Buffer.from('nonsense') }, of(pod));
      expect(await failure(call)).toBe('3 INVALID_CURSOR');
    });

    if (flavour.terminals) {
      test('a terminal has stdout only', async () => {
        const pod = await subject().pod();
        await subject().sh(pod, 'main', 'echo out; echo err >&2; sleep 0.3', { tty: true });
        const { stdout, stderr } = await logsOf(subject(), pod, { container: 'main', follow: true });
        const newline = flavour.terminalNewline ?? '\r\n';
        expect(stdout.toString()).toBe(`out${newline}err${newline}`);
        expect(stderr.length).toBe(0);
      });
    }
  });
}
