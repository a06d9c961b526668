//! Options in every order, and exit codes of what cannot be read.

use std::path::PathBuf;

use clap::Parser as _;
use clap::error::ErrorKind;

use super::args::Lists;
use super::*;
use crate::cli::{Cli, Command};

fn parsed(arguments: &str) -> Result<(String, [String; 3]), ErrorKind> {
    let words = ["cinnabar", "verify"].into_iter().chain(arguments.split_whitespace());
    let cli = Cli::try_parse_from(words).map_err(|e| e.kind())?;
    let Command::Verify(args) = cli.command else { panic!("another command") };
    let list =
        |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ");
    let lists = &args.lists;
    Ok((
        args.file.display().to_string(),
        [list(&lists.trust_anchor), list(&lists.untrusted), list(&lists.crl)],
    ))
}

#[test]
fn file_is_found_wherever_it_stands() {
    for (arguments, file, lists) in [
        ("f.pdf", "f.pdf", ["", "", ""]),
        ("f.pdf --trust-anchor a.pem b.pem", "f.pdf", ["a.pem b.pem", "", ""]),
        ("f.pdf --trust-anchor a.pem --trust-anchor b.pem", "f.pdf", ["a.pem b.pem", "", ""]),
        ("--trust-anchor a.pem f.pdf", "f.pdf", ["a.pem", "", ""]),
        ("--trust-anchor a.pem b.pem f.pdf", "f.pdf", ["a.pem b.pem", "", ""]),
        ("--trust-anchor a.pem f.pdf --json", "f.pdf", ["a.pem", "", ""]),
        ("--trust-anchor a.pem f.pdf --crl c.crl", "f.pdf", ["a.pem", "", "c.crl"]),
        ("--trust-anchor a.pem f.pdf --trust-anchor b.pem", "f.pdf", ["a.pem b.pem", "", ""]),
        ("--trust-anchor a.pem --crl c.crl d.crl f", "f", ["a.pem", "", "c.crl d.crl"]),
        ("--crl c.crl f --trust-anchor a.pem", "f", ["a.pem", "", "c.crl"]),
        ("--trust-anchor a.pem f.pdf --crl c.crl d.crl", "f.pdf", ["a.pem", "", "c.crl d.crl"]),
        ("--trust-anchor a.pem --untrusted u.pem -- f.pdf", "f.pdf", ["a.pem", "u.pem", ""]),
        ("--trust-anchor a.pem --at 2026-01-01T00:00:00Z f.pdf", "f.pdf", ["a.pem", "", ""]),
        ("--untrusted u.pem v.PDF --trust-anchor a.pem", "v.PDF", ["a.pem", "u.pem", ""]),
    ] {
        let (found, found_lists) = parsed(arguments).unwrap_or_else(|kind| panic!("{arguments}: {kind:?}"));
        assert_eq!(found, file, "{arguments}");
        assert_eq!(found_lists, lists, "{arguments}");
    }
}

#[test]
fn wrong_usage_is_told_before_anything_is_read() {
    for (arguments, kind) in [
        ("", ErrorKind::MissingRequiredArgument),
        ("--trust-anchor a.pem", ErrorKind::MissingRequiredArgument),
        ("--trust-anchor a.pem --crl c.crl", ErrorKind::MissingRequiredArgument),
        ("f.pdf --at yesterday", ErrorKind::ValueValidation),
        ("f.pdf --crl", ErrorKind::InvalidValue),
        ("f.pdf --colour red", ErrorKind::UnknownArgument),
    ] {
        assert_eq!(parsed(arguments).unwrap_err(), kind, "{arguments}");
    }
}

fn code(file: &Path, anchors: &[PathBuf]) -> String {
    let lists = Lists { trust_anchor: anchors.into(), ..Lists::default() };
    format!("{:?}", run(VerifyArgs { file: file.into(), lists }, Output { json: true }).unwrap())
}

#[test]
fn what_cannot_be_read_has_its_own_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    let junk = folder.path().join("junk");
    std::fs::write(&junk, b"not a PDF, not a certificate").unwrap();
    let expected = |code: u8| format!("{:?}", ExitCode::from(code));
    assert_eq!(code(&junk, &[]), expected(6));
    assert_eq!(code(&folder.path().join("absent.pdf"), &[]), expected(6));
    assert_eq!(code(folder.path(), &[]), expected(6));
    assert_eq!(code(&junk, std::slice::from_ref(&junk)), expected(2));
    assert_eq!(code(&junk, &[folder.path().join("absent.pem")]), expected(2));
}

#[test]
fn the_content_and_the_responses_are_told_from_the_file() {
    let parse = |arguments: &str| {
        let words = ["cinnabar", "verify"].into_iter().chain(arguments.split_whitespace());
        let cli = Cli::try_parse_from(words).map_err(|e| e.kind())?;
        let Command::Verify(args) = cli.command else { panic!("another command") };
        Ok::<_, ErrorKind>((args.file, args.lists.content, args.lists.ocsp))
    };
    let path = |name: &str| PathBuf::from(name);
    let expected = (path("f.p7s"), Some(path("doc")), vec![path("a.ors")]);
    for arguments in [
        "f.p7s --content doc --ocsp a.ors",
        "--content doc --ocsp a.ors f.p7s",
        "--ocsp a.ors f.p7s --content doc",
    ] {
        assert_eq!(parse(arguments).unwrap(), expected, "{arguments}");
    }
    assert_eq!(parse("f.pdf --out x.html").unwrap_err(), ErrorKind::MissingRequiredArgument);
    assert_eq!(parse("f.pdf --report novel").unwrap_err(), ErrorKind::InvalidValue);
    assert_eq!(parse("f.pdf --allow-network 10.0.0.0/8").unwrap_err(), ErrorKind::MissingRequiredArgument);
    assert_eq!(parse("f.pdf --online --allow-network everywhere").unwrap_err(), ErrorKind::ValueValidation);
}

#[test]
fn makers_of_seals_are_named_or_anybody_is_one_and_not_both() {
    let parse = |arguments: &str| {
        let words = ["cinnabar", "verify"].into_iter().chain(arguments.split_whitespace());
        let cli = Cli::try_parse_from(words).map_err(|e| e.kind())?;
        let Command::Verify(args) = cli.command else { panic!("another command") };
        Ok::<_, ErrorKind>((args.lists.seal_maker.len(), args.lists.any_seal_maker))
    };
    assert_eq!(parse("f.ses"), Ok((0, false)));
    assert_eq!(parse("f.ses --any-seal-maker --trust-anchor a.pem"), Ok((0, true)));
    assert_eq!(parse("--seal-maker m.pem n.pem f.ses"), Ok((2, false)));
    assert_eq!(parse("f.ses --seal-maker m.pem --any-seal-maker"), Err(ErrorKind::ArgumentConflict));
}

#[test]
fn a_report_does_not_replace_a_file_unasked_nor_mix_with_json() {
    let folder = tempfile::tempdir().unwrap();
    let (junk, out) = (folder.path().join("junk"), folder.path().join("report"));
    std::fs::write(&junk, b"not a PDF").unwrap();
    let run = |report: Kind, out: Option<&Path>, force: bool, json: bool| {
        let lists = Lists { report: Some(report), out: out.map(Into::into), force, ..Lists::default() };
        format!("{:?}", super::run(VerifyArgs { file: junk.clone(), lists }, Output { json }).unwrap())
    };
    let expected = |code: u8| format!("{:?}", ExitCode::from(code));
    assert_eq!(run(Kind::Html, Some(&out), false, true), expected(6));
    let page = std::fs::read_to_string(&out).unwrap();
    assert!(page.contains("无法核验") && page.contains("Cannot be checked"));
    assert_eq!(run(Kind::Html, Some(&out), false, true), expected(2), "it exists");
    assert_eq!(run(Kind::Simple, Some(&out), true, true), expected(6));
    assert!(std::fs::read_to_string(&out).unwrap().starts_with("无法核验"));
    assert_eq!(run(Kind::Etsi, None, false, true), expected(2), "one document on standard output");
}
