"""Signs corpus files with pyHanko, run by its own interpreter: sign_with_pyhanko.py PLAIN FORM FOLDER

Certificates are made here and their private keys never leave this process. FOLDER gets the signed PDFs and, beside them,
`pyhanko-root.pem` and `pyhanko-tsa-root.pem`, the trust anchors. Prints `name<TAB>how it was made` for each PDF.
"""

import datetime
import io
import sys
from pathlib import Path

from asn1crypto import keys, x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields, signers, timestamps
from pyhanko_certvalidator.registry import SimpleCertificateStore

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def name(common):
    return x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "示例机构"),
                      x509.NameAttribute(NameOID.COMMON_NAME, common)])


def certificate(subject, key, issuer=None, issuer_key=None, usages=None):
    """A certificate good for a year; self-issued and a CA when there is no issuer."""
    authority = issuer is None
    builder = (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(subject) if authority else issuer.subject)
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(NOW - datetime.timedelta(hours=1)).not_valid_after(NOW + datetime.timedelta(days=365))
               .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
               .add_extension(x509.KeyUsage(digital_signature=not authority, content_commitment=not authority, key_encipherment=False,
                                            data_encipherment=False, key_agreement=False, key_cert_sign=authority, crl_sign=authority,
                                            encipher_only=False, decipher_only=False), critical=True)
               .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False))
    if not authority:
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=True)
    return builder.sign(issuer_key or key, hashes.SHA256())


def as_asn1(cert):
    return asn1_x509.Certificate.load(cert.public_bytes(serialization.Encoding.DER))


def key_info(key):
    return keys.PrivateKeyInfo.load(key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


def store(*certs):
    made = SimpleCertificateStore()
    made.register_multiple([as_asn1(cert) for cert in certs])
    return made


def main():
    plain, form, folder = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    root_key = ec.generate_private_key(ec.SECP256R1())
    root = certificate("pyHanko corpus root", root_key)
    leaf_key = ec.generate_private_key(ec.SECP256R1())
    leaf = certificate("pyHanko corpus signer", leaf_key, root, root_key)
    rsa_key = rsa.generate_private_key(65537, 2048)
    rsa_leaf = certificate("pyHanko corpus RSA signer", rsa_key, root, root_key)
    tsa_root_key = ec.generate_private_key(ec.SECP256R1())
    tsa_root = certificate("pyHanko corpus TSA root", tsa_root_key)
    tsa_key = rsa.generate_private_key(65537, 2048)  # the dummy time-stamper signs with RSA only
    tsa = certificate("pyHanko corpus TSA", tsa_key, tsa_root, tsa_root_key, [ExtendedKeyUsageOID.TIME_STAMPING])
    (folder / "pyhanko-root.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    (folder / "pyhanko-tsa-root.pem").write_bytes(tsa_root.public_bytes(serialization.Encoding.PEM))

    ecdsa = signers.SimpleSigner(signing_cert=as_asn1(leaf), signing_key=key_info(leaf_key), cert_registry=store(root, leaf))
    rsa_signer = signers.SimpleSigner(signing_cert=as_asn1(rsa_leaf), signing_key=key_info(rsa_key), cert_registry=store(root, rsa_leaf))
    pss_signer = signers.SimpleSigner(signing_cert=as_asn1(rsa_leaf), signing_key=key_info(rsa_key), cert_registry=store(root, rsa_leaf), prefer_pss=True)
    stamper = timestamps.DummyTimeStamper(tsa_cert=as_asn1(tsa), tsa_key=key_info(tsa_key), certs_to_embed=store(tsa, tsa_root))
    pades = fields.SigSeedSubFilter.PADES

    def sign(source, field, signer, stamp=None, **metadata):
        metadata.setdefault("subfilter", pades)
        meta = signers.PdfSignatureMetadata(field_name=field, md_algorithm="sha256", reason="语料", location="示例市", **metadata)
        out = io.BytesIO()
        signers.PdfSigner(meta, signer, timestamper=stamp).sign_pdf(IncrementalPdfFileWriter(io.BytesIO(source)), output=out)
        return out.getvalue()

    def keep(label, data, how):
        assert PdfFileReader(io.BytesIO(data)).embedded_signatures
        (folder / f"{label}.pdf").write_bytes(data)
        print(f"{label}\t{how}")

    source = plain.read_bytes()
    once = sign(source, "Signature1", ecdsa)
    keep("signed-pyhanko", once, "pyHanko on chromium: PAdES B-B, P-256")
    keep("signed-pyhanko-rsa", sign(source, "Signature1", rsa_signer), "pyHanko on chromium: PAdES B-B, RSA PKCS#1 v1.5")
    keep("signed-pyhanko-pss", sign(source, "Signature1", pss_signer), "pyHanko on chromium: PAdES B-B, RSASSA-PSS")
    keep("signed-pyhanko-pkcs7", sign(source, "Signature1", rsa_signer, subfilter=fields.SigSeedSubFilter.ADOBE_PKCS7_DETACHED),
         "pyHanko on chromium: adbe.pkcs7.detached with signing-time, RSA")
    keep("signed-pyhanko-twice", sign(once, "Signature2", rsa_signer), "pyHanko on chromium: two approval signatures, P-256 then RSA")
    keep("signed-pyhanko-t", sign(source, "Signature1", ecdsa, stamp=stamper), "pyHanko on chromium: PAdES B-T, own time-stamp authority")
    certified = sign(form.read_bytes(), "Certification", ecdsa, certify=True, docmdp_permissions=fields.MDPPerm.FILL_FORMS)
    keep("certified-pyhanko", certified, "pyHanko on form: certified, DocMDP P=2")
    keep("certified-pyhanko-locked", sign(source, "Certification", ecdsa, certify=True, docmdp_permissions=fields.MDPPerm.NO_CHANGES),
         "pyHanko on chromium: certified, DocMDP P=1")


if __name__ == "__main__":
    main()
