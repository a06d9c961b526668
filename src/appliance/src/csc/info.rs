//! `info`: what this service is and can (CSC API v1 §11.1, v2 §11.1). Open to whoever gets through the handshake.

use axum::Json;
use serde_json::{Value, json};

use super::credentials::Version;
use crate::app::App;

/// What the service says of itself.
pub fn info(app: &App, version: Version) -> Json<Value> {
    let organisation = &app.config.appliance.organisation;
    let mut answer = json!({
        "specs": version.specs(),
        "name": format!("Cinnabar, {organisation}"),
        "logo": "",
        "region": "CN",
        "lang": "zh-CN",
        "description": "Seals of a government-services platform: remote signatures, each on record. 政务服务平台电子印章远程签名服务。",
        // The client certificate of mutual TLS stands for service authorisation.
        "authType": ["TLS"],
        "methods": [
            "info", "credentials/list", "credentials/info", "credentials/authorize", "signatures/signHash"
        ],
    });
    if let (Version::Two, Some(members)) = (version, answer.as_object_mut()) {
        if let Some(methods) = members.get_mut("methods").and_then(Value::as_array_mut) {
            methods.push("signatures/signDoc".into());
        }
        members.insert("asynchronousOperationMode".into(), false.into());
        members.insert("validationInfo".into(), false.into());
        let algorithms: Vec<String> =
            super::credentials::algorithms().map(|(oid, _)| oid.to_string()).collect();
        members.insert("signAlgorithms".into(), json!({ "algos": algorithms, "algoParams": [] }));
        members.insert(
            "signature_formats".into(),
            json!({ "formats": ["P"], "envelope_properties": [["Certification", "Revision"]] }),
        );
        let levels = super::sign_doc::LEVELS.map(|(word, _)| word);
        members.insert("conformance_levels".into(), json!(levels));
    }
    Json(answer)
}
