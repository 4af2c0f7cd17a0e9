import { Failure, failedCode } from './failure.ts';
import { parseSignal, SIGKILL } from './signals.ts';
import type { System } from './system.ts';

/**
 * `kill SIGNAL PID`, run beside a supervised command. The kernel keeps KILL from a namespace's first process: then it
 * goes to the process groups of that process's children, which the emissary started. Gives the exit code: 64 where
 * there is no such process.
 */
export function killProcess(system: System, signalText: string, pidText: string): number {
  const signal = parseSignal(signalText);
  const pid = /^\d{1,10}$/.test(pidText) ? Number(pidText) : 0;
  if (signal === undefined) throw new Failure('USAGE', `"${signalText}" is no signal`);
  if (pid < 1) throw new Failure('USAGE', `"${pidText}" is no process id`);
  const targets = signal === SIGKILL && pid === 1 ? childrenOf(system, pid).map((child) => -child) : [pid];
  const reached = targets.filter((target) => system.processes.kill(target, signal));
  if (reached.length > 0) return 0;
  system.say(`there is no process ${pid} to be sent ${signalText}`);
  return failedCode;
}

function childrenOf({ files }: System, pid: number): number[] {
  const text = files.readText(`/proc/${pid}/task/${pid}/children`, 1024 * 1024) ?? '';
  return text
    .split(' ')
    .map(Number)
    .filter((child) => child > 0);
}
