// Requests to the cabin, of this page's own origin only.

/** Raised with the server's sentence and its status; status 0 is no answer at all. */
export class Refused extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

export function get(path) {
  return answer(fetch(`/api/v1/${path}`, { credentials: "same-origin", cache: "no-store" }));
}

/** A picture as an address that holds all of it: no other request is needed, and nothing of it is kept elsewhere. */
export async function picture(path) {
  const asked = fetch(`/api/v1/${path}`, { credentials: "same-origin", cache: "no-store" });
  return `data:image/svg+xml,${encodeURIComponent(await answer(asked, (response) => response.text()))}`;
}

export function post(path, body) {
  const headers = { "Content-Type": "application/json" };
  return answer(fetch(`/api/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) }));
}

async function answer(asked, read = (response) => response.json()) {
  let response;
  let body;
  try {
    response = await asked;
    body = await (response.ok ? read(response) : response.json());
  } catch (error) {
    throw new Refused(0, String(error));
  }
  if (!response.ok) throw new Refused(response.status, body.error);
  return body;
}
