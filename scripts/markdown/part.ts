/** A part of a document that a command writes, between two comments. */
export class GeneratedPart {
  readonly #begin: string;
  readonly #end: string;

  constructor(name: string, command: string) {
    this.#begin = `<!-- ${name}: begin (${command}) -->`;
    this.#end = `<!-- ${name}: end -->`;
  }

  /** The document with another text in this part. */
  replaced(document: string, text: string): string {
    const { before, after } = this.#split(document);
    return `${before}${this.#begin}\n\n${text}\n${this.#end}${after}`;
  }

  of(document: string): string {
    return this.#split(document).text.trim();
  }

  #split(document: string): { before: string; text: string; after: string } {
    const [before, rest] = document.split(this.#begin);
    const [text, after] = rest?.split(this.#end) ?? [];
    if (before === undefined || text === undefined || after === undefined)
      throw new Error(`the document has no place between ${this.#begin} and ${this.#end}`);
    return { before, text, after };
  }
}
