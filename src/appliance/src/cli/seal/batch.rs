//! Many PDFs in few requests: sent and received in pieces, each result written as soon as it is there.

use std::collections::HashSet;
use std::fs::{File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::Method;
use http_body_util::{BodyExt, StreamBody};
use serde_json::{Value, json};

use super::super::client::{Client, Outgoing, problem_text};
use super::super::{Failure, Global, Outcome, Output, Tone, block_on, whole};
use super::SealArgs;

/// Runs `cinnabar seal FILE… --out-dir`.
pub fn run(args: &SealArgs, folder: &Path, global: &Global, output: Output) -> Outcome {
    let mut targets = Vec::new();
    let mut names = HashSet::new();
    for file in &args.files {
        let name = file.file_name().ok_or_else(|| format!("`{}` names no file", file.display()))?;
        if !names.insert(name.to_owned()) {
            let name = name.to_string_lossy();
            return Err(format!("`{name}` occurs twice: the sealed files would overwrite each other").into());
        }
        let target = folder.join(name);
        args.free(&target)?;
        targets.push(target);
    }
    std::fs::create_dir_all(folder).map_err(|e| format!("cannot make `{}`: {e}", folder.display()))?;
    let (order, key, client) = (args.order()?, args.key(), args.remote.client(global)?);
    let bar = output.progress(args.files.len() as u64, "sealing");
    let mut results: Vec<Value> = Vec::with_capacity(args.files.len());
    for (number, group) in groups(&args.files)?.into_iter().enumerate() {
        let key = key_of(&key, number);
        let (files, targets) = (args.files.get(group.clone()), targets.get(group));
        let (files, targets) = (files.unwrap_or_default(), targets.unwrap_or_default());
        let form = Form::new(&order, files)?;
        let told = block_on(request(&client, form, &key, (files, targets), args.force, || bar.inc(1)))?;
        let mut told = told.unwrap_or_else(|error| {
            // A request that fails as a whole fails its files, not those of other requests.
            let said = error.to_string();
            targets.iter().map(|_| Some(json!({ "error": said }))).collect()
        });
        told.resize(files.len(), None);
        for (file, told) in files.iter().zip(told) {
            let mut told = told.unwrap_or_else(|| json!({ "error": "the answer ended before this file" }));
            if let Some(members) = told.as_object_mut() {
                members.insert("input".into(), file.display().to_string().into());
            }
            results.push(told);
        }
    }
    bar.finish_and_clear();
    let failed = results.iter().filter(|result| result.get("error").is_some()).count();
    let mut lines = Vec::new();
    for result in &results {
        let text = |name: &str| result.get(name).and_then(Value::as_str).unwrap_or_default();
        lines.push(match result.get("error") {
            None => (Tone::Good, format!("sealed: {} (log leaf {})", text("output"), text("leaf"))),
            Some(_) => (Tone::Bad, format!("failed: {}: {}", text("input"), text("error"))),
        });
    }
    lines.push((Tone::Plain, format!("{} sealed, {failed} failed", results.len() - failed)));
    output.result(&json!({ "sealed": results.len() - failed, "failed": failed, "files": results }), &lines);
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The key of one request of several: what makes two documents of the same octets two acts is counted within a request.
/// The first has the key as it is, so that files sent again under the key that was told for them are found.
fn key_of(key: &str, number: usize) -> String {
    if number == 0 { key.to_owned() } else { format!("{key}-{}", number + 1) }
}

/// Ranges of files that go into one request each.
fn groups(files: &[PathBuf]) -> Result<Vec<std::ops::Range<usize>>, Failure> {
    let (mut groups, mut begin, mut octets) = (Vec::new(), 0, 0);
    for (index, file) in files.iter().enumerate() {
        let length =
            std::fs::metadata(file).map_err(|e| format!("cannot read `{}`: {e}", file.display()))?.len();
        if index > begin && (index - begin == MOST_FILES || octets + length > MOST_OCTETS) {
            groups.push(begin..index);
            (begin, octets) = (index, 0);
        }
        octets += length;
    }
    groups.push(begin..files.len());
    Ok(groups)
}

/// One request; what is told of each file, in their order.
async fn request(
    client: &Client,
    form: Form,
    key: &str,
    (files, targets): (&[PathBuf], &[PathBuf]),
    replace: bool,
    done: impl Fn(),
) -> Result<Vec<Option<Value>>, Failure> {
    let kind = form.content_type();
    let headers = [("content-type", kind.as_str()), ("idempotency-key", key)];
    let answer = client.stream(Method::POST, "/v1/documents/seal-batch", &headers, form.body()).await?;
    let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let boundary = kind.split_once("boundary=").ok_or("the answer has no parts")?.1.to_owned();
    let body = http_body_util::BodyStream::new(answer.into_body());
    let mut parts = multer::Multipart::new(chunks(body), boundary);
    let mut told: Vec<Option<Value>> = targets.iter().map(|_| None).collect();
    loop {
        let part = match parts.next_field().await {
            Ok(Some(part)) => part,
            Ok(None) => return Ok(told),
            // What came before the answer broke off is sealed, and there.
            Err(error) => {
                let said = format!(
                    "the answer broke off: {error}; send the file again with the same --idempotency-key {key}"
                );
                told.iter_mut()
                    .filter(|one| one.is_none())
                    .for_each(|one| *one = Some(json!({ "error": said })));
                return Ok(told);
            }
        };
        let header =
            |name: &str| part.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let index = header("cinnabar-index").and_then(|index| index.parse::<usize>().ok());
        let (leaf, record) = (header("cinnabar-leaf"), header("location"));
        let (kind, digest) = (header("content-type").unwrap_or_default(), header("content-digest"));
        let (Some(index), true) = (index, told.len() == targets.len()) else { continue };
        let (Some(file), Some(target), Some(slot)) =
            (files.get(index), targets.get(index), told.get_mut(index))
        else {
            continue;
        };
        *slot = Some(if kind == "application/pdf" {
            match written(
                part.map(|chunk| chunk.map_err(|e| e.to_string())),
                (file, target),
                digest.as_deref(),
                replace,
            )
            .await
            {
                Ok(octets) => json!({
                    "output": target.display().to_string(), "leaf": leaf, "record": record, "octets": octets,
                }),
                Err(error) => json!({ "error": error.to_string() }),
            }
        } else {
            let problem = part.bytes().await.map_err(|error| error.to_string());
            let problem: Value = serde_json::from_slice(&problem?).unwrap_or_default();
            let status = problem.get("status").and_then(Value::as_u64).and_then(|s| u16::try_from(s).ok());
            json!({ "error": problem_text(status.unwrap_or_default(), &problem), "problem": problem })
        });
        done();
    }
}

/// The data of a body.
pub(super) fn chunks(
    body: http_body_util::BodyStream<hyper::body::Incoming>,
) -> impl Stream<Item = Result<Bytes, String>> + Unpin + Send {
    Box::pin(body.filter_map(|frame| async {
        match frame {
            Ok(frame) => frame.into_data().ok().map(Ok),
            Err(error) => Some(Err(error.to_string())),
        }
    }))
}

/// Writes what comes of `input` to `target`, which appears whole or not at all, and holds it against its digest. It is
/// as open as `input` is: who keeps a document to himself keeps the sealed one to himself.
pub(super) async fn written(
    mut chunks: impl Stream<Item = Result<Bytes, String>> + Unpin,
    (input, target): (&Path, &Path),
    digest: Option<&str>,
    replace: bool,
) -> Result<u64, Failure> {
    let cannot = |error: std::io::Error| format!("cannot write `{}`: {error}", target.display());
    let mut file = tempfile::NamedTempFile::new_in(whole::folder(target)).map_err(cannot)?;
    let mut hash = crypto::DigestAlgorithm::Sha256.hasher();
    let mut octets = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| format!("the answer broke off: {error}"))?;
        hash.update(&chunk);
        octets += chunk.len() as u64;
        file.write_all(&chunk).map_err(cannot)?;
    }
    let told = format!("sha-256=:{}:", STANDARD.encode(hash.finish()));
    if digest != Some(told.as_str()) {
        return Err("the answer does not have the digest it states; ask again".into());
    }
    let mode = input.metadata().map_err(|e| format!("cannot read `{}`: {e}", input.display()))?.mode();
    file.as_file().set_permissions(Permissions::from_mode(mode & 0o777)).map_err(cannot)?;
    whole::keep(file, target, replace)?;
    Ok(octets)
}

/// A request with its documents, read when they are sent.
pub(super) struct Form {
    boundary: String,
    parts: Vec<(Bytes, Option<PathBuf>)>,
}

impl Form {
    /// The order, then the documents.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(super) fn new(order: &Value, files: &[PathBuf]) -> Result<Self, Failure> {
        let boundary = format!("cinnabar-{}", uuid::Uuid::new_v4().simple());
        let head = |name: &str, more: &str| {
            format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"{more}\r\n")
        };
        let mut parts = vec![(
            format!("{}content-type: application/json\r\n\r\n{order}", head("request", "")).into(),
            None,
        )];
        for file in files {
            File::open(file).map_err(|e| format!("cannot read `{}`: {e}", file.display()))?;
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            // What could end the quoted text does not belong into it.
            let name: String = name.chars().filter(|c| !c.is_control() && !matches!(c, '"' | '\\')).collect();
            let head = head("document", &format!("; filename=\"{name}\""));
            parts.push((format!("{head}content-type: application/pdf\r\n\r\n").into(), Some(file.clone())));
        }
        Ok(Self { boundary, parts })
    }

    pub(super) fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    pub(super) fn body(self) -> Outgoing {
        let end = Bytes::from(format!("--{}--\r\n", self.boundary));
        let parts = futures_util::stream::iter(self.parts).flat_map(|(head, file)| {
            let once = |bytes| futures_util::stream::iter([Ok(bytes)]);
            once(head).chain(pieces(file)).chain(once(Bytes::from_static(b"\r\n")))
        });
        let parts = parts.chain(futures_util::stream::iter([Ok(end)]));
        StreamBody::new(parts.map(|piece| piece.map(http_body::Frame::data))).boxed_unsync()
    }
}

/// A request that is the file at `path`, read when it is sent.
///
/// # Errors
/// It cannot be read.
pub(in crate::cli) fn file_body(path: &Path) -> Result<Outgoing, Failure> {
    File::open(path).map_err(|e| format!("cannot read `{}`: {e}", path.display()))?;
    let pieces = pieces(Some(path.to_owned()));
    Ok(StreamBody::new(pieces.map(|piece| piece.map(http_body::Frame::data))).boxed_unsync())
}

fn pieces(file: Option<PathBuf>) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    let opened = file.map(File::open);
    futures_util::stream::unfold(opened, |state| async move {
        let mut file = match state? {
            Ok(file) => file,
            Err(error) => return Some((Err(error), None)),
        };
        let mut piece = vec![0; PIECE];
        match file.read(&mut piece) {
            Ok(0) => None,
            Ok(count) => {
                piece.truncate(count);
                Some((Ok(piece.into()), Some(Ok(file))))
            }
            Err(error) => Some((Err(error), None)),
        }
    })
}

/// Octets read at once.
const PIECE: usize = 256 * 1024;
/// Files of one request: below what a service takes unless told otherwise, and a bar that moves.
const MOST_FILES: usize = 100;
/// Octets of the files of one request.
const MOST_OCTETS: u64 = 256 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    async fn sealed(input: &Path, target: &Path) -> Result<u64, Failure> {
        let digest = STANDARD.encode(crypto::DigestAlgorithm::Sha256.digest(b"sealed"));
        let chunks = futures_util::stream::iter([Ok(Bytes::from_static(b"sealed"))]);
        written(chunks, (input, target), Some(&format!("sha-256=:{digest}:")), true).await
    }

    #[tokio::test]
    async fn a_sealed_file_is_as_open_as_its_original() {
        let folder = tempfile::tempdir().unwrap();
        let (input, target) = (folder.path().join("in"), folder.path().join("out"));
        std::fs::write(&input, b"x").unwrap();
        for mode in [0o600, 0o640, 0o644] {
            std::fs::set_permissions(&input, Permissions::from_mode(mode)).unwrap();
            assert_eq!(sealed(&input, &target).await.unwrap(), 6);
            assert_eq!(target.metadata().unwrap().mode() & 0o777, mode);
        }
    }

    #[test]
    fn each_request_has_a_key_of_its_own_and_the_first_the_one_given() {
        assert_eq!([key_of("k", 0), key_of("k", 1), key_of("k", 2)], ["k", "k-2", "k-3"]);
    }
}
