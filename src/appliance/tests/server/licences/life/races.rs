//! Several hands at once: one wins, the others change nothing, nothing is lost.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn of_two_departments_at_once_one_wins_and_the_other_changes_nothing() {
    for office in offices().await {
        for round in 0..8 {
            let id = office.import(&format!("2024000{round:04}"), &json!({})).await;
            let tag = office.tag(&id).await;
            let post = async |who: &Credential, operation: Operation| {
                let path = format!("/v1/licences/{id}/{}", operation.as_str());
                let mut client = office.house.connect(who).await;
                client.post_with(&path, &said(operation), &[("if-match", &tag)]).await
            };
            let officer = office.house.officer(1);
            let (one, two, three) = tokio::join!(
                post(&office.own, Operation::Suspend),
                post(&office.own, Operation::Cancel),
                post(&officer, Operation::Revoke),
            );
            let answers = [&one, &two, &three];
            let won = answers.iter().filter(|answer| answer.status == 200).count();
            assert_eq!(won, 1, "{} {:?}", office.kind, answers.map(|answer| answer.status));
            for answer in answers.into_iter().filter(|answer| answer.status != 200) {
                assert!([409, 412].contains(&answer.status), "{} {:?}", office.kind, answer.body);
            }
            let events = office.events(&id).await;
            assert_eq!(events.len(), 2, "{} {events:?}", office.kind);
            assert_eq!(office.state(&id).await.as_str(), events[1]["after"], "{}", office.kind);
        }
        office.audited().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_at_the_same_time_is_done_once_and_answered_alike() {
    for office in offices().await {
        let id = office.import("20240000001", &json!({})).await;
        let path = format!("/v1/licences/{id}/suspend");
        let post = async || {
            let headers = [("if-match", "*"), ("idempotency-key", "case-17")];
            office.client().await.post_with(&path, &said(Operation::Suspend), &headers).await
        };
        let (one, two, three) = tokio::join!(post(), post(), post());
        for answer in [&one, &two, &three] {
            assert_eq!(answer.status, 200, "{} {:?}", office.kind, answer.body);
            assert_eq!(answer.json()["event"], one.json()["event"], "{}", office.kind);
        }
        assert_eq!(office.events(&id).await.len(), 2, "{}", office.kind);
        office.audited().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_licence_is_taken_over_once_however_many_bring_it() {
    for office in offices().await {
        let order = old(TYPE, "20240000001", &json!({}));
        let bring = async || office.client().await.post("/v1/licences/import", &order).await.status;
        let (one, two, three, four) = tokio::join!(bring(), bring(), bring(), bring());
        let mut statuses = [one, two, three, four];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409, 409], "{}", office.kind);
        assert_eq!(crate::seals::count(&office.house, "SELECT count(*) AS n FROM licence_events").await, 1);
        office.audited().await;
    }
}
