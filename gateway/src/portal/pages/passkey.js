// Passkeys and security keys. A page's form says what to ask the browser for, and carries the answer; the words are the page's.
// Without this file every other way to sign in still works.

const form = document.querySelector("form[data-passkey]");
const can = typeof PublicKeyCredential === "function" && navigator.credentials !== undefined;
let under_way;

for (const part of document.querySelectorAll("[data-with-passkeys]")) part.hidden = !can;
if (form && !can) tell("unsupported");
if (form && can) {
  form.hidden = false;
  form.addEventListener("submit", event => { event.preventDefault(); ask(); });
  if ("start" in form.dataset) ask();
}

async function ask() {
  under_way?.abort();
  under_way = new AbortController();
  tell();
  try {
    const key = await navigator.credentials[form.dataset.passkey]({ publicKey: options(), signal: under_way.signal });
    form.elements.credential.value = answer(key);
    form.submit();
  } catch (error) {
    // Aborted: the button was pressed again.
    if (error.name !== "AbortError") tell({ NotAllowedError: "cancelled", InvalidStateError: "known" }[error.name] ?? "failed");
  }
}

function options() {
  const asked = JSON.parse(form.querySelector("[data-options]").value);
  asked.challenge = bytes(asked.challenge);
  if (asked.user) asked.user.id = bytes(asked.user.id);
  for (const key of asked.excludeCredentials ?? asked.allowCredentials ?? []) {
    key.id = bytes(key.id);
    if (!key.transports) delete key.transports;
  }
  return asked;
}

function answer({ id, rawId, type, response }) {
  const said = { clientDataJSON: text(response.clientDataJSON) };
  if (response.attestationObject) {
    said.attestationObject = text(response.attestationObject);
    said.transports = response.getTransports?.() ?? [];
  } else {
    said.authenticatorData = text(response.authenticatorData);
    said.signature = text(response.signature);
    said.userHandle = response.userHandle ? text(response.userHandle) : null;
  }
  return JSON.stringify({ id, rawId: text(rawId), type, response: said });
}

function tell(what) {
  for (const part of document.querySelectorAll("[data-told]")) part.hidden = part.dataset.told !== what;
  const told = document.querySelector(".told");
  if (told) told.hidden = !what;
}

// Base64url without padding, as the server writes it.
function bytes(text) {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), letter => letter.charCodeAt(0));
}

function text(buffer) {
  const letters = Array.from(new Uint8Array(buffer), byte => String.fromCharCode(byte)).join("");
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
