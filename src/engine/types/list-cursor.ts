/** Walks over a list's elements, forth and back, over the borders of its pages. Changes nothing. */
import type { Address } from '../memory/arena.ts';
import { Bytes } from '../memory/entries.ts';
import type { ListDirectory } from '../memory/list-directory.ts';
import type { ListPages } from '../memory/list-pages.ts';
import { equalBytes } from '../memory/records.ts';

/** A place in a list that does not change meanwhile, between two elements; moves over one element after the other. */
export class ListCursor {
  /** The element that was passed last. */
  readonly element: Bytes = new Bytes();
  readonly #pages: ListPages;
  readonly #directory: ListDirectory;
  #page: Address = 0;
  #pos = 0;
  /** Where the page ends in the direction of `next`, and begins in that of `previous`. */
  #end = 0;
  #begin = 0;

  constructor(pages: ListPages, directory: ListDirectory) {
    this.#pages = pages;
    this.#directory = directory;
  }

  /** Begins before the element of an index within a list's cell (its length: behind the last). */
  open(cell: Address, index: number): this {
    const pages = this.#pages;
    if (pages.isSmall(cell)) {
      this.#enter(cell);
      this.#pos = pages.seek(cell, index);
    } else if (index < this.#directory.count(cell)) {
      this.#directory.find(cell, index);
      this.#enter(this.#directory.page);
      this.#pos = pages.seek(this.#page, this.#directory.index);
    } else {
      this.#enter(this.#directory.tail(cell));
      this.#pos = this.#end;
    }
    return this;
  }

  #enter(page: Address): void {
    this.#page = page;
    this.#begin = this.#pages.begin(page);
    this.#end = this.#pages.end(page);
  }

  /** Goes forward over an element; false at the end. */
  next(): boolean {
    if (this.#pos === this.#end) {
      const page = this.#pages.next(this.#page);
      if (page === 0) return false;
      this.#enter(page);
      this.#pos = this.#begin;
    }
    if (this.#pos === this.#end) return false;
    this.#pos = this.#pages.read(this.#page, this.#pos, this.element);
    return true;
  }

  /** Goes back over an element; false at the beginning. */
  previous(): boolean {
    if (this.#pos === this.#begin) {
      const page = this.#pages.previous(this.#page);
      if (page === 0) return false;
      this.#enter(page);
      this.#pos = this.#end;
    }
    if (this.#pos === this.#begin) return false;
    this.#pos = this.#pages.readBack(this.#page, this.#pos, this.element);
    return true;
  }

  /** Whether the element that was passed last has these bytes. */
  isAt(buf: Uint8Array, off: number, len: number): boolean {
    const { element } = this;
    return element.len === len && equalBytes(element.buf, element.off, buf, off, len);
  }
}
