// Images that wait, and are handled one after another.

export class Queue {
  #waiting = [];
  #stopped = new AbortController();

  // `handle` is given an image and a signal; `changed` this queue, whenever it has moved on.
  constructor(handle, changed) {
    this.handle = handle;
    this.changed = changed;
    this.done = 0;
    this.total = 0;
    this.isBusy = false;
  }

  get isStopped() {
    return this.#stopped.signal.aborted;
  }

  add(images) {
    this.#waiting.push(...images);
    if (this.isBusy && !this.isStopped) {
      this.total += images.length;
      this.changed(this);
    } else if (!this.isBusy) {
      this.#work();
    }
  }

  stop() {
    this.#waiting = [];
    this.#stopped.abort();
  }

  async #work() {
    this.#stopped = new AbortController();
    this.done = 0;
    this.total = this.#waiting.length;
    this.isBusy = true;
    this.changed(this);
    while (this.#waiting.length && !this.isStopped) {
      await this.handle(this.#waiting.shift(), this.#stopped.signal);
      if (!this.isStopped) this.done += 1;
      this.changed(this);
    }
    this.isBusy = false;
    this.changed(this);
    if (this.#waiting.length) this.#work(); // they came while it was stopping
  }
}
