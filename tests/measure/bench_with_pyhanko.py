"""Processor milliseconds pyHanko takes: bench_with_pyhanko.py sign IN KEY.p12 PASSWORD ROUNDS | judge FILE ROOT.pem ROUNDS

Everything from the octets in memory to the signed octets, or to the verdict on every signature with its strict difference rules; imports
and one round to warm up are left out. Revocation is not looked at, which is in pyHanko's favour.
"""

import io
import json
import logging
import sys
import time

from pyhanko.keys import load_certs_from_pemder
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

logging.disable(logging.ERROR)


def signing(path, key, password, rounds):
    with open(path, "rb") as file:
        document = file.read()
    signer = signers.SimpleSigner.load_pkcs12(key, passphrase=password.encode())
    meta = signers.PdfSignatureMetadata(field_name="Signature", subfilter=SigSeedSubFilter.PADES, md_algorithm="sha256")

    def one():
        out = io.BytesIO()
        signers.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(document)), meta, signer=signer, output=out)
        assert out.getbuffer().nbytes > len(document)

    return per_round(one, int(rounds))


def judging(path, root, rounds):
    with open(path, "rb") as file:
        document = file.read()
    roots = list(load_certs_from_pemder([root]))

    def one():
        reader = PdfFileReader(io.BytesIO(document))
        for signature in reader.embedded_regular_signatures:
            context = ValidationContext(trust_roots=roots, allow_fetching=False, revocation_mode="soft-fail")
            status = validate_pdf_signature(signature, signer_validation_context=context)
            assert status.bottom_line, status.summary()

    return per_round(one, int(rounds))


def per_round(one, rounds):
    one()
    before = time.process_time()
    for _ in range(rounds):
        one()
    return (time.process_time() - before) * 1000 / rounds


command, *arguments = sys.argv[1:]
print(json.dumps({"cpu_ms": {"sign": signing, "judge": judging}[command](*arguments)}))
