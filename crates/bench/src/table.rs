//! Tables that are read in a terminal as well as on a page. Pure.

/// A table in Markdown, its columns as wide as their widest cell. The first column is aligned to the left, all others to the right.
#[must_use]
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let cells = |column: usize| rows.iter().filter_map(move |row| row.get(column));
    let widths: Vec<usize> = head
        .iter()
        .enumerate()
        .map(|(column, title)| {
            cells(column).map(|cell| cell.chars().count()).max().unwrap_or_default().max(title.chars().count()).max(3)
        })
        .collect();
    let line = |row: &[String]| {
        let cells: Vec<String> = widths
            .iter()
            .enumerate()
            .map(|(column, &width)| {
                let cell = row.get(column).map(String::as_str).unwrap_or_default();
                if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
            })
            .collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let titles: Vec<String> = head.iter().map(|&title| title.to_owned()).collect();
    let rule: Vec<String> = widths
        .iter()
        .enumerate()
        .map(|(column, &width)| if column == 0 { "-".repeat(width) } else { "-".repeat(width - 1) + ":" })
        .collect();
    line(&titles) + &line(&rule) + &rows.iter().map(|row| line(row)).collect::<String>()
}

/// A figure with three significant digits, as far as they are behind the point.
#[must_use]
pub(crate) fn figure(value: f64) -> String {
    let digits = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["scheduler".to_owned(), "1.5".to_owned()], vec!["a".to_owned(), "10".to_owned()]];
        assert_eq!(
            table(&["", "× floor"], &rows),
            "|           | × floor |\n| --------- | ------: |\n| scheduler |     1.5 |\n| a         |      10 |\n"
        );
    }

    #[test]
    fn figures_have_three_digits_that_mean_something() {
        let shown: Vec<String> = [1234.5, 12.34, 1.234, 0.1234, 0.0].map(figure).into();
        assert_eq!(shown, ["1234", "12.3", "1.23", "0.123", "0.000"]);
    }
}
