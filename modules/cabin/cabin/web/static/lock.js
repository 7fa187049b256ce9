// What may still be seen when the server says nothing any more. Pure.

const TILES = 6;

/** The View cut to the strictest limits: the vehicle may be moving by now. What was private to a parked one is gone. */
export function cut(view) {
  const next = view.meetings.slice(0, 1).map((one) => ({
    ...one, title: null, place: null, organiser: null, number: null, can_dial: false, has_link: false,
  }));
  return {
    ...view,
    drive: "unknown",
    locked: true,
    tiles: view.tiles.slice(0, TILES),
    meetings: next,
    reminder: null,
    parked: null,
    connectivity: { word: "lost", detail: null },
  };
}
