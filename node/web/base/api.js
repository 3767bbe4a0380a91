// Questions to the server that this page came from.

/** What a server refused, in its own words; `status` is 0 if it did not answer. */
export class Refused extends Error {
  constructor(status, problem, retryAfter = null) {
    super(problem.detail ?? problem.title ?? `The server answered ${status}.`);
    this.status = status;
    this.problem = problem;
    /** Seconds until another try is worth it, if the server said so. */
    this.retryAfter = retryAfter;
  }
}

/** Asks, and gives the answer's JSON (text if it is not JSON). Throws `Refused`. */
export async function ask(method, path, body, headers = {}) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: body === undefined ? headers : { "content-type": "application/json", ...headers },
      body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
    });
  } catch {
    throw new Refused(0, { detail: "The server does not answer. Is it still running?" });
  }
  const json = /[/+]json\b/.test(answer.headers.get("content-type") ?? "");
  let content;
  try {
    content = json ? await answer.json() : await answer.text();
  } catch {
    throw new Refused(0, { detail: "The server's answer broke off. Is it still running?" });
  }
  if (answer.ok) return content;
  throw new Refused(answer.status, json ? content : { detail: content }, Number(answer.headers.get("retry-after")) || null);
}

export const get = (path) => ask("GET", path);
export const post = (path, body) => ask("POST", path, body);
export const del = (path, body) => ask("DELETE", path, body);
