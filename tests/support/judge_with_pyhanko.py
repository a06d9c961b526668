"""Validates every signature of a PDF with pyHanko and prints JSON: judge_with_pyhanko.py FILE ROOT.pem [all]

With `all` document time-stamps are validated too. Documents that open without a password are decrypted.
"""

import json
import logging
import sys


from pyhanko.keys import load_certs_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature, validate_pdf_timestamp
from pyhanko_certvalidator import ValidationContext

logging.disable(logging.ERROR)
roots = list(load_certs_from_pemder([sys.argv[2]]))
verdicts = []
with open(sys.argv[1], "rb") as file:
    reader = PdfFileReader(file, strict=False)
    if reader.encrypted:
        reader.decrypt("")
    for signature in reader.embedded_signatures if "all" in sys.argv[3:] else reader.embedded_regular_signatures:
        # Revocation is our own verifier's and openssl's matter: a private authority's CRL address answers to nobody here.
        context = ValidationContext(trust_roots=roots, allow_fetching=False, revocation_mode="soft-fail")
        if signature.sig_object.get("/Type") == "/DocTimeStamp":
            status = validate_pdf_timestamp(signature, validation_context=context)
        else:
            status = validate_pdf_signature(signature, signer_validation_context=context)
        # A time-stamp's status has no word for all of it.
        stamp = getattr(status, "timestamp_validity", None)
        sound = getattr(status, "bottom_line", status.intact and status.valid and status.trusted)
        verdicts.append({
            "field": signature.field_name,
            "intact": status.intact, "valid": status.valid, "trusted": status.trusted, "bottom_line": sound,
            "coverage": status.coverage.name,
            "docmdp_ok": getattr(status, "docmdp_ok", None),
            "stamped": stamp is not None and stamp.intact and stamp.valid and stamp.trusted,
            "modification": status.modification_level.name if status.modification_level is not None else None,
            "subfilter": str(signature.sig_object["/SubFilter"]),
            "signer": status.signing_cert.subject.human_friendly,
            "digest": status.md_algorithm,
        })
print(json.dumps(verdicts, ensure_ascii=False))
