//! EC2's XML.

use super::Answer;

/// The field `instanceState` of one that runs.
pub const RUNNING: &str = "<instanceState><code>16</code><name>running</name></instanceState>";
/// The same of one that is stopped.
pub const STOPPED: &str = "<instanceState><code>80</code><name>stopped</name></instanceState>";
/// The tags of one that opted in.
pub const OPTED_IN: &str = "<tagSet><item><key>doze</key><value>on</value></item></tagSet>";

/// An answer to the operation, and where it goes on.
#[must_use]
pub fn response(operation: &str, content: &str, next: Option<&str>) -> Answer {
    let next = next.map(|token| format!("<nextToken>{token}</nextToken>")).unwrap_or_default();
    Answer::xml(&format!(
        "<{operation}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId>\
         {content}{next}</{operation}Response>"
    ))
}

/// An instance, in a reservation of its own, with these fields.
#[must_use]
pub fn instance(number: usize, fields: &[&str]) -> String {
    let (id, fields) = (format!("i-{number:017x}"), fields.concat());
    format!(
        "<item><reservationId>r-1</reservationId><instancesSet>\
         <item><instanceId>{id}</instanceId>{fields}</item></instancesSet></item>"
    )
}

/// Instances, as `DescribeInstances` answers.
#[must_use]
pub fn instances(items: impl IntoIterator<Item = String>, next: Option<&str>) -> Answer {
    let items = items.into_iter().collect::<Vec<_>>().concat();
    response("DescribeInstances", &format!("<reservationSet>{items}</reservationSet>"), next)
}

/// Bodies that are no answer to the operation.
#[must_use]
pub fn nonsense(operation: &str) -> Vec<Answer> {
    let open = format!("<{operation}Response>");
    let empty = format!("<{operation}Response/>");
    ["", "<html><body>Sign in</body></html>", "{}", "OK", &open, &empty].into_iter().map(Answer::xml).collect()
}
