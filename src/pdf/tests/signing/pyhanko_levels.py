"""Signs with pyHanko, and asks it what a document with long-term material is worth.

pyhanko_levels.py sign PLAIN SIGNED KEYS AT FILTER [stamped]   KEYS: a folder with root.der, ca.der, seal.der, seal.key,
                                                               tsa.der, tsa.key; FILTER: adbe or etsi
pyhanko_levels.py judge ROOT.der AT FILE…                      one JSON object a file; times in Unix seconds

Judged is what the file itself brings, with nothing but the root and hard-fail revocation, at the time AT.
"""
import asyncio
import hashlib
import json
import logging
import sys
from datetime import datetime, timezone

from asn1crypto import cms, keys, x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields, signers
from pyhanko.sign.general import as_signing_certificate_v2, simple_cms_attribute
from pyhanko.sign.timestamps import DummyTimeStamper
from pyhanko.sign.validation import ades, async_validate_pdf_signature, async_validate_pdf_timestamp
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.policy_decl import (
    PdfSignatureValidationSpec, RevinfoOnlineFetchingRule, RevocationInfoGatheringSpec, SignatureValidationSpec)
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.ltv import ades_past, poe, types
from pyhanko_certvalidator.ltv.types import ValidationTimingInfo
from pyhanko_certvalidator.policy_decl import REQUIRE_REVINFO, CertRevTrustPolicy
from pyhanko_certvalidator.registry import SimpleCertificateStore, SimpleTrustManager

logging.disable(logging.CRITICAL)


class Clock(datetime):
    """The time of validation, where pyHanko asks the machine's clock."""

    at = 0

    @classmethod
    def now(cls, tz=None):
        return datetime.fromtimestamp(cls.at, tz)


class Stamper(DummyTimeStamper):
    """pyHanko's stamper for tests, which knows RSA alone, with our authority's kind of key."""

    def _sign_tst_info(self, tst_info_data, md_algorithm, dt):
        attributes = cms.CMSAttributes([
            simple_cms_attribute("content_type", "tst_info"),
            simple_cms_attribute("signing_certificate_v2", as_signing_certificate_v2(self.tsa_cert)),
            simple_cms_attribute("message_digest", hashlib.sha256(tst_info_data).digest())])
        key = serialization.load_der_private_key(self.tsa_key.dump(), password=None)
        return key.sign(attributes.dump(), ec.ECDSA(hashes.SHA256())), attributes

    def _build_signed_data(self, *arguments):
        data = super()._build_signed_data(*arguments)
        data["signer_infos"][0]["signature_algorithm"] = {"algorithm": "sha256_ecdsa"}
        return data


def read(path):
    with open(path, "rb") as file:
        return file.read()


async def sign(plain, signed, folder, at, kind, stamped):
    certificate = lambda name: x509.Certificate.load(read(f"{folder}/{name}.der"))
    key = lambda name: keys.PrivateKeyInfo.load(read(f"{folder}/{name}.key"))
    registry = SimpleCertificateStore()
    registry.register(certificate("ca"))
    signer = signers.SimpleSigner(certificate("seal"), key("seal"), registry)
    when = datetime.fromtimestamp(at, timezone.utc)
    stamper = Stamper(certificate("tsa"), key("tsa"), certs_to_embed=registry, fixed_dt=when)
    filters = {"adbe": fields.SigSeedSubFilter.ADOBE_PKCS7_DETACHED, "etsi": fields.SigSeedSubFilter.PADES}
    meta = signers.PdfSignatureMetadata(field_name="Foreign", md_algorithm="sha256", subfilter=filters[kind])
    with open(plain, "rb") as source, open(signed, "wb") as target:
        await signers.async_sign_pdf(IncrementalPdfFileWriter(source), meta, signer,
                                     timestamper=stamper if stamped else None, output=target)


async def judge(root, at, name):
    when = datetime.fromtimestamp(at, timezone.utc)
    manager = SimpleTrustManager.build([root])
    policy = CertValidationPolicySpec(trust_manager=manager, revinfo_policy=CertRevTrustPolicy(REQUIRE_REVINFO))
    spec = PdfSignatureValidationSpec(SignatureValidationSpec(
        cert_validation_policy=policy,
        revinfo_gathering_policy=RevocationInfoGatheringSpec(online_fetching_rule=RevinfoOnlineFetchingRule.LOCAL_ONLY)))
    told = {"file": name, "signatures": [], "timestamps": []}
    with open(name, "rb") as file:
        reader = PdfFileReader(file, strict=True)
        store = DocumentSecurityStore.read_dss(reader)
        context = lambda: store.as_validation_context(
            {"trust_roots": [root], "allow_fetching": False, "moment": when, "revocation_mode": "hard-fail"})
        told["store"] = {"certs": len(store.certs), "crls": len(store.crls), "ocsps": len(store.ocsps), "vri": len(store.vri_entries)}
        for signature in reader.embedded_regular_signatures:
            status = await async_validate_pdf_signature(
                signature, signer_validation_context=context(), ts_validation_context=context())
            timing = ValidationTimingInfo(validation_time=when, best_signature_time=when, point_in_time_validation=True)
            lta = await ades.ades_lta_validation(signature, spec, timing_info=timing)
            told["signatures"].append({
                "field": signature.field_name, "bottom_line": status.bottom_line, "intact": status.intact,
                "trusted": status.trusted, "docmdp_ok": status.docmdp_ok,
                "changes": status.modification_level.name if status.modification_level is not None else None,
                "stamped": status.timestamp_validity is not None and status.timestamp_validity.trusted,
                "lta": lta.ades_subindic.name,
                "oldest_evidence_record_timestamp": str(lta.oldest_evidence_record_timestamp)})
        for signature in reader.embedded_timestamp_signatures:
            status = await async_validate_pdf_timestamp(signature, context())
            told["timestamps"].append({
                "intact": status.intact, "trusted": status.trusted, "coverage": status.coverage.name})
    print(json.dumps(told))


async def main():
    if sys.argv[1] == "sign":
        plain, signed, folder, at, kind = sys.argv[2:7]
        return await sign(plain, signed, folder, int(at), kind, sys.argv[7:] == ["stamped"])
    root, at = x509.Certificate.load(read(sys.argv[2])), int(sys.argv[3])
    Clock.at = at
    for module in (poe, ades_past, types, ades):
        module.datetime = Clock
    for name in sys.argv[4:]:
        await judge(root, at, name)


asyncio.run(main())
