// Text of strangers as it is, with what cannot be seen made visible: signs that turn the direction of writing, that have no
// width, or that steer a terminal could make a text look like another. Pure.

// Joiners (U+200C, U+200D) stay: scripts and emoji are written with them.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** The text, with each such sign as its number, such as `⟨202E⟩`. */
export const visible = (text) => text.replace(UNSEEN, (sign) => `⟨${sign.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
