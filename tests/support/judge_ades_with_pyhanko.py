"""Validates PDF signatures with pyHanko's implementation of EN 319 102-1 and prints JSON: judge_ades_with_pyhanko.py CASES.json

CASES.json: [{"name", "file" (a PDF, whose last regular signature is meant, or a bare CMS), "at", "anchors": [certificate],
"certificates": [..], "crls": [..], "ocsps": [..], "ends": {"ecdsa256": 0, ..}}], times in Unix seconds, files DER. The answer
names, for each case and each of the three processes, the sub-indication: {"NAME": {"basic": .., "time": .., "archival": ..}}
"""

import asyncio
import json
import logging
import sys
from datetime import datetime, timezone

from asn1crypto import cms, crl, ocsp, x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import ades
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.policy_decl import (
    CMSAlgorithmUsagePolicy, LocalKnowledge, PdfSignatureValidationSpec, RevinfoOnlineFetchingRule,
    RevocationInfoGatheringSpec, SignatureValidationSpec, bootstrap_validation_data_handlers)
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.ltv import ades_past, poe, types
from pyhanko_certvalidator.ltv.types import ValidationTimingInfo
from pyhanko_certvalidator.policy_decl import (
    REQUIRE_REVINFO, AlgorithmUsageConstraint, AlgorithmUsagePolicy, CertRevTrustPolicy)
from pyhanko_certvalidator.registry import SimpleTrustManager
from pyhanko_certvalidator.revinfo.archival import CRLContainer, OCSPContainer

logging.disable(logging.CRITICAL)


class Clock(datetime):
    """The time of validation, where pyHanko asks the machine's clock: an object without a proof exists "now"."""

    at = 0

    @classmethod
    def now(cls, tz=None):
        return datetime.fromtimestamp(cls.at, tz)


for module in (poe, ades_past, types, ades):
    module.datetime = Clock


class Ends(AlgorithmUsagePolicy):
    """Signature algorithms by name and key size, each with the time from which it proves nothing."""

    def __init__(self, ends):
        self.ends = {name: datetime.fromtimestamp(end, timezone.utc) for name, end in ends.items()}

    def digest_algorithm_allowed(self, algo, moment):
        return AlgorithmUsageConstraint(True)

    def signature_algorithm_allowed(self, algo, moment, public_key):
        name = f"{algo.signature_algo}{public_key.bit_size if public_key is not None else ''}"
        end = self.ends.get(name)
        if end is None:
            return AlgorithmUsageConstraint(True)
        if end.timestamp() <= 0:
            return AlgorithmUsageConstraint(False)
        return AlgorithmUsageConstraint(moment is not None and moment < end, end)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def specification(case):
    roots = [x509.Certificate.load(read(path)) for path in case["anchors"]]
    policy = Ends(case["ends"])
    certificates = CertValidationPolicySpec(
        trust_manager=SimpleTrustManager.build(roots),
        revinfo_policy=CertRevTrustPolicy(REQUIRE_REVINFO),
        algorithm_usage_policy=policy)
    knowledge = LocalKnowledge(
        # Validation of the past looks for the issuers of lists among these, and never among the anchors.
        known_certs=roots + [x509.Certificate.load(read(path)) for path in case["certificates"]],
        known_crls=[CRLContainer(crl.CertificateList.load(read(path))) for path in case["crls"]],
        known_ocsps=[one for path in case["ocsps"] for one in OCSPContainer.load_multi(ocsp.OCSPResponse.load(read(path)))])
    return SignatureValidationSpec(
        cert_validation_policy=certificates, local_knowledge=knowledge,
        revinfo_gathering_policy=RevocationInfoGatheringSpec(online_fetching_rule=RevinfoOnlineFetchingRule.LOCAL_ONLY),
        signature_algorithm_policy=CMSAlgorithmUsagePolicy.lift_policy(policy))


async def sub_indication(run):
    try:
        return (await run).ades_subindic.name
    except SignatureValidationError as error:
        return error.ades_subindication.name if error.ades_subindication is not None else type(error).__name__
    except Exception as error:  # whatever else it stumbles over is an answer as well
        return type(error).__name__


async def judge(case):
    at = datetime.fromtimestamp(case["at"], timezone.utc)
    Clock.at = case["at"]
    timing = lambda: ValidationTimingInfo(validation_time=at, best_signature_time=at, point_in_time_validation=True)
    spec = specification(case)
    if case["file"].endswith(".p7s"):
        data = cms.ContentInfo.load(read(case["file"]))["content"]
        return {"basic": await sub_indication(ades.ades_basic_validation(data, spec, timing_info=timing()))}
    answer = {}
    with open(case["file"], "rb") as file:
        embedded = lambda: PdfFileReader(file, strict=False).embedded_regular_signatures[-1]
        try:
            signature = embedded()
            digest = signature.compute_digest()
            knowledge = ades._dss_to_local_knowledge(signature.reader)
        except Exception as error:
            return dict.fromkeys(["basic", "time", "archival"], type(error).__name__)
        with_store = ades.dataclasses.replace(spec, local_knowledge=LocalKnowledge(
            known_certs=spec.local_knowledge.known_certs + knowledge.known_certs,
            known_crls=spec.local_knowledge.known_crls + knowledge.known_crls,
            known_ocsps=spec.local_knowledge.known_ocsps + knowledge.known_ocsps))
        answer["basic"] = await sub_indication(
            ades.ades_basic_validation(signature.signed_data, with_store, timing_info=timing(), raw_digest=digest))
        answer["time"] = await sub_indication(
            ades.ades_with_time_validation(signature.signed_data, with_store, timing_info=timing(), raw_digest=digest))
        whole = PdfSignatureValidationSpec(spec)
        answer["archival"] = await sub_indication(ades.ades_lta_validation(embedded(), whole, timing_info=timing()))
    return answer


async def main():
    cases = json.loads(read(sys.argv[1]))
    print(json.dumps({case["name"]: await judge(case) for case in cases}))


asyncio.run(main())
