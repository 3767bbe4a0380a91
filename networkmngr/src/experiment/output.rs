//! Findings as people and programs read them: a table with remarks, JSON, CSV, a plot.

use std::fmt::Write as _;

use anyhow::Context as _;

use super::{Effort, Findings, Point, plot};
use crate::term;

/// Prints the findings, and writes the files that were asked for.
pub(super) fn tell(findings: &Findings, effort: &Effort) -> anyhow::Result<()> {
    if effort.json {
        term::plain(&serde_json::to_string_pretty(findings)?);
    } else {
        print(findings);
    }
    if let Some(file) = &effort.csv {
        let write = std::fs::write(file, csv(findings));
        write.with_context(|| format!("cannot write {}", file.display()))?;
    }
    if let Some(file) = &effort.svg {
        let drawn = plot::svg(findings)?;
        std::fs::write(file, drawn).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

fn print(findings: &Findings) {
    term::plain(&format!("{}\n", findings.title));
    for series in &findings.series {
        if findings.series.len() > 1 {
            term::plain(&series.name);
        }
        let mut table = term::table([&*findings.x, &*findings.y, "95 % interval", "theory", ""]);
        for point in &series.points {
            table.add_row(row(point));
        }
        term::plain(&format!("{table}\n"));
    }
    for remark in &findings.remarks {
        term::plain(remark);
    }
}

fn row(point: &Point) -> [String; 5] {
    let Point { x, measured, theory } = point;
    let (mean, margin) = (measured.mean, measured.margin);
    let verdict = match theory {
        None => String::new(),
        Some(theory) if point.deviates() => format!("deviates by {}", number(mean - theory)),
        Some(_) => "agrees".into(),
    };
    let interval = format!("{} to {}", number(mean - margin), number(mean + margin));
    [number(*x), number(mean), interval, theory.map(number).unwrap_or_default(), verdict]
}

/// A value with as many digits as are worth reading.
pub(crate) fn number(value: f64) -> String {
    if value == 0.0 || (value.abs() >= 1.0 && value.fract() == 0.0 && value.abs() < 1e9) {
        return format!("{value}");
    }
    let digits = 4_i32.saturating_sub(value.abs().log10().floor() as i32).clamp(0, 8) as usize;
    format!("{value:.digits$}")
}

fn csv(findings: &Findings) -> String {
    let mut text = String::from("series,x,measured,margin,runs,theory\n");
    for series in &findings.series {
        for Point { x, measured, theory } in &series.points {
            let theory = theory.map(|theory| theory.to_string()).unwrap_or_default();
            let name = series.name.replace('"', "\"\"");
            let (mean, margin, runs) = (measured.mean, measured.margin, measured.runs);
            // Writing to a string does not fail.
            let _ = writeln!(text, "\"{name}\",{x},{mean},{margin},{runs},{theory}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{Estimate, Series};
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_matter() {
        let shown: Vec<String> = [0.0, 30.0, 0.028312, 2.8312, 1234.56, -0.5].map(number).into();
        assert_eq!(shown, ["0", "30", "0.028312", "2.8312", "1234.6", "-0.50000"]);
    }

    #[test]
    fn a_deviation_is_said() {
        let point = |mean, theory| Point { x: 30.0, measured: Estimate { mean, margin: 0.1, runs: 20 }, theory };
        assert_eq!(row(&point(1.0, Some(1.05)))[4], "agrees");
        assert_eq!(row(&point(1.0, Some(1.5)))[4], "deviates by -0.50000");
        assert_eq!(row(&point(1.0, None))[3..], ["", ""]);
        let series = vec![Series { name: "a \"b\"".into(), points: vec![point(1.0, Some(1.5))] }];
        let findings = Findings { title: String::new(), x: String::new(), y: String::new(), series, remarks: vec![] };
        assert_eq!(csv(&findings), "series,x,measured,margin,runs,theory\n\"a \"\"b\"\"\",30,1,0.1,20,1.5\n");
    }
}
