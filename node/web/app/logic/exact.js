// JSON as its author wrote it: a page that shows a record must not lose digits of a number or the order of members. Pure.

const STRING = /"(?:[^"\\]|\\.)*"/y;

/**
 * The texts of the members called `name` in the objects of a list that is a member of the outermost object, such as
 * `{"records":[{"record":TEXT}]}`: one for each object, null where it has none. `json` must be JSON.
 */
export function exactMembers(json, name) {
  const found = [];
  let [depth, key, from] = [0, null, null];
  const wanted = JSON.stringify(name);
  const end = (at) => {
    if (from !== null && depth === 3) {
      found[found.length - 1] = json.slice(from, at).trim();
      from = null;
    }
  };
  for (let at = 0; at < json.length; at += 1) {
    const letter = json[at];
    if (letter === '"') {
      STRING.lastIndex = at;
      const [string] = STRING.exec(json);
      if (depth === 3 && from === null) key = string;
      at += string.length - 1;
    } else if (letter === "{" || letter === "[") {
      depth += 1;
      if (depth === 3 && letter === "{") found.push(null);
    } else if (letter === ":") {
      if (depth === 3 && from === null && key === wanted) from = at + 1;
    } else if (letter === ",") {
      end(at);
      key = depth === 3 ? null : key;
    } else if (letter === "}" || letter === "]") {
      end(at);
      depth -= 1;
    }
  }
  return found;
}

/** Whether reading this JSON and writing it again gives the same, but for spaces between its parts. */
export function survives(json) {
  return JSON.stringify(JSON.parse(json)) === json.replace(/("(?:[^"\\]|\\.)*")|\s+/g, "$1");
}
