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

export function post(path, body) {
  const headers = { "Content-Type": "application/json" };
  return answer(fetch(`/api/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) }));
}

async function answer(asked) {
  let response;
  let body;
  try {
    response = await asked;
    body = await response.json();
  } catch (error) {
    throw new Refused(0, String(error));
  }
  if (!response.ok) throw new Refused(response.status, body.error);
  return body;
}
