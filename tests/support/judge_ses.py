"""judge_ses.py SIGNATURE CONTENT: what others say about an SES_Signature of GB/T 38540, as one JSON object.

Reads the DER with asn1crypto and digests by itself. SM2 is verified by gmssl (raw r, s over SM3 with the default signer
identifier), P-256 by the cryptography package.
"""
import hashlib
import json
import sys

from asn1crypto import core, parser, x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from gmssl import func, sm2, sm3


def items(der):
    """The elements of a SEQUENCE, each as its encoding."""
    content, found = parser.parse(der, strict=True)[4], []
    while content:
        length = parser.peek(content)
        found.append(content[:length])
        content = content[length:]
    return found


def bits(element):
    return core.OctetBitString.load(element).native


def verified(certificate, message, signature):
    """Whether a DER signature holds over the message with the certificate's key."""
    spki = certificate["tbs_certificate"]["subject_public_key_info"]
    curve = spki["algorithm"]["parameters"].chosen.dotted
    point = spki["public_key"].native if isinstance(spki["public_key"].native, bytes) else bytes(spki["public_key"])
    r, s = (int(one.native) for one in core.SequenceOf.load(signature, spec=core.Integer))
    if curve == "1.2.156.10197.1.301":
        judge = sm2.CryptSM2(private_key="", public_key=point[1:].hex())
        return judge.verify_with_sm3(f"{r:064x}{s:064x}", message)
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    try:
        key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        return True
    except Exception:
        return False


def digest(certificate, content):
    curve = certificate["tbs_certificate"]["subject_public_key_info"]["algorithm"]["parameters"].chosen.dotted
    if curve == "1.2.156.10197.1.301":
        return sm3.sm3_hash(func.bytes_to_list(content))
    return hashlib.sha256(content).hexdigest()


with open(sys.argv[1], "rb") as file:
    signature = items(file.read())
with open(sys.argv[2], "rb") as file:
    content = file.read()
to_sign, certificate, algorithm, value = signature[:4]
body = items(to_sign)
version, seal, time, data_hash, property_info = body[:5]
signer = x509.Certificate.load(core.OctetString.load(certificate).native)
info, maker, maker_algorithm, maker_value = items(seal)[:4]
maker = x509.Certificate.load(core.OctetString.load(maker).native)
header, es_id, attributes, picture = items(info)[:4]
name, listed = items(attributes)[1], items(attributes)[3]

print(json.dumps({
    "version": core.Integer.load(version).native,
    "time": core.GeneralizedTime.load(time).native.isoformat(),
    "property": core.IA5String.load(property_info).native,
    "algorithm": core.ObjectIdentifier.load(algorithm).dotted,
    "digest": bits(data_hash).hex() == digest(signer, content),
    "signature": verified(signer, to_sign, bits(value)),
    "maker": verified(maker, info, bits(maker_value)),
    "listed": signer.dump() in [core.OctetString.load(one).native for one in items(listed)],
    "name": core.UTF8String.load(name).native,
    "code": core.IA5String.load(es_id).native,
    "stamped": len(signature) == 5,
}))
