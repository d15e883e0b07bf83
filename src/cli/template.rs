//! `walaa template check DIR` and `walaa template preview DIR`: what an author of a template looks at.

mod google_samples;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{CliError, Ending};
use crate::app::open;
use crate::apple::pass::{PassIdentity, pass_json};
use crate::cards::Templates;
use crate::passes::preview::page::{self, Exhibit};
use crate::passes::preview::{Picture, sample};
use crate::passes::{Severity, Template, TemplateProblem, embedded};

/// The names and ids of passes that are only looked at.
const SAMPLE_PASS_TYPE: &str = "pass.example.preview";
const SAMPLE_NAME: &str = "preview";
const SAMPLE_TEAM: &str = "EXAMPLE000";
const SAMPLE_SERVICE: &str = "https://wallet.example/apple";
const SAMPLE_TOKEN: &str = "preview-preview-preview";

/// What to do with a template.
#[derive(Debug, Subcommand)]
pub enum TemplateCommand {
    /// Say what a wallet would refuse or drop silently
    #[command(after_help = "Example:\n  walaa template check pass-templates/coffee")]
    Check(TemplateFolder),
    /// Write a page with pictures of its passes in both wallets, in each language
    Preview(PreviewArgs),
}

/// Which template.
#[derive(Debug, Args)]
pub struct TemplateFolder {
    /// The template's folder, or the name of a ready one
    #[arg(value_name = "DIR")]
    dir: String,
}

/// Arguments of `walaa template preview`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  walaa template preview pass-templates/coffee --out preview.html")]
pub struct PreviewArgs {
    #[command(flatten)]
    template: TemplateFolder,
    /// Where the page goes
    #[arg(long, value_name = "FILE", default_value = "preview.html")]
    out: PathBuf,
}

/// Runs one of the commands.
///
/// # Errors
/// A file can't be read or written.
pub fn run(command: &TemplateCommand, out: &mut dyn Write) -> Result<Ending, CliError> {
    let code = match command {
        TemplateCommand::Check(template) => check(&template.dir, out),
        TemplateCommand::Preview(args) => preview(&args.template.dir, &args.out, out),
    };
    let code = code.map_err(|error| CliError::Other(error.to_string()))?;
    Ok(if code == ExitCode::SUCCESS { Ending::Fine } else { Ending::Findings })
}

/// Prints what is wrong with a template folder, or a ready template's name; fails if anything is an error.
pub fn check(folder: &str, out: &mut dyn Write) -> io::Result<ExitCode> {
    let problems = Template::check(&files(folder)?);
    report(folder, &problems, out)
}

/// Writes a page with pictures of a template's passes in both wallets, in each of its languages.
pub fn preview(folder: &str, page: &Path, out: &mut dyn Write) -> io::Result<ExitCode> {
    let files = files(folder)?;
    let mut templates = Templates::default();
    if let Err(problems) = templates.load(SAMPLE_NAME, &files) {
        return report(folder, &problems, out);
    }
    let exhibits = exhibits(&templates).map_err(io::Error::other)?;
    fs::write(page, page::html(&format!("Template {folder}"), &exhibits))?;
    writeln!(out, "Wrote {}: open it in a browser.", page.display())?;
    Ok(ExitCode::SUCCESS)
}

/// Pictures of a template's passes.
fn exhibits(templates: &Templates) -> Result<Vec<Exhibit>, Box<dyn std::error::Error + Send + Sync>> {
    let identity = PassIdentity::new(SAMPLE_PASS_TYPE, SAMPLE_TEAM)?.with_web_service(SAMPLE_SERVICE, SAMPLE_TOKEN)?;
    let loaded = templates.get(SAMPLE_NAME).ok_or("the template was not kept")?;
    let template = &loaded.template;
    let google = google_samples::Samples::of(templates, &loaded);
    let mut exhibits = Vec::new();
    for sample in sample::views(template) {
        let json = pass_json(&sample.view, template, &identity);
        let files = template.files(sample.view.kind, template.variant_of(&sample.view));
        let picture = Picture::open(&json, &files, &sample.view.language)?;
        let google = google.as_ref().and_then(|google| google.html(&sample.view));
        exhibits.push(Exhibit { caption: sample.caption, picture, google });
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
    open::template_files(root).map_err(io::Error::other)
}
