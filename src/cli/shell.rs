//! `minvar completions` and `minvar man`: shell completions and man pages.

use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::{Value, json};

use crate::cli::output::say;
use crate::error::Error;

/// Print completions for a shell
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  minvar completions bash > ~/.local/share/bash-completion/completions/minvar
  minvar completions zsh > ~/.zfunc/_minvar
  minvar completions fish > ~/.config/fish/completions/minvar.fish")]
pub(super) struct Completions {
    /// The shell to write them for
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub fn run(&self) -> anyhow::Result<Value> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::Arguments::command(), "minvar", &mut script);
        let script = String::from_utf8_lossy(&script);
        say!("{}", script.trim_end());
        Ok(json!({ "completions": script }))
    }
}

/// Write man pages, one per command
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  minvar man ~/.local/share/man/man1")]
pub(super) struct Man {
    /// The folder to write to
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Man {
    pub fn run(&self) -> anyhow::Result<Value> {
        std::fs::create_dir_all(&self.folder).map_err(Error::io(&self.folder))?;
        clap_mangen::generate_to(super::Arguments::command(), &self.folder).map_err(Error::io(&self.folder))?;
        say!("{}", self.folder.display());
        Ok(json!({ "folder": self.folder }))
    }
}
