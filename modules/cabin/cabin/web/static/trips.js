// The trips of this profile; for a parked vehicle. What was fetched is forgotten when the place is left.

import { get, post } from "./ask.js";
import { h, redraw } from "./element.js";
import { plotInto } from "./plot.js";

export class Trips {
  constructor(page) {
    this.page = page;
    this.left();
  }

  left() {
    this.trips = null;
    this.chosen = null;
    this.sure = "";
  }

  async entered() {
    const answer = await this.page.act(get("trips"));
    if (!answer || this.page.place !== "trips") return;
    this.trips = answer.trips;
    if (this.trips.length > 0) await this.choose(this.trips[0].id);
    else this.page.draw();
  }

  async choose(id) {
    this.sure = "";
    const answer = await this.page.act(get(`trips/${encodeURIComponent(id)}`));
    if (!answer || this.page.place !== "trips") return;
    this.chosen = answer;
    this.page.draw();
  }

  async remove(asked, body) {
    if (this.sure !== asked) {
      this.sure = asked;
      return this.page.draw();
    }
    this.sure = "";
    const answer = await this.page.act(post("trips/delete", body));
    if (answer && this.page.place === "trips") {
      this.chosen = null;
      await this.entered();
    }
  }

  draw(root) {
    const { words, view } = this.page;
    redraw(root, [this.trips, this.chosen?.trip.id, this.sure, words.language, view.theme], () => this.built(root));
  }

  built(root) {
    const { words } = this.page;
    root.dataset.place = "trips";
    if (this.trips === null) return [h("p", { class: "none" }, words.t("wait"))];
    if (this.trips.length === 0) return [h("p", { class: "none" }, words.t("trips.none"))];
    const list = h("ol", { class: "list" }, this.trips.map((trip) => h("li", {}, this.row(trip))));
    return [list, this.chosen ? this.details() : h("section", {}), this.actions()];
  }

  row(trip) {
    const { words } = this.page;
    const chosen = this.chosen?.trip.id === trip.id;
    const given = { type: "button", "data-key": `trip ${trip.id}`, "aria-pressed": String(chosen), onclick: () => this.choose(trip.id) };
    const when = `${words.day(trip.start_s)}, ${words.time(trip.start_s)}`;
    return h("button", given, h("b", {}, when), h("span", {}, `${kilometres(trip, words)} · ${words.minutes(trip.end_s - trip.start_s)}`));
  }

  details() {
    const { words } = this.page;
    const { trip, plot } = this.chosen;
    const figures = figuresOf(trip, words).map(([name, text]) => h("div", {}, h("dt", {}, name), h("dd", {}, text)));
    const section = h("section", { class: "details" }, h("dl", {}, figures), h("div", { class: "plots" }));
    requestAnimationFrame(() => plotInto(section.querySelector(".plots"), plot, words));
    return section;
  }

  actions() {
    const { words } = this.page;
    const file = (form) =>
      h("a", { class: "button", href: `/api/v1/export?format=${form}`, download: true, "data-key": form }, words.t(`export.${form}`));
    const remove = (asked, body) => {
      const sure = this.sure === asked;
      const given = { type: "button", class: "grave", "data-key": asked, "data-sure": sure, onclick: () => this.remove(asked, body) };
      return h("button", given, words.t(sure ? "sure" : asked));
    };
    const one = this.chosen ? remove("trips.delete", { ids: [this.chosen.trip.id] }) : null;
    return h("footer", {}, file("csv"), file("json"), one, remove("trips.delete_all", { all: true }));
  }
}

function kilometres(trip, words) {
  return trip.distance_km === null ? "–" : `${words.number(trip.distance_km, 1)} km`;
}

/** Only what is known; an estimate says so. */
function figuresOf(trip, words) {
  const energy = trip.energy_kwh === null ? null : `${words.number(trip.energy_kwh, 1)} kWh`;
  const estimated = trip.energy_source === "estimated" ? ` ${words.t("trips.estimated")}` : "";
  const rows = [
    ["distance", trip.distance_km === null ? null : kilometres(trip, words)],
    ["moving", words.minutes(trip.moving_s)],
    ["energy", energy && energy + estimated],
    ["fuel", trip.fuel_l === null ? null : `${words.number(trip.fuel_l, 1)} l`],
    ["fastest", trip.max_speed_kmh === null ? null : `${words.number(trip.max_speed_kmh, 0)} km/h`],
    ["heard", trip.completeness < 0.995 ? `${words.number(trip.completeness * 100, 0)} %` : null],
  ];
  return rows.filter(([, text]) => text !== null).map(([name, text]) => [words.t(`trips.${name}`), text]);
}
