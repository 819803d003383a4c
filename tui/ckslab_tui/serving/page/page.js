// What textual.js leaves to its page: where the app is, the focus, why it has ended, and what to do then.
"use strict";

const here = location.origin + location.pathname;

// seat.py sends these.
const ENDED = {
  4000: ["ckslab was left.", "Open it again"],
  4001: ["ckslab is shown in another window now.", "Show it here"],
  4002: ["ckslab is already open in another window. Only one can show it.", "Show it here instead"],
  4003: ["ckslab has ended unexpectedly; the terminal of ckslab serve says why.", "Open it again"],
  4004: ["ckslab serve has ended. Your scenario stays open: its next address leads back to it.", "Try again"],
};
const LOST = ["The connection is lost. What you did is kept, and your terminal waits for some minutes.", "Connect again"];
const TAKE = "#take";

const take = location.hash === TAKE;
history.replaceState(null, "", here); // a reload is no such decision

function say([text, offer], how) {
  document.querySelector("#said").textContent = text;
  const again = document.querySelector("#again");
  again.textContent = offer;
  again.hidden = false;
  again.onclick = () => {
    location.hash = how;
    location.reload();
  };
  document.body.classList.add("-closed");
  again.focus();
}

window.WebSocket = class extends WebSocket {
  constructor(address) {
    super(take ? `${address}&take` : address);
    this.addEventListener("close", (event) => {
      const asked = event.code === 4001 || event.code === 4002;
      say(ENDED[event.code] || LOST, asked ? TAKE : "");
    });
  }

  // It is told of the focus before it is open, and of keys when it is closed.
  send(data) {
    if (this.readyState === WebSocket.OPEN) super.send(data);
  }
};

// Files are asked for at the server's top, links would know of this window.
const open = window.open.bind(window);
window.open = (address) => {
  const top = `${location.origin}/download/`;
  return open(address.startsWith(top) ? `${here}download/${address.slice(top.length)}` : address, "_blank", "noopener");
};

// Keys go to the app wherever the page was clicked.
function focusTerminal() {
  const body = document.body.classList;
  if (body.contains("-loaded") && !body.contains("-closed")) document.querySelector(".xterm-helper-textarea")?.focus();
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelector(".textual-terminal").dataset.sessionWebsocketUrl = `${here.replace(/^http/, "ws")}socket`;
  new MutationObserver(focusTerminal).observe(document.body, { attributeFilter: ["class"] });
  window.addEventListener("focus", focusTerminal);
});
