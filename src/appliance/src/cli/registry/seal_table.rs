//! `cinnabar seal-record import` and `export`: tables of applications in, filing records out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::{Failure, Global, Output, Remote, Tone, segment};

/// Options of `cinnabar seal-record import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The table: CSV in UTF-8 or GB 18030, its columns named in Chinese or English
    table: PathBuf,
    /// Where to write what became of each row: `.csv`, else a line of JSON each
    #[arg(long)]
    out: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

/// Options of `cinnabar seal-record export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Which seal
    id: String,
    /// Folder for the record, its signature, picture, structure and certificates; made if it is not there
    #[arg(long)]
    out: PathBuf,
    /// With the number of the person who holds the seal in clear
    #[arg(long)]
    person_number: bool,
    #[command(flatten)]
    remote: Remote,
}

/// Sends a table; exit code 1 when a row failed.
pub(super) async fn import(args: ImportArgs, global: &Global, output: Output) -> Result<ExitCode, Failure> {
    let table = read(&args.table)?;
    let as_table = args.out.as_ref().and_then(|out| out.extension()).is_some_and(|ending| ending == "csv");
    let accept = if as_table { "text/csv" } else { "application/x-ndjson" };
    let headers = [("content-type", "text/csv"), ("accept", accept)];
    let client = args.remote.client(global)?;
    let answer =
        client.send(Method::POST, "/v1/seal-applications/batch", &headers, Bytes::from(table)).await?;
    if let Some(out) = &args.out {
        write(out, &answer.body)?;
    }
    let rows = if as_table { of_table(&answer.body) } else { of_lines(&answer.body) };
    let count = |status: &str| rows.iter().filter(|row| row.status == status).count();
    let (applied, known, failed) = (count("applied"), count("known"), count("failed"));
    let mut lines = vec![(
        if failed == 0 { Tone::Good } else { Tone::Bad },
        format!("{applied} applied for, {known} known from before, {failed} failed"),
    )];
    for row in rows.iter().filter(|row| row.status == "failed").take(SHOWN) {
        lines.push((Tone::Plain, format!("  line {}: {}", row.line, row.why)));
    }
    if failed > SHOWN {
        lines.push((Tone::Dim, format!("  and {} more", failed - SHOWN)));
    }
    let failures: Vec<Value> = rows
        .iter()
        .filter(|row| row.status == "failed")
        .map(|row| json!({ "line": row.line, "detail": row.why }))
        .collect();
    let value = json!({ "applied": applied, "known": known, "failed": failed, "failures": failures });
    output.result(&value, &lines);
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A row of the answer, as far as it is told here.
struct Told {
    line: u64,
    status: String,
    why: String,
}

fn of_lines(body: &[u8]) -> Vec<Told> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    body.split(|octet| *octet == b'\n')
        .filter_map(|line| serde_json::from_slice::<Value>(line).ok())
        .map(|row| Told {
            line: row.get("line").and_then(Value::as_u64).unwrap_or_default(),
            status: row.get("status").map(text).unwrap_or_default(),
            why: row.get("problem").and_then(|problem| problem.get("detail")).map(text).unwrap_or_default(),
        })
        .collect()
}

fn of_table(body: &[u8]) -> Vec<Told> {
    csv::Reader::from_reader(body)
        .records()
        .filter_map(Result::ok)
        .map(|row| {
            let cell = |at: usize| row.get(at).unwrap_or_default().to_owned();
            Told { line: cell(1).parse().unwrap_or_default(), status: cell(3), why: cell(7) }
        })
        .collect()
}

/// Writes a filing record into a folder.
pub(super) async fn export(args: ExportArgs, global: &Global, output: Output) -> Result<(), Failure> {
    let client = args.remote.client(global)?;
    let query = if args.person_number { "?person_number=true" } else { "" };
    let answer = client.get(&format!("/v1/seals/{}/filing{query}", segment(&args.id)?)).await?;
    let filing = answer.json();
    let text = |name: &str| filing.get(name).and_then(Value::as_str);
    let octets = |name: &str| text(name).map(|coded| STANDARD.decode(coded)).transpose();
    let (Some(record), Some(signature), Some(picture)) =
        (text("record"), octets("signature")?, octets("picture")?)
    else {
        return Err("the service answered with something that is no filing record".into());
    };
    let picture_name = match text("picture_type") {
        Some("image/svg+xml") => "picture.svg",
        _ => "picture.png",
    };
    std::fs::create_dir_all(&args.out)
        .map_err(|error| format!("cannot make `{}`: {error}", args.out.display()))?;
    let mut files = vec![
        ("record.json", record.as_bytes().to_vec()),
        ("record.json.p7s", signature),
        (picture_name, picture),
        ("certificate.pem", text("certificate").unwrap_or_default().as_bytes().to_vec()),
        ("maker.pem", text("maker").unwrap_or_default().as_bytes().to_vec()),
    ];
    if let Some(eseal) = octets("eseal")? {
        files.push(("seal.esl", eseal));
    }
    for (name, octets) in &files {
        write(&args.out.join(name), octets)?;
    }
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    let value = json!({ "folder": args.out, "files": names });
    let mut lines =
        vec![(Tone::Good, format!("the filing record of {} is in {}", args.id, args.out.display()))];
    lines.extend(names.iter().map(|name| (Tone::Plain, format!("  {name}"))));
    output.result(&value, &lines);
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    Ok(std::fs::read(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))?)
}

fn write(path: &Path, octets: &[u8]) -> Result<(), Failure> {
    Ok(std::fs::write(path, octets).map_err(|error| format!("cannot write `{}`: {error}", path.display()))?)
}

/// Failed rows that are shown one by one.
const SHOWN: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_answer_are_told_alike() {
        let lines = b"{\"row\":1,\"line\":2,\"status\":\"applied\",\"application\":\"x\",\"leaf\":4}\n\
                      {\"row\":2,\"line\":3,\"status\":\"failed\",\"problem\":{\"detail\":\"why\"}}\n";
        let table = "\u{FEFF}row,line,seal,status,application,leaf,problem,detail,原因\r\n\
                     \"1\",\"2\",\"a\",\"applied\",\"x\",\"4\",\"\",\"\",\"\"\r\n\
                     \"2\",\"3\",\"b\",\"failed\",\"\",\"\",\"invalid-parameter\",\"why\",\"\"\r\n";
        for rows in [of_lines(lines), of_table(table.as_bytes())] {
            let told: Vec<_> =
                rows.iter().map(|row| (row.line, row.status.as_str(), row.why.as_str())).collect();
            assert_eq!(told, [(2, "applied", ""), (3, "failed", "why")]);
        }
    }
}
