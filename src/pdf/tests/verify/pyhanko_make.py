"""Makes signed files of higher levels and later changes with pyHanko: pyhanko_make.py CORPUS FOLDER

Uses the certificate helpers of tests/corpus/sign_with_pyhanko.py. FOLDER gets root.pem and the files; for each, one JSON
line of pyHanko's own verdict on its first signature: {"file", "docmdp_ok", "level", "coverage"}.
"""

import io
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "tests" / "corpus"))
from sign_with_pyhanko import (ExtendedKeyUsageOID, IncrementalPdfFileWriter, NOW, PdfFileReader, as_asn1, certificate, datetime, ec, fields,
                               hashes, key_info, rsa, serialization, signers, store, timestamps, x509)

from asn1crypto import crl as asn1_crl
from pyhanko.pdf_utils import generic
from pyhanko.sign.signers import PdfTimeStamper
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko_certvalidator import ValidationContext


def main():
    corpus, folder = Path(sys.argv[1]), Path(sys.argv[2])
    root_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    tsa_key = rsa.generate_private_key(65537, 2048)
    root = certificate("levels root", root_key)
    leaf = certificate("levels signer", leaf_key, root, root_key)
    tsa = certificate("levels TSA", tsa_key, root, root_key, [ExtendedKeyUsageOID.TIME_STAMPING])
    (folder / "root.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    crl = (x509.CertificateRevocationListBuilder().issuer_name(root.subject).last_update(NOW - datetime.timedelta(hours=1))
           .next_update(NOW + datetime.timedelta(days=30)).add_extension(x509.CRLNumber(1), False)
           .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), False).sign(root_key, hashes.SHA256()))
    crl = asn1_crl.CertificateList.load(crl.public_bytes(serialization.Encoding.DER))
    signer = signers.SimpleSigner(signing_cert=as_asn1(leaf), signing_key=key_info(leaf_key), cert_registry=store(root, leaf))
    stamper = timestamps.DummyTimeStamper(tsa_cert=as_asn1(tsa), tsa_key=key_info(tsa_key), certs_to_embed=store(tsa, root))

    def context():
        return ValidationContext(trust_roots=[as_asn1(root)], crls=[crl], allow_fetching=False, revocation_mode="soft-fail")

    def sign(source, field, stamp=None, **metadata):
        meta = signers.PdfSignatureMetadata(field_name=field, md_algorithm="sha256", subfilter=fields.SigSeedSubFilter.PADES, **metadata)
        out = io.BytesIO()
        signers.PdfSigner(meta, signer, timestamper=stamp).sign_pdf(IncrementalPdfFileWriter(io.BytesIO(source)), output=out)
        return out.getvalue()

    def fill(data, value):
        writer = IncrementalPdfFileWriter(io.BytesIO(data))
        reference = writer.root["/AcroForm"]["/Fields"].raw_get(0)
        reference.get_object()["/V"] = generic.TextStringObject(value)
        writer.mark_update(reference.reference)
        out = io.BytesIO()
        writer.write(out)
        return out.getvalue()

    def timestamp(data):
        out = io.BytesIO()
        PdfTimeStamper(stamper).timestamp_pdf(IncrementalPdfFileWriter(io.BytesIO(data)), "sha256", context(), output=out)
        return out.getvalue()

    def renew(data):
        out = io.BytesIO()
        PdfTimeStamper(stamper).update_archival_timestamp_chain(PdfFileReader(io.BytesIO(data)), context(), output=out)
        return out.getvalue()

    def field_added(data, **look):
        writer = IncrementalPdfFileWriter(io.BytesIO(data))
        fields.append_signature_field(writer, fields.SigFieldSpec("Next", box=(10, 10, 100, 60), **look))
        out = io.BytesIO()
        writer.write(out)
        return out.getvalue()

    def store_added(data):
        out = io.BytesIO(data)
        contents = PdfFileReader(io.BytesIO(data)).embedded_regular_signatures[0].pkcs7_content
        DocumentSecurityStore.add_dss(out, contents, certs=[as_asn1(root), as_asn1(leaf)], crls=[crl])
        return out.getvalue()

    def locked(data):
        writer = IncrementalPdfFileWriter(io.BytesIO(data))
        lock = fields.FieldMDPSpec(fields.FieldMDPAction.ALL)
        fields.append_signature_field(writer, fields.SigFieldSpec("Locked", box=(10, 10, 100, 60), field_mdp_spec=lock))
        out = io.BytesIO()
        writer.write(out)
        return out.getvalue()

    plain, form = (corpus / "plain-31k.pdf").read_bytes(), (corpus / "form.pdf").read_bytes()
    long_term = {"embed_validation_info": True, "validation_context": context()}
    strict = {"certify": True, "docmdp_permissions": fields.MDPPerm.NO_CHANGES}
    filling = {"certify": True, "docmdp_permissions": fields.MDPPerm.FILL_FORMS}
    archived = sign(plain, "S1", stamper, use_pades_lta=True, **long_term)
    made = {
        "b-lt": sign(plain, "S1", stamper, **long_term),
        "b-lta": archived,
        "b-lta-renewed": renew(archived),
        "b-lta-signed-again": sign(archived, "S2"),
        "certified-strictly-b-lta": sign(plain, "S1", stamper, use_pades_lta=True, **long_term, **strict),
        "filled": fill(sign(form, "S1"), "Zhang"),
        "certified-strictly-filled": fill(sign(form, "S1", **strict), "Zhang"),
        "certified-filled": fill(sign(form, "S1", **filling), "Zhang"),
        "locked-then-signed": sign(sign(locked(plain), "Locked"), "S2"),
        "field-added": field_added(sign(plain, "S1")),
        "field-added-then-signed": sign(field_added(sign(plain, "S1")), "Next"),
        "store-added": store_added(sign(plain, "S1")),
        "store-added-certified-strictly": store_added(sign(plain, "S1", **strict)),
        "timestamp-only": timestamp(plain),
        "timestamp-then-signed": sign(timestamp(plain), "S1"),
    }
    for name, data in made.items():
        (folder / f"{name}.pdf").write_bytes(data)
        signatures = PdfFileReader(io.BytesIO(data)).embedded_regular_signatures
        status = validate_pdf_signature(signatures[0], context()) if signatures else None
        level = status.modification_level.name if status and status.modification_level else None
        print(json.dumps({"file": name, "docmdp_ok": status and status.docmdp_ok, "level": level,
                          "coverage": status and status.coverage.name}))


if __name__ == "__main__":
    main()
