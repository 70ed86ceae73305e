//! Which known name a misspelt one was meant to be.

/// The name among `known` that is nearest to `name`, if one is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A name with more than a third of its letters wrong is another name.
    let limit = (name.chars().count() / 3).max(1);
    let near = known.into_iter().filter(|other| *other != name).map(|other| (distance(name, other), other));
    near.filter(|(distance, other)| *distance <= limit && *distance < other.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, other)| other)
}

/// What another library calls a function of `math`.
pub(crate) fn math_synonym(name: &str) -> Option<&'static str> {
    Some(match name {
        "ln" => "log",
        "abs" | "absolute" => "fabs",
        "arcsin" => "asin",
        "arccos" => "acos",
        "arctan" => "atan",
        "arctan2" => "atan2",
        "arcsinh" => "asinh",
        "arccosh" => "acosh",
        "arctanh" => "atanh",
        "power" => "pow",
        "rad2deg" => "degrees",
        "deg2rad" => "radians",
        _ => return None,
    })
}

/// How many letters must be inserted, dropped, replaced or swapped with their neighbour: the optimal string alignment
/// distance.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_is_one_step() {
        assert_eq!(distance("heigth", "height"), 1);
        assert_eq!(distance("totl", "total"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }

    #[test]
    fn only_what_is_near_is_suggested() {
        assert_eq!(nearest("rnage", ["print", "range"]), Some("range"));
        assert_eq!(nearest("x", ["y"]), None);
        assert_eq!(nearest("undefined", ["f", "sum"]), None);
    }
}
