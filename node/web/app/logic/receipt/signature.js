// Ed25519 as the browser has it, or not.

/**
 * Whether the signature holds: true, false, or null where this browser cannot check it. Browsers refuse a few odd signatures
 * that the network's rule (ZIP 215) allows, never the other way round.
 */
export async function holds(key, signature, message) {
  if (signature.length !== 64) return false;
  let imported;
  try {
    imported = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
  } catch (error) {
    // A browser with Ed25519 takes any 32 bytes here, or calls bytes that are no key a fault of the data.
    return error.name === "DataError" ? false : null;
  }
  try {
    return await crypto.subtle.verify("Ed25519", imported, signature, message);
  } catch {
    return null;
  }
}
