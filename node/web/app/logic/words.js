// Confirming that somebody has written words down: a few places are asked for. Pure.

/** So many different places of a list, in rising order, counted from 0. `random` gives numbers from 0 up to 1. */
export function chosen(length, count, random = Math.random) {
  const places = Array.from({ length }, (_, at) => at);
  for (let at = 0; at < count; at += 1) {
    const other = at + Math.floor(random() * (length - at));
    [places[at], places[other]] = [places[other], places[at]];
  }
  return places.slice(0, count).sort((one, other) => one - other);
}

/** Whether what was typed is the word. Capitals and space around it do not matter. */
export const isWord = (typed, word) => typed.trim().toLowerCase() === word;

/** The words of a text, as BIP39 has them: capitals and the space between them do not matter. */
export const split = (typed) => typed.trim().toLowerCase().split(/\s+/).filter(Boolean);
