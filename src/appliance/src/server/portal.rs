//! What every request of the public verification pages goes through: counted and bounded by peer address, answered with
//! the headers that hold a browser to this page alone. Nobody is identified here.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, Method, header};

use super::pipeline::{self, Asked};
use super::visit::{Arrival, Visit};
use crate::app::App;
use crate::portal::headers::guard;
use crate::problem::{Kind, Problem, Result};

/// The portal's router: its routes behind the pipeline.
pub(super) fn router(app: &Arc<App>, routes: Router<Arc<App>>) -> Router {
    routes
        .layer(DefaultBodyLimit::max(SMALL))
        .fallback(|| async { Problem::new(Kind::NotFound, "The page is at `/`.") })
        .layer(axum::middleware::from_fn_with_state(app.clone(), around))
        .with_state(app.clone())
}

async fn around(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let asked = Asked::of(&request);
    let Some(Arrival { remote, .. }) = request.extensions().get::<Arrival>().cloned() else {
        return Problem::internal("no arrival at the portal's pipeline").render(Some(asked.id.as_str()));
    };
    let visit = Visit::of_stranger(remote, asked.id.clone());
    let response = match admit(&app, &visit, &request) {
        Ok(()) => {
            request.extensions_mut().insert(visit);
            pipeline::answer(&app, request, next).await
        }
        Err(problem) => problem.render(None),
    };
    let mut response = asked.answered(&app, response, None, || None).await;
    guard(response.headers_mut());
    response
}

fn admit(app: &App, visit: &Visit, request: &Request) -> Result<()> {
    app.portal.count(&visit.peer())?;
    own_page(request.method(), request.headers(), request.uri().authority().map(|host| host.as_str()))
}

/// Forms are taken from this page alone, so that no other page makes its visitors guess for it. Our own policy of naming
/// no referrer makes browsers send `Origin: null` with a form (Fetch §3.2.1), which is why that is let pass.
fn own_page(method: &Method, headers: &HeaderMap, authority: Option<&str>) -> Result<()> {
    let unnamed = headers.get(header::ORIGIN).is_some_and(|origin| origin == "null");
    let mut judged = headers.clone();
    if unnamed {
        judged.remove(header::ORIGIN);
    }
    pipeline::own_origin(method, &judged, authority)
}

/// Largest body that is no file: the form's, the API's JSON.
const SMALL: usize = 64 * 1024;
