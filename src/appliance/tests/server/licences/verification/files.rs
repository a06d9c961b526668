//! Licences as files: as issued, and whatever can be done to one.

use http::Method;

use super::*;
use crate::documents::{furnish, pdf};

/// A sealed document.
async fn sealed(world: &World, sealer: &Credential, pages: usize) -> Vec<u8> {
    let mut client = world.house.connect(sealer).await;
    let kind = [("content-type", "application/pdf")];
    let answer =
        client.send(Method::POST, "/v1/documents/seal?seal=first", &kind, pdf(pages, 0)).await.unwrap();
    assert_eq!(answer.status, 201);
    answer.body.to_vec()
}

async fn verdict(world: &World, octets: &[u8]) -> Json {
    let answer = world.sent("application/pdf", octets).await;
    assert_eq!(answer.status, 200, "{} {:?}", world.kind, answer.body);
    answer.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_licence_as_issued_passes_and_whatever_was_done_to_it_does_not_on_both_databases() {
    for world in worlds().await {
        let sealer = furnish(&world.house, &["first", "second"]).await;
        let put = Put::active("PRINTED001");
        world.put(&put).await;
        let original = sealed(&world, &sealer, 1).await;
        world.file(&put, "original", &original).await;
        let as_issued = verdict(&world, &original).await;
        assert_eq!((&as_issued["code"], &as_issued["file"]), (&0.into(), &0.into()), "{as_issued}");
        assert_eq!(as_issued["licence"]["identifier"], put.name());
        assert_eq!(found(&as_issued).1, ["as-issued"]);

        // Another page: smaller by a point.
        let mut replaced = original.clone();
        let page = replaced.windows(7).position(|part| part == b"595 842").unwrap();
        replaced[page + 2] = b'4';
        let altered = verdict(&world, &replaced).await;
        assert_eq!((&altered["code"], &altered["file"]), (&6.into(), &1.into()), "{altered}");
        assert!(altered["licence"].is_null());

        // A revision behind it: a further seal, allowed to anybody's eyes, drawn over the page.
        let mut client = world.house.connect(&sealer).await;
        let kind = [("content-type", "application/pdf")];
        let path = "/v1/documents/seal?seal=second";
        let more = client.send(Method::POST, path, &kind, original.clone()).await.unwrap();
        assert_eq!(more.status, 201);
        let appended = verdict(&world, &more.body).await;
        assert_eq!((&appended["code"], &appended["file"]), (&6.into(), &2.into()), "{appended}");
        assert_eq!(found(&appended).1, ["changed"]);

        // Octets behind the end, and a file saved anew: the same pages, no seal.
        let trailing = [&original[..], b"\n(anything)"].concat();
        let trailing = verdict(&world, &trailing).await;
        assert_eq!(trailing["code"], 6, "{trailing}");
        let stripped = verdict(&world, &pdf(1, 0)).await;
        assert_eq!((&stripped["code"], &stripped["file"]), (&6.into(), &1.into()), "{stripped}");
        assert_eq!(found(&stripped).1, ["no-seal", "not-on-record"]);

        // A document that is sealed and no licence.
        let other = verdict(&world, &sealed(&world, &sealer, 2).await).await;
        assert_eq!((&other["code"], &other["file"]), (&5.into(), &2.into()), "{other}");
        assert_eq!(found(&other).1, ["not-on-record"]);

        // A file that came with a licence that was taken over is believed by its seal alone.
        let taken = Put::active("TAKENOVER1");
        world.put(&taken).await;
        world.taken_over(&taken).await;
        let stranger = super::world().await;
        let foreign = sealed(&stranger, &furnish(&stranger.house, &["first"]).await, 1).await;
        world.file(&taken, "original", &foreign).await;
        let unproven = verdict(&world, &foreign).await;
        assert_eq!((&unproven["code"], &unproven["file"]), (&6.into(), &1.into()), "{unproven}");
        assert_eq!(unproven["reasons"][0]["name"], "taken-over-unproven");
        assert!(unproven["licence"].is_null());
        let ours = sealed(&world, &sealer, 3).await;
        world.file(&taken, "duplicate", &ours).await;
        let proven = verdict(&world, &ours).await;
        assert_eq!(
            (&proven["code"], found(&proven).1),
            (&0.into(), vec!["taken-over", "as-taken-over"]),
            "{proven}"
        );

        // The file of a version that was replaced is what was issued, and void.
        let second = Put { number: 2, ..put.clone() };
        world.replace(&second).await;
        let former = verdict(&world, &original).await;
        assert_eq!((&former["code"], &former["file"]), (&3.into(), &0.into()), "{former}");
        assert_eq!(former["licence"]["present"], second.name());

        // The interface with one code for both lets no licence pass that is not in force.
        let mut client = world.house.connect(&world.verifier).await;
        let kind = [("content-type", "application/pdf")];
        for (octets, code) in [(&original, 2), (&ours, 0)] {
            let answer =
                client.send(Method::POST, "/v1/shared/verify-file", &kind, octets.clone()).await.unwrap();
            assert_eq!((answer.status, &answer.json()["code"]), (200, &code.into()), "{:?}", answer.body);
        }
    }
}
