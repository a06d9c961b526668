"""Signs a PDF with pyHanko and a throw-away key, time-stamped by an authority, and validates it; prints JSON.

    timestamp_with_pyhanko.py IN.pdf OUT.pdf TSA-URL TSA-ROOT.pem
"""

import asyncio
import datetime
import json
import logging
import sys

from asn1crypto import keys, x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pyhanko.keys import load_certs_from_pemder
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import PdfSignatureMetadata, PdfTimeStamper, SimpleSigner, async_sign_pdf
from pyhanko.sign.timestamps import HTTPTimeStamper
from pyhanko.sign.validation import async_validate_pdf_signature, async_validate_pdf_timestamp
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

logging.disable(logging.ERROR)


def signer():
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test signer")])
    now = datetime.datetime.now(datetime.timezone.utc)
    usage = dict.fromkeys(["key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
                           "encipher_only", "decipher_only"], False)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.KeyUsage(digital_signature=True, content_commitment=True, **usage), critical=True)
        .sign(key, hashes.SHA256())
    )
    der = asn1.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))
    pkcs8 = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    store = SimpleCertificateStore()
    store.register(der)
    return SimpleSigner(signing_cert=der, signing_key=keys.PrivateKeyInfo.load(pkcs8), cert_registry=store), der


async def main():
    source, target, url, root = sys.argv[1:]
    simple, certificate = signer()
    stamper = HTTPTimeStamper(url)
    with open(source, "rb") as file:
        writer = IncrementalPdfFileWriter(file, strict=False)
        metadata = PdfSignatureMetadata(field_name="Signature", md_algorithm="sha256")
        done = await async_sign_pdf(writer, metadata, signer=simple, timestamper=stamper)
    with open(target, "wb") as out:
        out.write(done.getbuffer())
    # A document time-stamp of the same authority on top.
    with open(target, "rb+") as file:
        writer = IncrementalPdfFileWriter(file, strict=False)
        await PdfTimeStamper(stamper).async_timestamp_pdf(writer, "sha512", in_place=True)
    anchors = list(load_certs_from_pemder([root]))
    context = lambda roots: ValidationContext(trust_roots=roots, allow_fetching=False, revocation_mode="soft-fail")
    with open(target, "rb") as file:
        reader = PdfFileReader(file, strict=False)
        status = await async_validate_pdf_signature(
            reader.embedded_regular_signatures[0], context([certificate]), ts_validation_context=context(anchors))
        document = await async_validate_pdf_timestamp(
            reader.embedded_timestamp_signatures[0], validation_context=context(anchors))
    stamp = status.timestamp_validity
    print(json.dumps({
        "signature": status.bottom_line,
        "timestamp": {"intact": stamp.intact, "valid": stamp.valid, "trusted": stamp.trusted, "time": stamp.timestamp.isoformat()},
        "document": {"intact": document.intact, "valid": document.valid, "trusted": document.trusted},
    }))


asyncio.run(main())
