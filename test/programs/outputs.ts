import { sh } from './shell.ts';

/** One line of `printsBytes`: 99 characters and a newline. */
export const outputLine =
  '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789abcdefghijklmnopqrstuvwxyz';

/** Exactly so many bytes on standard output: `outputLine` again and again, the last one cut. */
export function printsBytes(bytes: number): string[] {
  return sh(`yes ${outputLine} | head -c ${bytes}`);
}

/** `<n>` per line on standard output, from 1. */
export function printsLines(lines: number): string[] {
  return ['seq', `${lines}`];
}

/** One line of so many letters `a`, and its newline. */
export function printsOneLine(bytes: number): string[] {
  return sh(`head -c ${bytes} /dev/zero | tr '\\0' a`, 'echo');
}

export const printsNothing = ['/bin/true'];
export const printsWithoutNewline = sh("printf 'first\\nno newline at the end'");

/** What `printsInvalidUtf8` prints: stray bytes, an overlong form, half a character, NUL, ESC, carriage return. */
export const invalidUtf8 = Buffer.from([
  0xff, 0xfe, 0x0a, 0xc3, 0x28, 0x0a, 0xc0, 0xaf, 0x00, 0x1b, 0x5b, 0x0d, 0x0a, 0xe2, 0x82, 0x0a,
]);
export const printsInvalidUtf8 = sh(
  `printf '${[...invalidUtf8].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')}'`,
);

/** `out <n>` and `err <n>` in turn. Each is one write, far enough from the next for a runtime to keep their order. */
export function printsOnBoth(times: number): string[] {
  return sh(`for i in $(seq ${times}); do echo "out $i"; usleep 5000; echo "err $i" >&2; usleep 5000; done`);
}

/** `line <n>` five times a second, until TERM, then `last line`, and exits with 0. */
export const printsOnAndOn = sh(
  'trap "echo last line; exit 0" TERM',
  'i=0',
  'while :; do i=$((i+1)); echo "line $i"; sleep 0.2 & wait $!; done',
);
