//! What the service seals with an electronic seal, verified by the command without a server and by the service with its
//! register; and what is not so when it was tampered with.

use support::corpus;

use crate::{PLACE, ready, small_pdf};

#[test]
fn what_was_sealed_verifies_offline_and_the_register_tells_how_things_stand() {
    let (appliance, client) = ready();
    let folder = corpus::scratch();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let sealed = client.seal(&format!("{PLACE}&format=ses"), small_pdf()).is(201).body;
    std::fs::write(path("sealed.pdf"), &sealed).unwrap();
    let eseal = client.call("GET", "/v1/seals/bureau-seal/eseal", &[], Vec::new()).is(200).body;
    std::fs::write(path("bureau.esl"), &eseal).unwrap();

    let [root, maker] = ["root", "seal-maker"].map(|name| appliance.certificate(name).display().to_string());
    let port = appliance.public_port.to_string();
    let online = ["--online", "--allow-port", &port, "--allow-network", "127.0.0.0/8", "::1/128"];
    let verify = |file: &str, more: &[&str]| {
        let file = path(file);
        let known = ["verify", &file, "--json", "--trust-anchor", &root, "--seal-maker", &maker];
        appliance.cli(&[&known[..], &online, more].concat())
    };
    let report = verify("sealed.pdf", &[]).exits(0).json();
    let signature = &report["signatures"][0];
    assert_eq!((&signature["kind"], &signature["integrity"]), (&"ses-signature".into(), &"intact".into()));
    let seal = &signature["seal"];
    assert_eq!(seal["picture"]["shown"], true, "the page shows what stands in the seal: {seal}");
    assert!(seal["steps"].as_array().unwrap().iter().all(|step| step["outcome"] == "passed"), "{seal}");
    let report = verify("bureau.esl", &[]).exits(0).json();
    assert_eq!(
        (&report["file"]["format"], &report["signatures"][0]["kind"]),
        (&"seal".into(), &"seal".into())
    );

    // Somebody else's word on who makes seals, a document altered, and one with another's signature.
    let signer = appliance.certificate("seals-ca").display().to_string();
    let file = path("sealed.pdf");
    let other = ["verify", &file, "--trust-anchor", &root, "--seal-maker", &signer];
    appliance.cli(&[&other[..], &online].concat()).exits(4);
    let mut altered = sealed.to_vec();
    altered[60] ^= 1;
    std::fs::write(path("altered.pdf"), &altered).unwrap();
    verify("altered.pdf", &[]).exits(3);
    // Who makes seals is named, or the verdict stays open.
    let plain = ["verify", &file, "--trust-anchor", &root, "--report", "simple", "--lang", "zh"];
    appliance.cli(&[&plain[..], &online].concat()).exits(4);
    let words = appliance.cli(&[&plain[..], &["--seal-maker", &maker], &online].concat()).exits(0).stdout;
    assert!(words.contains("电子签章 1") && words.contains("印章有效期"), "{words}");

    // The register: active; then suspended, which does not touch what our own log says was sealed before.
    let headers = [("content-type", "application/octet-stream")];
    let ask = || client.call("POST", "/v1/documents/verify", &headers, sealed.clone()).is(200).json();
    let report = ask();
    assert_eq!(report["verdict"], "valid", "{report}");
    assert_eq!(report["signatures"][0]["seal"]["now"]["told_by"], "registry");
    let status = ["seal-status", "--seal", &path("bureau.esl"), "--json"];
    assert_eq!(appliance.cli_as("approval", &status).ok().json()["now"]["state"], "active");
    appliance.cli_as("officer-1", &["seal-record", "suspend", "bureau-seal"]).ok();
    let told = appliance.cli_as("approval", &status).ok().json();
    assert_eq!((&told["now"]["state"], told["now"]["since"].is_string()), (&"suspended".into(), true));
    let report = ask();
    assert_eq!(report["verdict"], "valid", "{report}");
    let seal = &report["signatures"][0]["seal"];
    assert_eq!((&seal["then"]["word"], &seal["now"]["word"]), (&"active".into(), &"suspended".into()));
    assert!(seal["steps"].to_string().contains("本系统日志记载于"), "{seal}");
    appliance.cli_as("officer-1", &["seal-record", "resume", "bureau-seal"]).ok();
    assert_eq!(ask()["verdict"], "valid");
}
