"""pyhanko_validate.py ROOT.pem FILE…: pyHanko's opinion of every signature, one JSON object a line."""
import json
import sys

from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

root = load_cert_from_pemder(sys.argv[1])
for name in sys.argv[2:]:
    with open(name, "rb") as file:
        reader = PdfFileReader(file, strict=False)
        if reader.encrypted:
            reader.decrypt("")
        for signature in reader.embedded_signatures:
            if signature.sig_object["/SubFilter"] not in ("/ETSI.CAdES.detached", "/adbe.pkcs7.detached"):
                # What pyHanko has no name for; that it finds the field and its octets is all it can say.
                print(json.dumps({"file": name, "field": signature.field_name,
                                  "unsupported": str(signature.sig_object["/SubFilter"])}))
                continue
            status = validate_pdf_signature(signature, ValidationContext(trust_roots=[root], allow_fetching=False))
            print(json.dumps({
                "file": name,
                "field": signature.field_name,
                "intact": status.intact,
                "valid": status.valid,
                "trusted": status.trusted,
                "bottom_line": status.bottom_line,
                "coverage": status.coverage.name,
                "docmdp_ok": status.docmdp_ok,
                "seed_values": str(status.seed_value_constraint_error or ""),
                "changes": status.modification_level.name if status.modification_level is not None else None,
            }))
