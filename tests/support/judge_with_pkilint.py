"""Judges every file of a folder with pkilint: NAME.cer, NAME.crl (of end entities), NAME.arl (of authorities),
NAME.ocsp; all DER. A certificate whose issuer is also there is judged together with it.

One line per finding: file, severity, code, where, message, separated by tabs. The last line says how many were judged.
"""

import pathlib
import sys

from cryptography import x509
from pkilint import loader, pkix
from pkilint.bin import lint_pkix_signer_signee_cert_chain as chain
from pkilint.pkix import certificate, crl, extension, name, ocsp

CERTIFICATE = certificate.create_pkix_certificate_validator_container(
    certificate.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
    [
        certificate.create_issuer_validator_container([]),
        certificate.create_validity_validator_container(),
        certificate.create_subject_validator_container([]),
        certificate.create_extensions_validator_container([]),
        certificate.create_spki_validator_container([]),
    ],
)


def revocation_list():
    return crl.create_pkix_crl_validator_container(
        [
            pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
            pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
        ],
        [
            crl.create_issuer_validator_container([]),
            crl.create_validity_validator_container([]),
            crl.create_extensions_validator_container([]),
        ],
    )


OCSP = ocsp.create_pkix_ocsp_response_validator_container(
    [
        ocsp.create_response_decoder(),
        pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
        pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
    ],
    [],
)

KINDS = {
    ".cer": (loader.RFC5280CertificateDocumentLoader(), CERTIFICATE),
    ".crl": (loader.RFC5280CertificateListDocumentLoader(), revocation_list()),
    ".arl": (loader.RFC5280CertificateListDocumentLoader(), revocation_list()),
    ".ocsp": (loader.RFC6960OCSPResponseDocumentLoader(), OCSP),
}


def say(file, results):
    for result in results:
        for finding in result.finding_descriptions:
            what = finding.finding
            message = (finding.message or "").replace("\n", " ")
            print(file, what.severity.name, what.code, result.node.path, message, sep="\t")


def judge_chain(issuer, subject):
    load = loader.RFC5280CertificateDocumentLoader().load_der_document
    together = {}
    for role, path in (("issuer", issuer), ("subject", subject)):
        together[role] = load(path.read_bytes(), path.name, role, together)
    results = chain.create_decoder_validation_container().validate(together["issuer"].root)
    results += chain.create_decoder_validation_container().validate(together["subject"].root)
    results += chain.create_issuer_validation_container().validate(together["issuer"].root)
    results += chain.create_subject_validation_container().validate(together["subject"].root)
    return results


def key_identifier(certificate, kind, field):
    try:
        return getattr(certificate.extensions.get_extension_for_class(kind).value, field)
    except x509.ExtensionNotFound:
        return None


def main():
    folder = pathlib.Path(sys.argv[1])
    judged, certificates = 0, []
    for path in sorted(folder.iterdir()):
        if path.suffix not in KINDS:
            continue
        load, validator = KINDS[path.suffix]
        judged += 1
        try:
            document = load.load_der_document(path.read_bytes(), path.name)
        except ValueError as error:
            print(path.name, "FATAL", "unreadable", "", str(error).replace("\n", " "), sep="\t")
            continue
        say(path.name, validator.validate(document.root))
        if path.suffix == ".cer":
            certificates.append((path, x509.load_der_x509_certificate(path.read_bytes())))
    own = {}
    for path, found in certificates:
        own.setdefault(key_identifier(found, x509.SubjectKeyIdentifier, "digest"), path)
    for path, found in certificates:
        identifier = key_identifier(found, x509.AuthorityKeyIdentifier, "key_identifier")
        issuer = own.get(identifier)
        if identifier is not None and issuer is not None and issuer != path:
            say(path.name, judge_chain(issuer, path))
            judged += 1
    print(f"judged {judged}")


main()
