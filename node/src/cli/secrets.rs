//! Reading what nobody else is to see: from the terminal without showing it, or from stdin a line at a
//! time. What is read is overwritten when it is let go.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::accounts::{
    name::AccountName,
    password::{NewPassword, Password},
};

/// Where secrets are typed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Secrets {
    on_terminal: bool,
}

impl Secrets {
    /// On the terminal, unless stdin is none or it is to be read as it is.
    pub(super) fn of(from_stdin: bool) -> Self {
        Self { on_terminal: !from_stdin && io::stdin().is_terminal() }
    }

    /// One secret.
    ///
    /// # Errors
    /// When there is nothing more to read.
    pub(super) fn ask(&mut self, prompt: &str) -> anyhow::Result<Zeroizing<String>> {
        if !self.on_terminal {
            return read_line().with_context(|| format!("asked for on stdin: {}", prompt.trim_end_matches([':', ' '])));
        }
        let hidden = Hidden::begin().context("the terminal cannot hide what is typed; use --password-stdin")?;
        let mut stderr = io::stderr();
        write!(stderr, "{prompt}").and_then(|()| stderr.flush()).context("cannot write to the terminal")?;
        let line = read_line();
        drop(hidden);
        let _ = writeln!(stderr);
        line
    }

    /// A password that is to be set: typed twice on a terminal, where nobody sees what is typed.
    ///
    /// # Errors
    /// When it cannot be set, or there is nothing to read.
    pub(super) fn new_password(&mut self, name: &AccountName) -> anyhow::Result<Password> {
        let first = self.ask(&format!("New password of {name}: "))?;
        NewPassword::try_from(Password::from(first.clone()))?;
        if self.on_terminal && *self.ask("The same again: ")? != *first {
            bail!("these were two different passwords; nothing was changed");
        }
        Ok(Password::from(first))
    }
}

fn read_line() -> anyhow::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    if io::stdin().lock().read_line(&mut line).context("cannot read from stdin")? == 0 {
        bail!("there is nothing to read on stdin");
    }
    let length = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(length);
    Ok(line)
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden(Termios);

impl Hidden {
    fn begin() -> nix::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &hidden)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &self.0);
    }
}
