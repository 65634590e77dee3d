/* Passkeys: the device is asked what the page's form carries, and its answer is sent with the form. Without it, the password. */
const bytes = text => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), one => one.charCodeAt(0));
const said = buffer => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const list = keys => (keys || []).map(key => ({ ...key, id: bytes(key.id) }));

const ask = async options => {
  const asked = { ...options, challenge: bytes(options.challenge) };
  if (!options.user) return navigator.credentials.get({ publicKey: { ...asked, allowCredentials: list(options.allowCredentials) } });
  const user = { ...options.user, id: bytes(options.user.id) };
  return navigator.credentials.create({ publicKey: { ...asked, user, excludeCredentials: list(options.excludeCredentials) } });
};

const answer = found => {
  const response = { clientDataJSON: said(found.response.clientDataJSON) };
  for (const part of ["attestationObject", "authenticatorData", "signature", "userHandle"])
    if (found.response[part]) response[part] = said(found.response[part]);
  return JSON.stringify({ id: found.id, rawId: said(found.rawId), type: found.type, response, clientExtensionResults: {} });
};

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) continue;
  form.hidden = false;
  for (const other of document.querySelectorAll("[data-without-passkeys]")) other.hidden = true;
  form.addEventListener("submit", async event => {
    event.preventDefault();
    const button = form.querySelector("button"), failed = form.querySelector("[data-failed]");
    button.disabled = true;
    failed.hidden = true;
    try {
      form.elements.answer.value = answer(await ask(JSON.parse(form.dataset.passkey)));
      form.submit();
    } catch {
      failed.hidden = false;
      button.disabled = false;
    }
  });
}
