// How old what is shown is. Pure: times are arguments.

export const OLD_MS = 1000;
export const GONE_MS = 3000;
/** A View that is older than this on arrival was waiting in some buffer while the page slept. With a tap's tick and the
    server's own pause it is still less than 2 s after it was measured that a number can be drawn. */
export const STALE_VIEW_MS = 1500;
/** The server sends one each half second; without any for so long the page locks itself. */
export const LOST_MS = 2000;

const WORSE = { live: 0, old: 1, gone: 2 };

/** Wall time may be set while the View travels; one from the future is not believed either. */
export function isStale(view, nowMs) {
  return Math.abs(nowMs - view.t) > STALE_VIEW_MS;
}

/** Time since `then`, by whichever clock has gone further: the monotonic one stands still while the system sleeps. */
export function since(then, now) {
  return Math.max(0, now.upMs - then.upMs, now.wallMs - then.wallMs);
}

/** What a tile of a View that came `sinceMs` ago is by now: live, old or gone; never better than the server said. */
export function stateOf(tile, sinceMs) {
  if (tile.age_ms === null || (tile.value === null && tile.label === null)) return "gone";
  const age = tile.age_ms + sinceMs;
  const byAge = age > GONE_MS ? "gone" : age > OLD_MS ? "old" : "live";
  return WORSE[tile.state] > WORSE[byAge] ? tile.state : byAge;
}
