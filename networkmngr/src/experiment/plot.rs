//! The plot: theory as lines, measured values as points with their intervals.

use plotters::prelude::*;

use super::{Findings, Point};

const SIZE: (u32, u32) = (800, 500);

/// The findings as an SVG document.
pub(super) fn svg(findings: &Findings) -> anyhow::Result<String> {
    let mut text = String::new();
    draw(findings, &mut text).map_err(|error| anyhow::anyhow!("the plot cannot be drawn: {error}"))?;
    Ok(text)
}

fn draw(findings: &Findings, text: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::with_string(text, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let points = || findings.series.iter().flat_map(|series| &series.points);
    let (left, right) = range(points().map(|point| point.x));
    let (low, high) = range(points().flat_map(extent));
    let mut chart = ChartBuilder::on(&root)
        .caption(&findings.title, ("sans-serif", 18))
        .margin(15)
        .x_label_area_size(45)
        .y_label_area_size(65)
        .build_cartesian_2d(left..right, low..high)?;
    chart.configure_mesh().x_desc(&findings.x).y_desc(&findings.y).draw()?;
    for (index, series) in findings.series.iter().enumerate() {
        let colour = Palette99::pick(index).to_rgba();
        let theory = series.points.iter().filter_map(|point| Some((point.x, point.theory?)));
        chart.draw_series(LineSeries::new(theory, colour.stroke_width(2)))?;
        let bars = series.points.iter().map(|Point { x, measured, .. }| {
            let margin = if measured.margin.is_finite() { measured.margin } else { 0.0 };
            let (mean, style) = (measured.mean, colour.filled());
            ErrorBar::new_vertical(*x, mean - margin, mean, mean + margin, style, 8)
        });
        chart
            .draw_series(bars)?
            .label(series.name.clone())
            .legend(move |(x, y)| Circle::new((x + 10, y), 4, colour.filled()));
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK).draw()?;
    root.present()?;
    Ok(())
}

/// What a point covers from bottom to top.
fn extent(point: &Point) -> [f64; 3] {
    let margin = if point.measured.margin.is_finite() { point.measured.margin } else { 0.0 };
    let mean = point.measured.mean;
    [mean - margin, mean + margin, point.theory.unwrap_or(mean)]
}

/// From the least to the greatest, with a little room at both ends.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    let room = ((high - low) * 0.06).max(1e-6);
    if low.is_finite() { (low - room, high + room) } else { (0.0, 1.0) }
}
