//! `walaa template check DIR` and `walaa template preview DIR`: what an author of a template looks at.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::apple::pass::{PassIdentity, pass_json};
use crate::passes::preview::page::{self, Exhibit};
use crate::passes::preview::{Picture, sample};
use crate::passes::{Severity, Template, TemplateProblem, embedded};

/// The largest file that is read from a template folder, in bytes; larger ones are no pictures for a pass.
const MAX_FILE_BYTES: u64 = 10_000_000;

/// The most files that are read from a folder.
const MAX_FILES: usize = 500;

/// The ids of a pass that is only looked at.
const SAMPLE_PASS_TYPE: &str = "pass.example.preview";
const SAMPLE_TEAM: &str = "EXAMPLE000";
const SAMPLE_SERVICE: &str = "https://wallet.example/apple";
const SAMPLE_TOKEN: &str = "preview-preview-preview";

/// Prints what is wrong with a template folder, or a ready template's name; fails if anything is an error.
pub fn check(folder: &str, out: &mut dyn Write) -> io::Result<ExitCode> {
    let problems = Template::check(&files(folder)?);
    report(folder, &problems, out)
}

/// Writes a page with pictures of a template's passes, front and back, in each of its languages.
pub fn preview(folder: &str, page: &Path, out: &mut dyn Write) -> io::Result<ExitCode> {
    let files = files(folder)?;
    let template = match Template::load(&files) {
        Ok(template) => template,
        Err(problems) => return report(folder, &problems, out),
    };
    let exhibits = exhibits(&template).map_err(io::Error::other)?;
    fs::write(page, page::html(&format!("Template {folder}"), &exhibits))?;
    writeln!(out, "Wrote {}: open it in a browser.", page.display())?;
    Ok(ExitCode::SUCCESS)
}

/// Pictures of a template's passes.
fn exhibits(template: &Template) -> Result<Vec<Exhibit>, Box<dyn std::error::Error + Send + Sync>> {
    let identity = PassIdentity::new(SAMPLE_PASS_TYPE, SAMPLE_TEAM)?.with_web_service(SAMPLE_SERVICE, SAMPLE_TOKEN)?;
    let mut exhibits = Vec::new();
    for sample in sample::views(template) {
        let json = pass_json(&sample.view, template, &identity);
        let files = template.files(sample.view.kind, template.variant_of(&sample.view));
        let picture = Picture::open(&json, &files, &sample.view.language)?;
        exhibits.push(Exhibit { caption: sample.caption, picture });
    }
    Ok(exhibits)
}

fn report(folder: &str, problems: &[TemplateProblem], out: &mut dyn Write) -> io::Result<ExitCode> {
    for problem in problems {
        writeln!(out, "{problem}")?;
    }
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    writeln!(out, "{folder}: {errors} errors, {} warnings", problems.len() - errors)?;
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The files of a folder, or of the ready template of that name if there is no such folder.
///
/// # Errors
/// The folder can't be read, or holds more than a template may.
pub fn files(folder: &str) -> io::Result<Vec<(String, Vec<u8>)>> {
    let root = Path::new(folder);
    if !root.is_dir() {
        let ready = embedded::files(folder);
        if !ready.is_empty() {
            return Ok(ready);
        }
        let message = format!("{folder} is neither a folder nor a ready template ({})", embedded::names().join(", "));
        return Err(io::Error::new(io::ErrorKind::NotFound, message));
    }
    let mut files = Vec::new();
    read_folder(root, "", &mut files)?;
    files.sort();
    Ok(files)
}

/// Reads a folder and those in it, but for the sources of the artwork and hidden files.
fn read_folder(folder: &Path, inside: &str, files: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{inside}{name}");
        let kind = entry.file_type()?;
        if name.starts_with('.') || path == "art" || kind.is_symlink() {
            continue;
        }
        if kind.is_dir() {
            read_folder(&entry.path(), &format!("{path}/"), files)?;
        } else if files.len() >= MAX_FILES || entry.metadata()?.len() > MAX_FILE_BYTES {
            return Err(io::Error::other(format!("{path} is too large, or there are more than {MAX_FILES} files")));
        } else {
            files.push((path, fs::read(entry.path())?));
        }
    }
    Ok(())
}
