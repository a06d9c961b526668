"""Signs a PDF with pyHanko's own client of the Cloud Signature Consortium API (version 1 of it); prints JSON.

    csc_with_pyhanko.py IN.pdf OUT.pdf SERVICE-URL IDENTITY-FOLDER CREDENTIAL [again]

With `again` the activation data of the first signature is presented a second time, which must fail.
"""

import asyncio
import json
import logging
import ssl
import sys
from pathlib import Path

import aiohttp
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import PdfSignatureMetadata, PdfSigner, fields
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers import csc_signer

logging.disable(logging.ERROR)


class Manager(csc_signer.CSCAuthorizationManager):
    """Asks for activation data for exactly the hashes about to be signed."""

    def __init__(self, http, service, credential, again):
        super().__init__(service, credential)
        self.http, self.again, self.kept = http, again, None

    async def authorize_signature(self, hash_b64s):
        if self.kept is not None and self.again:
            return self.kept
        request = self.format_csc_auth_request(hash_b64s=hash_b64s)
        url = self.csc_session_info.endpoint_url("credentials/authorize")
        async with self.http.post(url, json=request, raise_for_status=True) as response:
            self.kept = self.parse_csc_auth_response(await response.json())
        return self.kept


async def sign(source, target, signer):
    with open(source, "rb") as given, open(target, "wb") as out:
        writer = IncrementalPdfFileWriter(given)
        metadata = PdfSignatureMetadata(
            field_name="Signature1", md_algorithm="sha256", subfilter=fields.SigSeedSubFilter.PADES
        )
        await PdfSigner(metadata, signer=signer).async_sign_pdf(writer, output=out)


async def main(source, target, url, folder, credential, again):
    folder = Path(folder)
    context = ssl.create_default_context(cafile=folder / "root.pem")
    joined = Path(target).with_suffix(".pem")
    joined.write_bytes(b"".join((folder / name).read_bytes() for name in ("certificate.pem", "chain.pem")))
    context.load_cert_chain(joined, folder / "key.pem")
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http:
        service = csc_signer.CSCServiceSessionInfo(url, credential)
        described = await csc_signer.fetch_certs_in_csc_credential(http, service)
        manager = Manager(http, service, described, again)
        signer = csc_signer.CSCSigner(http, manager, sign_timeout=60, embed_roots=False)
        await sign(source, target, signer)
        told = {
            "mechanisms": sorted(described.supported_mechanisms),
            "batch": described.max_batch_size,
            "pinned": described.hash_pinning_required,
        }
        if again:
            try:
                await sign(source, target + ".again", signer)
                told["again"] = "signed"
            except SigningError as error:
                told["again"] = "refused"
        print(json.dumps(told))


asyncio.run(main(*sys.argv[1:6], len(sys.argv) > 6))
