// What is seen while driving and parked alike: tiles, meetings, this trip.

import { h, icon, redraw, write } from "./element.js";
import * as icons from "./icons.js";

const DASHES = "– –";
const UNSCROLLED = 6;
const DIGITS = { "°C": 1, V: 1, "l/h": 1, "m/s²": 1 };

/** The tiles' elements stand as long as their ids do; only texts and states are written. */
export function drawTiles(view, words, stateOf) {
  const list = document.getElementById("tiles");
  const shown = view.tiles.map((tile) => [tile.id, tile.unit, words.language]);
  redraw(list, shown, () => view.tiles.map((tile, index) => tileElement(tile, index, words)));
  view.tiles.forEach((tile, index) => drawTile(list.children[index], tile, words, stateOf(tile)));
}

/** More than may be seen while driving may need to be scrolled to. */
function tileElement(tile, index, words) {
  const name = words.has(`tile.${tile.id}`) ? words.t(`tile.${tile.id}`) : tile.id.replaceAll("_", " ");
  const bar = tile.unit === "%" ? h("i", { class: "bar", "aria-hidden": "true" }, h("i")) : null;
  const figure = h("p", {}, h("b", { class: "value" }), h("span", { class: "unit" }, tile.unit));
  const given = { "data-id": tile.id, tabindex: index >= UNSCROLLED ? "0" : null };
  return h("li", given, h("h3", {}, name), figure, bar);
}

function drawTile(element, tile, words, state) {
  if (element.dataset.state !== state) element.dataset.state = state;
  const text = state === "gone" ? null : namedValue(tile, words);
  const value = element.querySelector(".value");
  value.classList.toggle("word", text !== null && text.length > 3);
  write(value, state === "gone" ? DASHES : text ?? words.number(tile.value, DIGITS[tile.unit] ?? 0));
  const level = element.querySelector(".bar i");
  if (level) level.style.width = state === "gone" ? "0" : `${Math.round(tile.value)}%`;
}

/** The word for it, where it is not a quantity. */
function namedValue(tile, words) {
  const named = `tile.${tile.id}.${tile.value}`;
  return words.has(named) ? words.t(named) : tile.label;
}

/** `act` has `dial(key)` and `showLink(key)`. `nowS` decides what is running and what is tomorrow. */
export function drawMeetings(view, words, nowS, act) {
  write(document.getElementById("meetings-head"), words.t("meetings"));
  const minute = Math.floor(nowS / 60);
  const shown = [view.meetings, view.dialer, view.locked, words.language, minute];
  redraw(document.getElementById("meeting-list"), shown, () => {
    if (view.meetings.length === 0) return [h("li", { class: "none" }, words.t("meetings.none"))];
    return view.meetings.map((one) => meetingElement(one, view, words, nowS, act));
  });
}

function meetingElement(meeting, view, words, nowS, act) {
  const title = meeting.title ?? words.t("meeting");
  const details = [detail(icons.PLACE, meeting.place), detail(icons.PERSON, meeting.organiser)];
  const canCall = meeting.can_dial && !meeting.cancelled;
  const number = meeting.number ? h("p", { class: "phone" }, meeting.number) : null;
  const dial = canCall ? dialButton(meeting, view, words, act) : number;
  const link = meeting.has_link && !meeting.cancelled ? linkButton(meeting, words, act) : null;
  const told = meeting.cancelled ? h("p", { class: "tag" }, words.t("meeting.cancelled")) : null;
  return h(
    "li",
    { "data-cancelled": meeting.cancelled, tabindex: view.locked || canCall || link ? null : "0", "data-key": `row ${meeting.key}` },
    h("div", {}, h("p", { class: "when" }, whenText(meeting, words, nowS)), h("p", { class: "title" }, title), told,
      details.some(Boolean) ? h("p", { class: "detail" }, ...details) : null),
    link ? h("div", { class: "acts" }, dial, link) : dial,
  );
}

function detail(paths, text) {
  return text ? h("span", {}, icon(paths), text) : null;
}

function dialButton(meeting, view, words, act) {
  const { state, meeting: dialled } = view.dialer;
  const mine = dialled === meeting.key ? state : "idle";
  const busy = state === "dialing" || state === "active";
  const given = {
    type: "button", class: "dial", "data-key": `dial ${meeting.key}`, "data-state": mine,
    "aria-label": `${words.t(`dial.${mine}`)}: ${meeting.title ?? words.t("meeting")}`,
    "aria-disabled": busy ? "true" : null, onclick: () => busy || act.dial(meeting.key),
  };
  return h("button", given, icon(icons.CALL), h("span", {}, words.t(`dial.${mine}`)));
}

function linkButton(meeting, words, act) {
  const label = `${words.t("qr.show")}: ${meeting.title ?? words.t("meeting")}`;
  const given = {
    type: "button", class: "link", "data-key": `qr ${meeting.key}`, "aria-label": label,
    onclick: () => act.showLink(meeting.key),
  };
  return h("button", given, icon(icons.QR), h("span", {}, words.t("qr.phone")));
}

function whenText(meeting, words, nowS) {
  const today = dayOf(nowS);
  if (meeting.all_day) return words.t(meeting.all_day[0] > today ? "meeting.all_day_tomorrow" : "meeting.all_day");
  const from = words.time(meeting.start_s);
  const to = words.time(meeting.end_s);
  if (meeting.start_s <= nowS) return words.t("meeting.running", { to });
  return words.t(dayOf(meeting.start_s) > today ? "meeting.tomorrow" : "meeting.today", { from, to });
}

/** The car's own date, YYYY-MM-DD; a day is not always 24 hours long. */
function dayOf(seconds) {
  const date = new Date(seconds * 1000);
  const two = (n) => String(n).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

export function reminderText(reminder, words) {
  if (!reminder) return "";
  return words.t("reminder", { title: reminder.title ?? words.t("meeting"), from: words.time(reminder.start_s) });
}

export function drawTrip(view, words) {
  write(document.getElementById("trip-head"), words.t("trip"));
  const trip = view.trip;
  redraw(document.getElementById("trip-now"), [trip, words.language], () => tripRows(trip, words));
}

function tripRows(trip, words) {
  if (!trip) return [h("div", { class: "none" }, h("dd", {}, words.t("trip.none")))];
  const used = trip.kwh_per_100km ?? trip.l_per_100km;
  const unit = trip.kwh_per_100km === null && trip.l_per_100km !== null ? "l/100 km" : "kWh/100 km";
  return [[trip.km, 1, "km"], [trip.minutes, 0, "min"], [used, 1, unit]].map(([value, digits, name]) =>
    h("div", {}, h("dd", {}, value === null ? DASHES : words.number(value, digits)), h("dt", {}, name)));
}
