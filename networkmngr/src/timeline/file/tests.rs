//! Files of timelines: gone on with, begun anew, damaged, on a disk that is full.

use shared::{BlockHash, TxId};

use super::*;

fn begun() -> Begun {
    let version = "0.1.0".to_owned();
    let genesis = Some(BlockHash([0; 32]));
    Begun {
        format: FORMAT,
        number: 1,
        version,
        genesis,
        simulated: false,
        seed: None,
        nodes: 2,
        continued: false,
        whole: 0,
    }
}

fn pooled(at: u64, node: u16, n: u8) -> Entry {
    let what = What::Pooled { id: TxId([n; 32]), returned: false };
    Entry { journal: Some(n.to_string()), ..Entry::node(at, node, what) }
}

fn ready(node: u16) -> Entry {
    Entry::node(0, node, What::Ready { miner: None, peer: None, id: None, address: None })
}

fn read(folder: &Path) -> Vec<Entry> {
    Reader::open(&folder.join(FILE)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_timeline_is_gone_on_with_where_it_ended() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, damage) = Writer::resume(dir.path(), 10, begun()).unwrap();
    assert!(damage.is_none());
    assert_eq!(writer.append(pooled(20, 0, 1))[0].number, 2);
    assert_eq!(writer.append(pooled(15, 1, 2))[0].text.split(',').next(), Some("{\"at\":20"));
    drop(writer);
    // The writer was killed while it wrote.
    let path = dir.path().join(FILE);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [&whole[..], b"{\"at\":30,\"nod"].concat()).unwrap();
    assert_eq!(read(dir.path()).len(), 3);

    let (mut writer, damage) = Writer::resume(dir.path(), 40, begun()).unwrap();
    assert!(damage.is_none());
    assert_eq!(writer.state().journal(1), Some("2"));
    assert_eq!(writer.append(pooled(50, 0, 3))[0].number, 5);
    writer.flush().unwrap();
    let entries = read(dir.path());
    assert_eq!(entries.iter().map(|entry| entry.at).collect::<Vec<_>>(), [10, 20, 20, 40, 50]);
    let What::Begun(again) = &entries[3].what else { panic!() };
    assert_eq!((again.number, again.continued), (4, false));
}

#[test]
fn two_files_of_bounded_size_are_kept_and_the_later_stands_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, _) = Writer::resume_within(dir.path(), 1, begun(), 1_000).unwrap();
    [0, 1].into_iter().for_each(|node| drop(writer.append(ready(node))));
    for n in 0..100 {
        writer.append(pooled(u64::from(n), u16::from(n % 2), n));
    }
    writer.flush().unwrap();
    for name in [FILE, EARLIER] {
        assert!(fs::metadata(dir.path().join(name)).unwrap().len() < 30_000, "{name}");
    }
    let state = |reader: Reader| {
        reader.fold(State::default(), |mut state, entry| {
            state.apply(&entry.unwrap());
            state
        })
    };
    let alone = state(Reader::file(&dir.path().join(FILE)).unwrap());
    let both = state(Reader::open(&dir.path().join(FILE)).unwrap());
    for node in [0, 1] {
        assert_eq!(alone.nodes[&node].pool.len(), 50);
        assert_eq!(alone.nodes[&node].pool, writer.state().nodes[&node].pool);
        assert_eq!(both.nodes[&node].pool, writer.state().nodes[&node].pool);
        assert_eq!(alone.journal(node), Some(["98", "99"][usize::from(node)]));
    }
    // Numbers go on from file to file.
    let next = writer.next();
    drop(writer);
    let (writer, _) = Writer::resume_within(dir.path(), 1, begun(), 1_000).unwrap();
    assert_eq!(writer.next(), next + 1);
}

/// What everybody holds may be more than a file is to have: then it is not told again with every entry.
#[test]
fn a_file_that_begins_with_more_than_its_bound_is_gone_on_with() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, _) = Writer::resume_within(dir.path(), 1, begun(), 100).unwrap();
    writer.append(ready(0));
    let begins = |line: &Line| line.event() == "begun";
    let files = (0..100).filter(|n| writer.append(pooled(1, 0, *n)).iter().any(begins)).count();
    assert!((2..40).contains(&files), "{files}");
    // Every number is told.
    writer.flush().unwrap();
    let mut reader = Reader::open(&dir.path().join(FILE)).unwrap();
    let lines: Vec<Line> = std::iter::from_fn(|| reader.line().unwrap()).collect();
    assert!(lines.windows(2).all(|pair| pair[1].first == pair[0].number + 1));
    assert_eq!(lines.last().map(|line| line.number), Some(writer.next() - 1));
    let What::Begun(begun) = serde_json::from_str::<Entry>(&lines[0].text).unwrap().what else { panic!() };
    assert_eq!((begun.continued, begun.whole), (true, 2));
}

/// Who reads slower than files are begun is not left in the belief that nothing is missing.
#[test]
fn a_reader_that_is_overtaken_by_two_files_sees_it_by_the_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, _) = Writer::resume_within(dir.path(), 1, begun(), 2_000).unwrap();
    let mut files = 1;
    let mut fill = |writer: &mut Writer, until| {
        while files < until {
            files += writer.append(pooled(1, 0, 7)).iter().filter(|line| line.event() == "begun").count();
        }
        writer.flush().unwrap();
    };
    fill(&mut writer, 2);
    let mut reader = Reader::open(&dir.path().join(FILE)).unwrap();
    assert_eq!(reader.line().unwrap().map(|line| line.first), Some(1));
    fill(&mut writer, 4);
    let lines: Vec<Line> = std::iter::from_fn(|| reader.line().unwrap()).collect();
    let gaps = lines.windows(2).filter(|pair| pair[1].first > pair[0].number + 1).count();
    assert_eq!((gaps, lines.last().map(|line| line.number)), (1, Some(writer.next() - 1)));
}

/// A disk that was full and is not any more: the line about it stands where the others would, with their number.
#[test]
fn lost_entries_are_counted_where_they_were_and_keep_their_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE);
    let (mut writer, _) = Writer::resume(dir.path(), 1, begun()).unwrap();
    let disk = std::mem::replace(&mut writer.file, File::open(&path).unwrap());
    for n in 1..=3 {
        writer.append(pooled(u64::from(n), 0, n));
        assert!(writer.flush().is_err());
    }
    writer.file = disk;
    assert_eq!(writer.append(pooled(9, 0, 9))[0].number, 5);
    writer.flush().unwrap();
    let mut reader = Reader::open(&path).unwrap();
    let lines: Vec<Line> = std::iter::from_fn(|| reader.line().unwrap()).collect();
    let places: Vec<_> = lines.iter().map(|line| (line.first, line.number, line.event())).collect();
    let place = |first, number, event: &str| (first, number, event.to_owned());
    assert_eq!(places, [place(1, 1, "begun"), place(2, 4, "lost"), place(5, 5, "pooled")]);
    assert_eq!(&*lines[1].text, r#"{"at":3,"event":"lost","entries":3}"#);
    drop(writer);
    let (writer, _) = Writer::resume(dir.path(), 10, begun()).unwrap();
    assert_eq!(writer.next(), 7);
}

#[test]
fn names_of_several_lines_are_none() {
    let line = |text: &str| Line { first: 1, number: 1, text: text.into() };
    assert_eq!(line(r#"{"event":"pooled"}"#).event(), "pooled");
    for text in [r#"{"event":"a\nb"}"#, r#"{"event":"a\rb"}"#, r#"{"event":1}"#, "{}"] {
        assert_eq!(line(text).event(), "", "{text}");
    }
}

#[test]
fn what_cannot_be_read_is_named_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("other.jsonl");
    let first = Entry::network(1, What::Begun(begun())).line();
    let refused = |text: String| {
        fs::write(&path, text).unwrap();
        let entries: Result<Vec<_>, _> = Reader::open(&path).and_then(Iterator::collect);
        entries.unwrap_err().to_string()
    };
    assert!(refused("{}\n".into()).contains("is no timeline"));
    assert!(refused("not even JSON\n".into()).contains("is no timeline"));
    let newer = first.replace("\"format\":1", "\"format\":2");
    assert!(refused(newer + "\n").contains("newer networkmngr (format 2"));
    let broken = refused(format!("{first}\n{{\"at\":2,\"event\":\"healed\"}}\n{{\"event\":\"healed\"}}\n"));
    assert!(broken.contains("line 3 of") && broken.contains("`at`"), "{broken}");
    assert!(refused(format!("{first}\nnonsense\n")).contains("line 2 of"));
    assert!(Reader::open(&dir.path().join("none")).unwrap_err().to_string().contains("cannot read"));
}

#[test]
fn a_damaged_timeline_is_put_aside_and_told() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(FILE), "nonsense\n").unwrap();
    let (writer, damage) = Writer::resume(dir.path(), 1, begun()).unwrap();
    assert!(damage.unwrap().to_string().contains("is no timeline"));
    assert_eq!(writer.next(), 2);
    assert_eq!(fs::read(dir.path().join(DAMAGED)).unwrap(), b"nonsense\n");
}
