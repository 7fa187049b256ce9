// A meeting's link for a phone's camera; for a parked vehicle. It is opened there, never here.

import { picture } from "./ask.js";
import { h, redraw } from "./element.js";

export class Link {
  constructor(page) {
    this.page = page;
    this.left();
  }

  left() {
    this.key = null;
    this.profile = null;
    this.picture = null;
  }

  /** The picture may come after the vehicle moved off, or after another meeting was chosen. */
  async show(key) {
    this.key = key;
    this.profile = this.page.view.profile;
    const made = await this.page.act(picture(`link/${encodeURIComponent(key)}/qr.svg`), "qr");
    if (this.key !== key) return;
    if (!made) return this.page.go("now");
    this.picture = made;
    this.page.draw();
  }

  /** The meeting may be over by now, or another's page may have changed the profile. */
  meeting() {
    const { view } = this.page;
    if (view.profile !== this.profile) return undefined;
    return view.meetings.find((one) => one.key === this.key && one.has_link);
  }

  draw(root) {
    const { words } = this.page;
    const meeting = this.meeting();
    if (!meeting) return this.page.go("now");
    root.dataset.place = "link";
    redraw(root, [meeting.title, this.picture, words.language], () => this.built(meeting, words));
  }

  built(meeting, words) {
    const title = meeting.title ?? words.t("meeting");
    const shown = this.picture
      ? h("img", { class: "qr", src: this.picture, alt: words.t("qr.show") })
      : h("p", { class: "none" }, words.t("wait"));
    const done = h("button", { type: "button", "data-key": "qr close", onclick: () => this.page.go("now") }, words.t("qr.close"));
    return [shown, h("section", { class: "card" }, h("div", {}, h("h2", {}, title), h("p", {}, words.t("qr.text"))), done)];
  }
}
