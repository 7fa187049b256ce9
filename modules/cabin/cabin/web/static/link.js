// A link for a phone's camera: of a meeting, or of the bridge to the driver's calendar; for a parked vehicle. It is
// opened there, never here.

import { picture } from "./ask.js";
import { h, redraw } from "./element.js";

export class Link {
  constructor(page) {
    this.page = page;
    this.left();
  }

  left() {
    this.shown = null;
    this.profile = null;
    this.picture = null;
  }

  /** Of a meeting: it may be over by now. */
  showMeeting(key) {
    const meeting = () => this.page.view.meetings.find((one) => one.key === key && one.has_link);
    return this.show({
      path: `link/${encodeURIComponent(key)}/qr.svg`,
      refused: "qr",
      from: "now",
      holds: () => meeting() !== undefined,
      title: (words) => meeting().title ?? words.t("meeting"),
      text: (words) => words.t("qr.text"),
    });
  }

  /** To the driver's calendar: it may be allowed no more. */
  showBridge() {
    return this.show({
      path: "bridge/qr.svg",
      refused: "bridge",
      from: "settings",
      holds: () => this.page.view.parked?.consent.calendar === "YES",
      title: (words) => words.t("bridge"),
      text: (words) => words.t("bridge.scan"),
    });
  }

  /** The picture may come after the vehicle moved off, or after another one was chosen. */
  async show(what) {
    this.shown = what;
    this.profile = this.page.view.profile;
    const made = await this.page.act(picture(what.path), what.refused);
    if (this.shown !== what) return;
    if (!made) return this.page.go(what.from);
    this.picture = made;
    this.page.draw();
  }

  draw(root) {
    const { view, words } = this.page;
    // Another's page may have changed the profile.
    if (!this.shown || view.profile !== this.profile || !this.shown.holds()) return this.page.go(this.shown?.from ?? "now");
    const [title, text] = [this.shown.title(words), this.shown.text(words)];
    root.dataset.place = "link";
    redraw(root, [title, text, this.picture], () => this.built(title, text, words));
  }

  built(title, text, words) {
    const shown = this.picture
      ? h("img", { class: "qr", src: this.picture, alt: words.t("qr.show") })
      : h("p", { class: "none" }, words.t("wait"));
    const { from } = this.shown;
    const done = h("button", { type: "button", "data-key": "qr close", onclick: () => this.page.go(from) }, words.t("qr.close"));
    return [shown, h("section", { class: "card" }, h("div", {}, h("h2", {}, title), h("p", {}, text)), done)];
  }
}
