// The one stream of this page. It is closed while the page cannot be seen: what waits in a buffer gets old there.

import { isStale } from "./age.js";

const AGAIN_MS = 1000;

export class Stream {
  /** `onView` gets each View that is fresh; `onHidden` is called when the page is about to sleep. */
  constructor(onView, onHidden) {
    this.onView = onView;
    this.onHidden = onHidden;
    this.source = null;
    this.again = 0;
  }

  start() {
    document.addEventListener("visibilitychange", () => (document.hidden ? this.sleep() : this.open()));
    document.addEventListener("freeze", () => this.sleep());
    document.addEventListener("resume", () => this.open());
    window.addEventListener("pagehide", () => this.close());
    window.addEventListener("pageshow", () => this.open());
    this.open();
  }

  open() {
    if (this.source || document.hidden) return;
    const source = new EventSource("/api/v1/stream");
    source.addEventListener("view", (event) => this.arrived(source, event.data));
    source.addEventListener("error", () => this.failed(source));
    this.source = source;
  }

  close() {
    clearTimeout(this.again);
    this.source?.close();
    this.source = null;
  }

  sleep() {
    this.close();
    this.onHidden();
  }

  arrived(source, data) {
    if (source !== this.source) return;
    const view = JSON.parse(data);
    if (!isStale(view, Date.now())) this.onView(view);
  }

  /** The browser reconnects by itself, but gives up for good after an answer that is not a stream. */
  failed(source) {
    if (source !== this.source || source.readyState !== EventSource.CLOSED) return;
    this.close();
    this.again = setTimeout(() => this.open(), AGAIN_MS);
  }
}
