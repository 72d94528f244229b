// Two lines that stay open: what a browser sees when the gateway cuts them.
const say = (id, text, cut) => {
  const cell = document.getElementById(id);
  cell.textContent = text;
  cell.className = cut ? "cut" : "";
};

const events = new EventSource("/clock");
events.onmessage = (event) => say("events", event.data);
// Reading it again would only be refused again.
events.onerror = () => { events.close(); say("events", "cut", true); };

const socket = new WebSocket(`${location.origin.replace("http", "ws")}/ws`);
socket.onmessage = (event) => say("socket", event.data);
socket.onclose = () => say("socket", "cut", true);
