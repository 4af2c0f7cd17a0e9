/**
 * Steps that make awkward files below the current directory; put together with `sh` and `staysReady`. Each starts with a
 * directory of its own and comes back.
 */

/** Names as bytes, exactly what `awkwardNames` makes in `names/`; each file contains `x` and a newline. */
export const awkwardFileNames: readonly Buffer[] = [
  Buffer.from('new\nline'),
  Buffer.from('esc\x1b[31mred'),
  Buffer.from([0xff, 0xfe]),
  Buffer.from('n'.repeat(255)),
  Buffer.from('-rf'),
  Buffer.from(' leading and trailing '),
  Buffer.from('quote\'s "and" $(id) `id` ;&|*?'),
  Buffer.from('back\\slash'),
  Buffer.from('..dots'),
  Buffer.from('ünïcödé'),
  Buffer.from('carriage\rreturn'),
];

export const awkwardNames = [
  'mkdir names && cd names',
  ...awkwardFileNames.map((name) => {
    const octal = [...name].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
    // A dot keeps the newline that $() would eat at the end.
    return `name="$(printf '%b.' '${octal.replaceAll('\\', '\\0')}')"; echo x > "./\${name%.}"`;
  }),
  'cd ..',
].join('\n');

/** `specials/fifo`, `zero` (a character device), `socket`, `directory`, and `plain`, a file among them. */
export const specialFiles = [
  'mkdir specials && cd specials',
  'mkfifo fifo',
  'mknod zero c 1 5',
  'mkdir directory',
  'echo plain > plain',
  // syslogd binds where /dev/log leads.
  'ln -s "$PWD/socket" /dev/log; syslogd -O /dev/null; while [ ! -S socket ]; do usleep 1000; done',
  'cd ..',
].join('\n');

/** `links/`: to `target` (`inside\n`) and away from it in every way. `chain<n>` needs n steps to get there. */
export const symlinks = [
  'mkdir links && cd links',
  'echo inside > target',
  'ln -s target relative',
  'ln -s "$PWD/target" absolute',
  'ln -s /etc/passwd passwd',
  'ln -s ../../../../../../../../etc/passwd climbs',
  'ln -s loop-b loop-a; ln -s loop-a loop-b; ln -s self self',
  'ln -s missing dangling',
  'ln -s /proc/1/root/etc/passwd proc-root',
  'ln -s /proc/self/root/etc/passwd proc-self-root',
  'ln -s / slash',
  'ln -s target chain1; for i in $(seq 2 45); do ln -s chain$((i-1)) chain$i; done',
  'cd ..',
].join('\n');

/** `deep/d/d/.../bottom`: so many directories in each other. */
export function deepTree(levels: number): string {
  return `top="$PWD"; mkdir deep && cd deep; for i in $(seq ${levels}); do mkdir d && cd d; done; echo bottom > bottom; cd "$top"`;
}

/** `sparse`: so many bytes without a block of data, but for the word `end` at its very end. */
export function sparseFile(bytes: number): string {
  return `truncate -s ${bytes - 3} sparse; printf end >> sparse`;
}

/** `many/d<nnn>/f<nnnnnn>`, a thousand to a directory; each holds its number and a newline. 100,000 take some seconds. */
export function manyFiles(count: number): string {
  const make = `for(i=0;i<${count};i++){f=sprintf("d%03d/f%06d",i/1000,i);print i>f;close(f)}`;
  return [
    'mkdir many && cd many',
    `for i in $(seq 0 ${Math.ceil(count / 1000) - 1}); do mkdir "$(printf 'd%03d' "$i")"; done`,
    `awk 'BEGIN{${make}}'`,
    'cd ..',
  ].join('\n');
}

/** `linked/<n>`: one file of 1,000 bytes under so many names. */
export function hardLinks(count: number): string {
  return `mkdir linked; head -c 1000 /dev/zero > linked/1; for i in $(seq 2 ${count}); do ln linked/1 linked/$i; done`;
}

/** `unreadable` (mode 000) and `root-only` (0600). Run by root. */
export const guardedFiles =
  'echo secret > unreadable; chmod 000 unreadable; echo secret > root-only; chmod 600 root-only';

/** `grows`: longer by 4 KiB again and again, in the background. */
export const growingFile = '(while :; do head -c 4096 /dev/zero >> grows; usleep 2000; done) &';

/** `shrinks`: 8 MiB, then nothing, again and again, in the background. */
export const shrinkingFile = '(while :; do head -c 8388608 /dev/zero > shrinks; usleep 2000; : > shrinks; done) &';

/** `swapped`: now a directory with `passwd` (`inside\n`) in it, now a symlink to /etc, in the background. */
export const swappedDirectory = [
  'mkdir swap-real; echo inside > swap-real/passwd; ln -s /etc swap-link; mv swap-real swapped',
  '(while :; do mv swapped swap-real; mv swap-link swapped; mv swapped swap-link; mv swap-real swapped; done) &',
].join('\n');

/** So many bytes of noise, in a file of that name. */
export function noiseFile(bytes: number, name = 'noise'): string {
  return `head -c ${bytes} /dev/urandom > ${name}`;
}
