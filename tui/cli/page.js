"use strict";
// The terminal takes keys only while it has the focus, and can be given it once it is connected.
const focus = () => {
  if (document.body.classList.contains("-loaded")) {
    document.querySelector(".xterm-helper-textarea")?.focus();
  }
};
window.addEventListener("focus", focus);
window.addEventListener("load", () => {
  new MutationObserver(focus).observe(document.body, { attributeFilter: ["class"] });
});
