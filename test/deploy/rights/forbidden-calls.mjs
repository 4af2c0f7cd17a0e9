// Runs in the agent's container, with its rights: `node --input-type=module -e "$(cat forbidden-calls.mjs)"` in /podhand.
// Makes system calls that the agent has no use for, with arguments that make nothing happen where they are let through,
// and prints what each is answered, as JSON.
import os from 'node:os';
import koffi from 'koffi';

// Numbers on x86-64 and arm64.
const calls = {
  ptrace: [[101, 117], 16, -1, 0, 0],
  process_vm_readv: [[310, 270], -1, 0, 0, 0, 0, 1],
  process_vm_writev: [[311, 271], -1, 0, 0, 0, 0, 1],
  pidfd_getfd: [[438, 438], -1, -1, 0],
  kcmp: [[312, 272], -1, -1, 0, 0, 0],
  open_by_handle_at: [[304, 265], -1, 0, 0],
  setns: [[308, 268], -1, 0],
  unshare: [[272, 97], 0],
  clone: [[56, 220], 0x10000000 | 0x200, 0, 0, 0, 0],
  clone3: [[435, 435], 0, 0],
  mount: [[165, 40], 0, 0, 0, 0, 0],
  umount2: [[166, 39], 0, 0],
  open_tree: [[428, 428], -1, 0, 0],
  fsopen: [[430, 430], 0, 0],
  pivot_root: [[155, 41], 0, 0],
  chroot: [[161, 51], 0],
  bpf: [[321, 280], -1, 0, 0],
  perf_event_open: [[298, 241], 0, 0, 0, 0, 0],
  userfaultfd: [[323, 282], -1],
  io_uring_setup: [[425, 425], 0, 0],
  keyctl: [[250, 219], -1, 0, 0, 0, 0],
  init_module: [[175, 105], 0, 0, 0],
};

const names = Object.fromEntries(Object.entries(os.constants.errno).map(([name, value]) => [value, name]));
const syscall = koffi.load(null).func('syscall', 'long', Array(7).fill('long'));
const answers = Object.entries(calls).map(([name, [numbers, ...args]]) => {
  const all = [numbers[process.arch === 'arm64' ? 1 : 0], ...args, 0, 0, 0, 0, 0, 0].slice(0, 7);
  return [name, Number(syscall(...all)) === -1 ? (names[koffi.errno()] ?? `${koffi.errno()}`) : 'done'];
});
process.stdout.write(JSON.stringify(Object.fromEntries(answers)));
