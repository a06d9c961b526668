"""What pyHanko says of many PDFs at one moment: judge_all_with_pyhanko.py ROOT.pem MOMENT FILE…

Prints one JSON line per file: {"file", "signatures": [{"valid", "bottom_line", "coverage"}]}, signatures and document
time-stamps in the order of their fields; `signatures` is null where it cannot read the file at all. MOMENT is in seconds since
the epoch, so that the answer does not depend on the day.
"""

import datetime
import json
import logging
import sys
from pathlib import Path

from pyhanko.keys import load_certs_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature, validate_pdf_timestamp
from pyhanko_certvalidator import ValidationContext

logging.disable(logging.CRITICAL)
roots = list(load_certs_from_pemder([sys.argv[1]]))
moment = datetime.datetime.fromtimestamp(int(sys.argv[2]), datetime.timezone.utc)


def judge(signature):
    context = ValidationContext(trust_roots=roots, allow_fetching=False, revocation_mode="soft-fail", moment=moment)
    if str(signature.sig_object.get("/SubFilter")) == "/ETSI.RFC3161":
        status = validate_pdf_timestamp(signature, context)
    else:
        status = validate_pdf_signature(signature, signer_validation_context=context)
    return {"valid": bool(status.intact and status.valid), "bottom_line": bool(status.bottom_line), "coverage": status.coverage.name}


for name in sys.argv[3:]:
    try:
        with open(name, "rb") as file:
            found = PdfFileReader(file, strict=False).embedded_signatures
            verdicts = []
            for signature in found:
                try:
                    verdicts.append(judge(signature))
                except Exception:  # pylint: disable=broad-except
                    verdicts.append({"valid": False, "bottom_line": False, "coverage": None})
    except Exception:  # pylint: disable=broad-except
        verdicts = None
    print(json.dumps({"file": Path(name).name, "signatures": verdicts}))
