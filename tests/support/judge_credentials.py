"""Credentials judged, and made, by libraries of others: sd-jwt, cwt, base45.

    judge_credentials.py verify-sd-jwt | make-sd-jwt | read-qr | read-status-list

Reads one JSON object on standard input and writes one on standard output; what does not verify ends with an exception.
"""

import base64
import json
import sys
import zlib

import base45
import cwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwcrypto.jwk import JWK
from sd_jwt.common import SDObj
from sd_jwt.holder import SDJWTHolder
from sd_jwt.issuer import SDJWTIssuer
from sd_jwt.verifier import SDJWTVerifier


def public_key(certificate):
    key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def verify_sd_jwt(asked):
    """`presentation`, `certificate` (PEM), and `audience` with `nonce` where a proof of possession is expected."""

    def key(_, header):
        # The certificate travels along; it must be the one that is expected.
        sent = x509.load_der_x509_certificate(base64.b64decode(header["x5c"][0]))
        assert sent == x509.load_pem_x509_certificate(asked["certificate"].encode())
        return JWK.from_pem(public_key(asked["certificate"]))

    verifier = SDJWTVerifier(asked["presentation"], key, asked.get("audience"), asked.get("nonce"))
    return verifier.get_verified_payload()


def make_sd_jwt(asked):
    """`key` (PEM) and `x5c` of the issuer, `claims`, `selective` names, `holder` (PEM), `disclose`, `audience`, `nonce`."""

    def selective(value):
        return {SDObj(name) if name in asked["selective"] else name: one for name, one in value.items()}

    holder = JWK.from_pem(asked["holder"].encode())
    issuer = SDJWTIssuer(
        selective(asked["claims"]),
        JWK.from_pem(asked["key"].encode()),
        holder_key=holder,
        add_decoy_claims=True,
        extra_header_parameters={"typ": "dc+sd-jwt", "x5c": asked["x5c"]},
    )
    wallet = SDJWTHolder(issuer.sd_jwt_issuance)
    wallet.create_presentation(asked["disclose"], asked["nonce"], asked["audience"], holder)
    return {"presentation": wallet.sd_jwt_presentation}


def plain(value):
    """CBOR as JSON can say it."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def decoded(token, certificate):
    # Tokens name the certificate by eight octets of its SHA-256.
    kid = x509.load_pem_x509_certificate(certificate.encode()).fingerprint(hashes.SHA256())[:8]
    key = cwt.COSEKey.from_pem(public_key(certificate), alg="ES256", kid=kid)
    return cwt.decode(token, keys=key)


def read_qr(asked):
    """`text` and `certificate` (PEM); the claims of the token."""
    prefix, encoded = asked["text"][:5], asked["text"][5:]
    assert prefix == "CNB1:", prefix
    return plain(decoded(zlib.decompress(base45.b45decode(encoded)), asked["certificate"]))


def read_status_list(asked):
    """`token` (base64), `certificate` (PEM), `places`; the values there."""
    claims = decoded(base64.b64decode(asked["token"]), asked["certificate"])
    bits, octets = claims[65533]["bits"], zlib.decompress(claims[65533]["lst"])
    each = 8 // bits
    value = lambda place: octets[place // each] >> (place % each * bits) & ((1 << bits) - 1)
    return {"sub": claims[2], "ttl": claims[65534], "values": [value(place) for place in asked["places"]]}


JUDGES = {
    "verify-sd-jwt": verify_sd_jwt,
    "make-sd-jwt": make_sd_jwt,
    "read-qr": read_qr,
    "read-status-list": read_status_list,
}

json.dump(JUDGES[sys.argv[1]](json.load(sys.stdin)), sys.stdout, ensure_ascii=False)
