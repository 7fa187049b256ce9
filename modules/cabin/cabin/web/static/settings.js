// Profile, the way to a calendar, language, what the connection has done, and what a new installation still lacks; for a parked vehicle.

import { post } from "./ask.js";
import { h, redraw } from "./element.js";

const MOST_PROFILES = 8;
const LANGUAGES = { en: "English", de: "Deutsch" };

export class Settings {
  constructor(page) {
    this.page = page;
    this.sure = "";
  }

  left() {
    this.sure = "";
  }

  draw(root) {
    const { view, words } = this.page;
    const { profiles, missing_roles: missing, bridge, consent } = view.parked;
    root.dataset.place = "settings";
    const shown = [profiles, missing, bridge, consent.calendar, view.profile, view.language, view.connectivity, this.sure];
    redraw(root, shown, () => [
      missing.length > 0 ? this.missing(missing, words) : null,
      this.card("profile", [...profiles.map((one, place) => this.profile(one, place, view, words)), this.addition(profiles, words)].filter(Boolean)),
      bridge ? this.bridge(view.profile, consent.calendar, words) : null,
      this.card("language", [h("div", { class: "choice" }, Object.keys(LANGUAGES).map((one) => this.language(one, view)))]),
      this.connection(view.connectivity, words),
    ].filter(Boolean));
  }

  card(name, children) {
    return h("section", { class: "card" }, h("h2", {}, this.page.words.t(name)), ...children);
  }

  missing(roles, words) {
    const names = roles.map((role) => h("li", {}, words.has(`role.${role}`) ? words.t(`role.${role}`) : role));
    return h("section", { class: "card warn" }, h("h2", {}, words.t("missing")), h("p", {}, words.t("missing.text")), h("ul", {}, names));
  }

  /** Shown by its place among the profiles; its own name is nobody's to read. */
  profile(profile, place, view, words) {
    const name = profile === "guest" ? words.t("profile.guest") : words.t("profile.number", { number: place });
    const given = {
      type: "button", "data-key": `profile ${profile}`, "aria-pressed": String(view.profile === profile),
      onclick: () => this.change(profile),
    };
    const sure = this.sure === profile;
    const removal = { type: "button", class: "grave", "data-key": `remove ${profile}`, "data-sure": sure, onclick: () => this.remove(profile) };
    const remove = profile === "guest" ? null : h("button", removal, words.t(sure ? "sure" : "profile.remove"));
    return h("div", { class: "choice" }, h("button", given, name), remove);
  }

  /**
   * Nobody has to write a name; the guest is none of the eight. Each is a new one, and never one that was removed: a
   * bridge that has not heard of the removal goes on sending somebody's meetings to the old one.
   */
  addition(profiles, words) {
    if (profiles.length > MOST_PROFILES) return null;
    const given = { type: "button", "data-key": "profile add", onclick: () => this.change(fresh()) };
    return h("div", { class: "choice" }, h("button", given, words.t("profile.add")));
  }

  /** A calendar comes to a profile that has allowed it, by consent on the driver's own phone. */
  bridge(profile, answer, words) {
    if (profile === "guest") return this.card("bridge", [h("p", {}, words.t("bridge.guest"))]);
    const [text, key, go] = answer === "YES"
      ? ["bridge.text", "bridge.show", () => this.page.showBridge()]
      : ["bridge.denied", "bridge.allow", () => this.page.go("privacy")];
    const button = h("button", { type: "button", "data-key": key, onclick: go }, words.t(key));
    return this.card("bridge", [h("p", {}, words.t(text)), h("div", { class: "choice" }, button)]);
  }

  change(profile) {
    return this.page.act(post("profile", { profile }), "profile");
  }

  async remove(profile) {
    const sure = this.sure === profile;
    this.sure = sure ? "" : profile;
    if (sure) await this.page.act(post("profile/remove", { profile }));
    else this.page.draw();
  }

  language(language, view) {
    const given = {
      type: "button", lang: language, "data-key": `language ${language}`, "aria-pressed": String(view.language === language),
      onclick: () => this.page.act(post("language", { language })),
    };
    return h("button", given, LANGUAGES[language]);
  }

  connection({ word, detail }, words) {
    if (!detail) return null;
    const spooled = `${words.count("batches", detail.spooled_batches)}, ${words.bytes(detail.spooled_bytes)}`;
    const kind = detail.roaming ? "roaming" : detail.metered ? "metered" : null;
    const rows = [
      ["state", words.t(`link.${word}`) + (kind ? `, ${words.t(`connection.${kind}`)}` : "")],
      ["spooled", spooled],
      ["delivered", words.count("batches", detail.delivered_batches)],
      ["lost", words.count("batches", detail.lost_batches)],
    ].map(([name, text]) => h("div", {}, h("dt", {}, words.t(`connection.${name}`)), h("dd", {}, text)));
    return h("section", { class: "card", tabindex: "0" }, h("h2", {}, words.t("connection")), h("dl", {}, rows));
  }
}

/** `p` and six hexadecimal digits. */
function fresh() {
  const digits = crypto.getRandomValues(new Uint8Array(3));
  return `p${Array.from(digits, (one) => one.toString(16).padStart(2, "0")).join("")}`;
}
