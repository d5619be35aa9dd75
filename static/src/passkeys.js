import { showToast } from "./toasts.js";

// Passkeys: what the server asks is in #passkey-options (or fetched, at sign-in); the answer goes into the form.

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const known = (list) => (list ?? []).map((one) => ({ ...one, id: bytes(one.id) }));

function creation(asked, passwordless) {
  const selection = { ...asked.authenticatorSelection, residentKey: passwordless ? "required" : "discouraged", requireResidentKey: passwordless };
  if (passwordless) selection.userVerification = "required";
  return {
    ...asked,
    challenge: bytes(asked.challenge),
    user: { ...asked.user, id: bytes(asked.user.id) },
    excludeCredentials: known(asked.excludeCredentials),
    authenticatorSelection: selection,
  };
}

function answer(credential) {
  const response = { clientDataJSON: text(credential.response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = text(credential.response[name]);
  }
  return JSON.stringify({
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    clientExtensionResults: credential.getClientExtensionResults(),
    response,
  });
}

async function options(form, kind) {
  if (kind !== "login") return JSON.parse(document.getElementById("passkey-options").textContent);
  const reply = await fetch(form.action, { headers: { Accept: "application/json" } });
  if (!reply.ok) throw new Error(`The server answered ${reply.status}.`);
  return reply.json();
}

async function use(button) {
  const form = button.closest("form");
  const kind = button.dataset.passkey;
  const asked = await options(form, kind);
  const credential =
    kind === "create"
      ? await navigator.credentials.create({ publicKey: creation(asked.creation_options.publicKey, form.elements.passwordless?.checked ?? false) })
      : await navigator.credentials.get({
          publicKey: { ...asked.request_options.publicKey, challenge: bytes(asked.request_options.publicKey.challenge), allowCredentials: known(asked.request_options.publicKey.allowCredentials) },
        });
  form.elements.credential.value = answer(credential);
  form.submit();
}

for (const button of document.querySelectorAll("[data-passkey]")) {
  if (!window.PublicKeyCredential) button.disabled = true;
  button.addEventListener("click", (event) => {
    event.preventDefault();
    use(button).catch((error) => showToast(error.name === "NotAllowedError" ? "Nothing was confirmed. Try again." : error.message, "bad"));
  });
}
