// A status list token read by @sd-jwt/jwt-status-list. That library leaves the signature to others: here to Node's own crypto.
//
//     node judge_status_list.mjs < { "token": …, "certificate": PEM, "places": […] }   → the values there
//
// CINNABAR_NODE names the folder with the library (tests/peers/node).
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { verify, X509Certificate } from "node:crypto";

const require = createRequire(`${process.env.CINNABAR_NODE}/package.json`);
const { getListFromStatusListJWT } = require("@sd-jwt/jwt-status-list");

const asked = JSON.parse(readFileSync(0, "utf8"));
const [header, payload, signature] = asked.token.split(".");
const key = { key: new X509Certificate(asked.certificate).publicKey, dsaEncoding: "ieee-p1363" };
if (!verify("sha256", Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, "base64url"))) {
  throw new Error("the signature does not verify");
}
const { typ } = JSON.parse(Buffer.from(header, "base64url"));
if (typ !== "statuslist+jwt") throw new Error(`typ is ${typ}`);
const list = getListFromStatusListJWT(asked.token);
process.stdout.write(JSON.stringify({ values: asked.places.map((place) => list.getStatus(place)) }));
