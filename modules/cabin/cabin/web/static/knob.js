// A rotary knob or a keyboard: turning goes through what can be chosen, in the order of the page; pressing chooses.

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
/** What has a tabindex has nothing to choose, but only so is it scrolled to. */
const CHOOSABLE = "button, a[href], [tabindex='0']";

/** `onBack` is Escape, or the knob's back key. */
export function turnWithKnob(onBack) {
  document.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (step) {
      event.preventDefault();
      go(step);
    } else if (event.key === "Escape" || event.key === "BrowserBack" || event.key === "GoBack") {
      event.preventDefault();
      onBack();
    }
  });
}

/** It goes round; from nowhere it begins at an end. */
function go(step) {
  const all = [...document.querySelectorAll(CHOOSABLE)].filter((one) => one.getClientRects().length > 0);
  if (all.length === 0) return;
  const here = all.indexOf(document.activeElement);
  const next = here < 0 ? (step > 0 ? 0 : all.length - 1) : (here + step + all.length) % all.length;
  all[next].focus();
  all[next].scrollIntoView({ block: "nearest" });
}
