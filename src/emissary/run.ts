import { CapturedOutput } from './capture/captured-output.ts';
import { Command } from './command.ts';
import type { RunOptions } from './command-line.ts';
import { ContainerFiles } from './container-files.ts';
import { awaitDependencies } from './dependencies.ts';
import { DirectoryWatch } from './directory-watch.ts';
import { SystemError } from './errno.ts';
import type { ExitStatus } from './exit-status.ts';
import { explain } from './explain.ts';
import { Failure } from './failure.ts';
import { saveOutputs } from './outputs/save-outputs.ts';
import { type Ending, endingOf, endingOfFailure, recordText } from './record.ts';
import { readMoreArguments, readSettings, readTemplate, type Settings } from './settings.ts';
import { Interrupted, SignalRouting } from './signal-routing.ts';
import { parseSignal, signalName } from './signals.ts';
import type { System } from './system.ts';
import type { Template } from './template.ts';
import { Waiting } from './waiting.ts';

/** One container from beginning to end. Gives the exit code; everything that is to be said and written is by then. */
export class ContainerRun {
  readonly #system: System;
  readonly #settings: Settings;
  readonly #first: number;
  readonly #name: string;
  readonly #signals: SignalRouting;
  readonly #watch: DirectoryWatch;
  readonly #waiting: Waiting;
  #command: Command | undefined;
  #files: ContainerFiles | undefined;
  #attempts = 0;

  constructor(system: System, options: RunOptions, argv: readonly string[], first: number) {
    this.#system = system;
    this.#settings = readSettings(options, system.environment);
    this.#first = first;
    this.#name = argv[first] ?? '';
    this.#signals = new SignalRouting(system.processes, () => this.#command?.reap());
    this.#watch = new DirectoryWatch(system);
    this.#waiting = new Waiting(this.#watch, this.#signals, system.events);
  }

  async toEnd(): Promise<number> {
    const { events } = this.#system;
    const startedAt = events.now();
    const ending = await this.#ending();
    if (ending.message !== undefined) this.#explain(ending.message);
    try {
      this.#files?.end(recordText(ending, this.#settings.container ?? '', startedAt, events.now()), ending.exitCode);
    } catch (error) {
      const unwritten = endingOfFailure(error, this.#attempts);
      this.#explain(unwritten.message ?? '');
      return ending.exitCode === 0 ? unwritten.exitCode : ending.exitCode;
    }
    await this.#collected();
    return ending.exitCode;
  }

  /** Keeps the container's root there until an agent that has asked for it holds it; a signal that ends a process ends this. */
  async #collected(): Promise<void> {
    const own = this.#files;
    const withinMs = this.#attempts === 0 ? undefined : own?.collectWithinMs();
    if (own === undefined || withinMs === undefined) return;
    await this.#waiting.within(withinMs, () => (own.exists('collected') ? true : undefined)).catch(endsTheWait);
  }

  async #ending(): Promise<Ending> {
    try {
      return await this.#supervised();
    } catch (error) {
      if (!(error instanceof Interrupted)) return endingOfFailure(error, this.#attempts);
      const message = `${signalName(error.signal)} came before the command was started`;
      return endingOfFailure(new Failure('SIGNALED_BEFORE_START', message, 128 + error.signal), this.#attempts);
    }
  }

  async #supervised(): Promise<Ending> {
    const { files, environment } = this.#system;
    const { container, directory, capture } = this.#settings;
    const more = readMoreArguments(files, environment);
    this.#command = new Command(this.#system, { name: this.#name, first: this.#first, more });
    if (container === undefined) return endingOf(await this.#attempt(this.#command, undefined), this.#attempts, []);
    this.#files = new ContainerFiles(files, directory, container);
    const template = readTemplate(files, directory, environment);
    this.#watchSignalFile(this.#files);
    await awaitDependencies(template.containers.get(container) ?? [], this.#files, this.#watch, this.#waiting);
    if (this.#settings.pauseBefore) await this.#pause('before');
    // Somebody may have asked for the end already.
    await this.#waiting.delay(0);
    const { processes } = this.#system;
    const isTerminal = processes.isTerminal(1) && processes.isTerminal(2);
    const output = (capture || template.archiveLogs) && !isTerminal ? this.#captured(this.#files) : undefined;
    const status = await this.#tried(this.#command, template, output);
    if (this.#settings.pauseAfter) await this.#pause('after').catch(endsTheWait);
    const unsaved = container === 'main' ? saveOutputs(files, directory, template) : [];
    return endingOf(status, this.#attempts, [...(output?.problems ?? []), ...unsaved]);
  }

  /** Again after a failure, as the template says, unless the command was asked to end. */
  async #tried(command: Command, template: Template, output: CapturedOutput | undefined): Promise<ExitStatus> {
    for (;;) {
      const status = await this.#attempt(command, output);
      if (status.exitCode === 0 || this.#attempts > template.retries || command.askedToEnd) return status;
      try {
        await this.#waiting.delay(template.retryDelayMs);
      } catch (error) {
        if (error instanceof Interrupted) return status;
        throw error;
      }
    }
  }

  async #attempt(command: Command, output: CapturedOutput | undefined): Promise<ExitStatus> {
    this.#attempts++;
    return await command.run(this.#signals, output);
  }

  #watchSignalFile(own: ContainerFiles): void {
    const look = () => {
      const text = own.takeSignal();
      if (text === undefined) return;
      const signal = parseSignal(text);
      if (signal === undefined)
        this.#system.say(`${own.path('signal')} held ${JSON.stringify(text)}, which is no signal`);
      else this.#signals.give(signal);
    };
    this.#watch.add(own.directory);
    this.#watch.onChange(look);
    look();
  }

  async #pause(moment: 'before' | 'after'): Promise<void> {
    const own = this.#files;
    if (own === undefined) return;
    this.#system.say(`paused ${moment} the command; make the file ${own.path(moment)} to go on`);
    await this.#waiting.until(() => (own.exists(moment) ? true : undefined));
  }

  #captured(own: ContainerFiles): CapturedOutput {
    try {
      return new CapturedOutput(this.#system, own.directory);
    } catch (error) {
      if (error instanceof SystemError) throw new Failure('VOLUME_UNUSABLE', error.message);
      throw error;
    }
  }

  #explain(message: string): void {
    explain(this.#system, message, this.#settings.terminationLog);
  }
}

/** The command has ended by then; a signal ends only what comes after it. */
function endsTheWait(error: unknown): void {
  if (!(error instanceof Interrupted)) throw error;
}
