// What the driver allows, purpose by purpose; for a parked vehicle. The answer names the text that was read.

import { post } from "./ask.js";
import { h, redraw } from "./element.js";

const GUEST = "guest";
const ANSWERS = ["YES", "NO"];

export class Privacy {
  constructor(page) {
    this.page = page;
    this.asked = "";
  }

  left() {
    this.asked = "";
  }

  async answer(purpose, answer) {
    const { words } = this.page;
    this.asked = purpose;
    this.page.draw();
    const text = { text_id: `${purpose}.${words.language}`, text_version: Number(words.t("consent.version")) };
    await this.page.act(post("consent", { purpose, answer, ...text }), "consent");
    this.asked = "";
    this.page.draw();
  }

  draw(root) {
    const { words, view } = this.page;
    const { consent } = view.parked;
    root.dataset.place = "privacy";
    const isGuest = view.profile === GUEST;
    const answers = isGuest ? ["NO"] : ANSWERS;
    redraw(root, [consent, isGuest, this.asked, words.language], () => [
      ...(isGuest ? [this.choice(words)] : []),
      ...Object.entries(consent).map(([purpose, answer]) => this.card(purpose, answer, answers, words)),
    ]);
  }

  /** The next one who sits here is a guest too, and did not agree. */
  choice(words) {
    const go = { type: "button", "data-key": "choose profile", onclick: () => this.page.go("settings") };
    return h(
      "section",
      { class: "card warn" },
      h("div", {}, h("h2", {}, words.t("privacy.guest")), h("p", {}, words.t("privacy.guest.text"))),
      h("div", { class: "choice" }, h("button", go, words.t("privacy.choose"))),
    );
  }

  card(purpose, answer, answers, words) {
    const button = (one) => {
      const given = {
        type: "button", "data-key": `${purpose} ${one}`, "aria-pressed": String(answer === one),
        "aria-disabled": this.asked === purpose ? "true" : null,
        onclick: () => this.asked || answer === one || this.answer(purpose, one),
      };
      return h("button", given, words.t(`consent.${one}`));
    };
    return h(
      "section",
      { class: "card" },
      h("div", {}, h("h2", {}, words.t(`consent.${purpose}`)), h("p", {}, words.t(`consent.${purpose}.text`))),
      h("div", { class: "choice", role: "group", "aria-label": words.t(`consent.${purpose}`) }, answers.map(button)),
    );
  }
}
