//! `node account`: the accounts in a node's folder, without asking a node. A node may run there meanwhile:
//! every file is whole at any time, and a name is given once.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde_json::json;
use shared::Address;
use zeroize::Zeroizing;

use super::{data_home, secrets::Secrets};
use crate::accounts::{
    directory::{self, Directory},
    keystore::{Contents, Keystore},
    miner,
    name::{AccountName, Email},
    password::{Cost, NewPassword, Password},
    seed::{Seed, Words},
    vault::Vault,
};

const EXAMPLES: &str = "\
Examples:
  networkmngr node account new anna                  asks for a password, shows 24 words
  networkmngr node account list
  networkmngr node account export miner              the words of the account that gets the rewards
  networkmngr node account restore anna              from its words, on this or another machine
  networkmngr node account list --data-dir ~/.local/share/networkmngr/network-4999/node-000
                                                     the accounts of node 0 of a network
";

/// What can be done with accounts.
#[derive(Clone, Debug, clap::Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum AccountCommand {
    /// Make an account, and show the 24 words that stand for it
    New(NewArgs),
    /// Show names and addresses
    List(ListArgs),
    /// Make an account from its 24 words; one that is here already gets a new password
    Restore(NewArgs),
    /// Show the 24 words of an account
    Export(SecretArgs),
    /// Change the password of an account
    Password(SecretArgs),
}

/// Whose accounts, and how they are shown.
#[derive(Clone, Debug, clap::Args)]
pub struct ListArgs {
    /// Port of the node, if it was started without --data-dir
    #[arg(short, long, default_value_t = 5000)]
    port: u16,
    /// Folder of the node, if it was started with one
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Which account, and where its secrets are read from.
#[derive(Clone, Debug, clap::Args)]
pub struct SecretArgs {
    /// Name of the account
    name: AccountName,
    /// Read from stdin what else would be asked for on the terminal, a line each
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    place: ListArgs,
}

/// A new account.
#[derive(Clone, Debug, clap::Args)]
pub struct NewArgs {
    /// The owner's e-mail address, kept in the account's file, encrypted
    #[arg(long)]
    email: Option<Email>,
    #[command(flatten)]
    which: SecretArgs,
}

impl ListArgs {
    fn folder(&self) -> anyhow::Result<PathBuf> {
        match &self.data_dir {
            Some(folder) => Ok(folder.clone()),
            None => Ok(data_home()?.join(format!("node-{}", self.port))),
        }
    }
}

/// Does what the command says.
pub(super) fn run(command: AccountCommand) -> anyhow::Result<()> {
    match command {
        AccountCommand::New(args) => new(args),
        AccountCommand::List(args) => list(&args),
        AccountCommand::Restore(args) => restore(args),
        AccountCommand::Export(args) => export(args),
        AccountCommand::Password(args) => password(args),
    }
}

fn new(NewArgs { email, which }: NewArgs) -> anyhow::Result<()> {
    let vault = vault(&which)?;
    let password = Secrets::of(which.password_stdin).new_password(&which.name)?;
    let created = vault.create(which.name, password, email)?;
    show_words(&created.name, created.address, &created.words, which.place.json)
}

fn restore(NewArgs { email, which }: NewArgs) -> anyhow::Result<()> {
    let vault = vault(&which)?;
    let mut secrets = Secrets::of(which.password_stdin);
    let words = secrets.ask(&format!("The 24 words of {}: ", which.name))?;
    let seed = Seed::from_words(&words)?;
    let password = secrets.new_password(&which.name)?;
    let name = which.name.to_string();
    let address = vault.restore(which.name, password, seed, email)?;
    if which.place.json {
        return print(&format!("{}\n", json!({"name": name, "address": address})));
    }
    print(&format!("restored {name}: {address}\n"))
}

fn vault(which: &SecretArgs) -> anyhow::Result<Vault> {
    Ok(Vault::open(&which.place.folder()?, Cost::STANDARD, false)?)
}

fn export(SecretArgs { name, password_stdin, place }: SecretArgs) -> anyhow::Result<()> {
    let folder = place.folder()?;
    if name.is_miner() {
        let missing = || format!("no node has run in {} yet, so none has an account for rewards", folder.display());
        let seed = miner::read(&folder)?.with_context(missing)?;
        return show_words(&name, seed.keys().address(), &seed.words(), place.json);
    }
    let keystore = find(&Directory::of(&folder), &name, &place)?;
    let password = Secrets::of(password_stdin).ask(&format!("Password of {}: ", keystore.name()))?;
    let contents = keystore.open(&Password::from(password))?;
    show_words(keystore.name(), keystore.address(), &contents.seed.words(), place.json)
}

fn password(SecretArgs { name, password_stdin, place }: SecretArgs) -> anyhow::Result<()> {
    if name.is_miner() {
        bail!("the account miner has no password: a node mines for it without being asked for one");
    }
    let directory = Directory::of(&place.folder()?);
    let keystore = find(&directory, &name, &place)?;
    let mut secrets = Secrets::of(password_stdin);
    let old = secrets.ask(&format!("Present password of {}: ", keystore.name()))?;
    let contents: Contents = keystore.open(&Password::from(old))?;
    let new = NewPassword::try_from(secrets.new_password(keystore.name())?)?;
    directory.replace(&Keystore::seal(keystore.name().clone(), &new, &contents, Cost::STANDARD)?)?;
    if place.json {
        return print(&format!("{}\n", json!({"name": keystore.name().as_str(), "changed": true})));
    }
    print("the password is changed; sessions in a running node go on until they end\n")
}

fn find(directory: &Directory, name: &AccountName, place: &ListArgs) -> anyhow::Result<Keystore> {
    let folder = place.folder()?.join(directory::FOLDER);
    let missing = || format!("there is no account {name} in {}", folder.display());
    directory.find(name)?.with_context(missing)
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let folder = args.folder()?;
    let listing = Directory::of(&folder).list()?;
    for error in &listing.damaged {
        eprintln!("warning: {error}");
    }
    let miner = miner::read(&folder)?.map(|seed| (AccountName::miner(), seed.keys().address()));
    let others = listing.accounts.into_iter().map(|listed| (listed.name, listed.address));
    let accounts: Vec<_> = miner.into_iter().chain(others).collect();
    if args.json {
        let shown = |(name, address): &(AccountName, Address)| json!({"name": name.as_str(), "address": address});
        let list: Vec<_> = accounts.iter().map(shown).collect();
        return print(&format!("{}\n", serde_json::Value::from(list)));
    }
    if accounts.is_empty() {
        return print(&format!("no accounts in {}\n", folder.display()));
    }
    let width = accounts.iter().map(|(name, _)| name.as_str().len()).max().unwrap_or_default();
    print(&accounts.iter().map(|(name, address)| format!("{name:width$}  {address}\n")).collect::<String>())
}

/// Shows the words in rows of four, or as JSON.
fn show_words(name: &AccountName, address: Address, words: &Words, as_json: bool) -> anyhow::Result<()> {
    let mut text = Zeroizing::new(String::with_capacity(2_048));
    if as_json {
        let list: Vec<&str> = words.iter().collect();
        writeln!(text, "{}", json!({"name": name.as_str(), "address": address, "words": list}))?;
        return print(&text);
    }
    writeln!(text, "account  {name}\naddress  {address}\n")?;
    writeln!(text, "Write these words down and keep them to yourself: whoever has them has the account.\n")?;
    for (row, four) in words.iter().collect::<Vec<_>>().chunks(4).enumerate() {
        for (column, word) in four.iter().enumerate() {
            write!(text, "{:>4} {word:<10}", row * 4 + column + 1)?;
        }
        text.push('\n');
    }
    print(&text)
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).context("cannot write to stdout")
}
