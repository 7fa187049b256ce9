// The page: what came last, how old it is by now, and what of it is drawn where.

import { LOST_MS, since, stateOf } from "./age.js";
import { Refused, post } from "./ask.js";
import { Chime } from "./chime.js";
import { h, icon, redraw, write } from "./element.js";
import * as icons from "./icons.js";
import { turnWithKnob } from "./knob.js";
import { Link } from "./link.js";
import { cut } from "./lock.js";
import { drawMeetings, drawTiles, drawTrip, reminderText } from "./now.js";
import { Privacy } from "./privacy.js";
import { Settings } from "./settings.js";
import { Stream } from "./stream.js";
import { Trips } from "./trips.js";
import { loadWords } from "./words.js";

const BEAT_MS = 100;
const TROUBLE_MS = 8000;
const PLACES = { now: icons.NOW, trips: icons.TRIPS, privacy: icons.PRIVACY, settings: icons.SETTINGS };

class Page {
  constructor(words) {
    this.catalogues = words;
    this.view = null;
    this.came = null;
    this.lost = true;
    this.asleep = false;
    this.place = "now";
    this.chime = new Chime();
    this.trouble = { text: "", until: 0 };
    this.places = { trips: new Trips(this), link: new Link(this), privacy: new Privacy(this), settings: new Settings(this) };
    this.stream = new Stream((view) => this.arrived(view), () => this.slept());
  }

  get words() {
    return this.catalogues.get(this.view?.language) ?? this.catalogues.get("en");
  }

  start() {
    document.getElementById("private").addEventListener("click", () => this.togglePrivate());
    turnWithKnob(() => this.go("now"));
    this.stream.start();
    setInterval(() => this.beat(), BEAT_MS);
    this.draw();
  }

  arrived(view) {
    this.view = view;
    this.came = { upMs: performance.now(), wallMs: Math.min(view.t, Date.now()) };
    this.lost = false;
    this.asleep = false;
    this.draw();
  }

  /** Nothing that stands on the screen now may be there when it wakes. */
  slept() {
    this.asleep = true;
    this.lose();
  }

  lose() {
    this.lost = true;
    if (this.view) this.view = cut(this.view);
    this.draw();
  }

  beat() {
    if (!this.lost && this.sinceView() > LOST_MS) this.lose();
    this.drawClock();
    if (this.view) this.drawAges();
    this.drawNotice();
  }

  sinceView() {
    return since(this.came, { upMs: performance.now(), wallMs: Date.now() });
  }

  draw() {
    const root = document.documentElement;
    root.dataset.link = this.lost ? "lost" : "held";
    if (!this.view) return this.drawNotice();
    const { theme, locked, drive } = this.view;
    Object.assign(root.dataset, { theme, locked, drive });
    root.lang = this.words.language;
    if (!this.view.parked) this.leaveParked();
    this.drawClock();
    this.drawHead();
    this.drawAges();
    drawMeetings(this.view, this.words, Date.now() / 1000, this);
    drawTrip(this.view, this.words);
    this.drawPlace();
    this.drawNotice();
  }

  drawAges() {
    const sinceMs = this.asleep ? Infinity : this.sinceView();
    drawTiles(this.view, this.words, (tile) => stateOf(tile, sinceMs));
  }

  drawClock() {
    write(document.getElementById("clock"), this.words.time(Date.now() / 1000));
  }

  drawHead() {
    const { connectivity, reminder } = this.view;
    const word = this.lost ? "lost" : connectivity.word;
    document.getElementById("link").dataset.word = word;
    write(document.getElementById("link-word"), this.words.t(`link.${word}`));
    this.chime.ring(reminder);
    const line = document.getElementById("reminder");
    redraw(line, [reminder, this.words.language], () =>
      reminder ? [icon(icons.BELL), h("span", {}, reminderText(reminder, this.words))] : []);
    this.drawPrivate();
  }

  drawPrivate() {
    const button = document.getElementById("private");
    button.setAttribute("aria-checked", String(this.view.private));
    write(button.querySelector("span"), this.words.t("private"));
  }

  /** A change of state in a sentence; it is read aloud, so it says nothing that changes by itself. */
  drawNotice() {
    write(document.getElementById("notice"), this.noticeText());
  }

  noticeText() {
    if (performance.now() < this.trouble.until) return this.trouble.text;
    if (this.lost) return this.words.t("notice.lost");
    const { dialer, drive } = this.view;
    if (["dialing", "active", "failed"].includes(dialer.state)) return this.words.t(`notice.${dialer.state}`);
    return this.words.t(`notice.${drive}`);
  }

  drawPlace() {
    const parked = this.view.parked !== null;
    const rail = document.getElementById("rail");
    rail.hidden = !parked;
    const names = Object.keys(PLACES).filter((name) => parked && (name !== "trips" || this.view.parked.plots));
    redraw(rail, [names, this.place, this.words.language], () => names.map((name) => this.railButton(name)));
    document.getElementById("now").hidden = this.place !== "now";
    const root = document.getElementById("parked");
    root.hidden = this.place === "now";
    this.places[this.place]?.draw(root);
  }

  railButton(name) {
    const here = name === this.place ? "page" : null;
    const given = { type: "button", "data-key": `rail ${name}`, "aria-current": here, onclick: () => this.go(name) };
    return h("button", given, icon(PLACES[name]), h("span", {}, this.words.t(`rail.${name}`)));
  }

  go(name) {
    if (name === this.place || (name !== "now" && !this.view?.parked)) return;
    this.empty();
    this.place = name;
    this.places[name]?.entered?.();
    this.draw();
  }

  showLink(meeting) {
    this.places.link.showMeeting(meeting);
    this.go("link");
  }

  showBridge() {
    this.places.link.showBridge();
    this.go("link");
  }

  leaveParked() {
    this.empty();
    this.place = "now";
  }

  /** What was shown to a parked vehicle does not stay in the page. */
  empty() {
    this.places[this.place]?.left();
    const root = document.getElementById("parked");
    root.replaceChildren();
    root.signature = undefined;
  }

  /** A refusal of `what` is told in its own words, where there are some for the status. */
  async act(asked, what) {
    try {
      const answer = await asked;
      this.trouble.until = 0;
      return answer;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const keys = [`refused.${what}.${error.status}`, `refused.${error.status}`, "refused"];
      const key = keys.find((one) => this.words.has(one));
      this.trouble = { text: this.words.t(key), until: performance.now() + TROUBLE_MS };
      return null;
    } finally {
      this.draw();
    }
  }

  dial(meeting) {
    return this.act(post("dial", { meeting }), "dial");
  }

  async togglePrivate() {
    if (!this.view) return;
    const answer = await this.act(post("private", { on: !this.view.private }));
    if (!answer) return;
    this.view = { ...this.view, private: answer.private };
    this.draw();
  }
}

new Page(await loadWords()).start();
