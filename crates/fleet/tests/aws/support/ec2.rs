//! EC2's XML.

use super::{Answer, id};

pub const RUNNING: &str = "<instanceState><code>16</code><name>running</name></instanceState>";
pub const STOPPED: &str = "<instanceState><code>80</code><name>stopped</name></instanceState>";
pub const OPTED_IN: &str = "<tagSet><item><key>doze</key><value>on</value></item></tagSet>";

/// An answer to the operation, and where it goes on.
pub fn response(operation: &str, content: &str, next: Option<&str>) -> Answer {
    let next = next.map(|token| format!("<nextToken>{token}</nextToken>")).unwrap_or_default();
    Answer::xml(&format!(
        "<{operation}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId>\
         {content}{next}</{operation}Response>"
    ))
}

/// An instance, in a reservation of its own, with these fields.
pub fn instance(number: usize, fields: &[&str]) -> String {
    let (id, fields) = (id(number), fields.concat());
    format!(
        "<item><reservationId>r-1</reservationId><instancesSet>\
         <item><instanceId>{id}</instanceId>{fields}</item></instancesSet></item>"
    )
}

/// Instances, as `DescribeInstances` answers.
pub fn instances(items: impl IntoIterator<Item = String>, next: Option<&str>) -> Answer {
    let items = items.into_iter().collect::<Vec<_>>().concat();
    response("DescribeInstances", &format!("<reservationSet>{items}</reservationSet>"), next)
}

/// Bodies that are no answer to the operation.
pub fn nonsense(operation: &str) -> Vec<Answer> {
    let open = format!("<{operation}Response>");
    let empty = format!("<{operation}Response/>");
    ["", "<html><body>Sign in</body></html>", "{}", "OK", &open, &empty].into_iter().map(Answer::xml).collect()
}
