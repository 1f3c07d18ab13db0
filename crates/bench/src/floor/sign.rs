//! AWS Signature Version 4, for requests without a query.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use std::{fmt::Write as _, time::Duration};

use ring::{digest, hmac};

/// Who signs, and for where.
#[derive(Clone, Debug)]
pub(super) struct Signer {
    pub(super) access_key: String,
    pub(super) secret_key: String,
    pub(super) session_token: Option<String>,
    pub(super) region: String,
}

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    pub(super) service: &'a str,
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) body: &'a [u8],
}

impl Signer {
    /// The headers that sign a request which is made so long after 1970, each with its line's end.
    pub(super) fn headers(&self, request: Request<'_>, since_1970: Duration) -> String {
        let Request { service, host, path, body } = request;
        let at = basic_time(since_1970.as_secs());
        let (day, region) = (&at[..8], &self.region);
        let (token_header, token_name) = match &self.session_token {
            Some(token) => (format!("x-amz-security-token:{token}\n"), ";x-amz-security-token"),
            None => (String::new(), ""),
        };
        let names = format!("host;x-amz-date{token_name}");
        let canonical = format!(
            "POST\n{path}\n\nhost:{host}\nx-amz-date:{at}\n{token_header}\n{names}\n{}",
            hex(sha256(body).as_ref())
        );
        let scope = format!("{day}/{region}/{service}/aws4_request");
        let text = format!("AWS4-HMAC-SHA256\n{at}\n{scope}\n{}", hex(sha256(canonical.as_bytes()).as_ref()));
        let secret = format!("AWS4{}", self.secret_key);
        let key = [day, region, service, "aws4_request"]
            .iter()
            .fold(secret.into_bytes(), |key, part| hmac_sha256(&key, part.as_bytes()).as_ref().to_vec());
        let signature = hex(hmac_sha256(&key, text.as_bytes()).as_ref());
        let token = token_header.replace('\n', "\r\n");
        format!(
            "x-amz-date: {at}\r\n{token}authorization: AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, \
             Signature={signature}\r\n",
            self.access_key
        )
    }
}

fn sha256(bytes: &[u8]) -> digest::Digest {
    digest::digest(&digest::SHA256, bytes)
}

fn hmac_sha256(key: &[u8], bytes: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A time as signatures have it: `20150830T123600Z`. The calendar is that of Howard Hinnant's `civil_from_days`, for days after
/// 1970: <https://howardhinnant.github.io/date_algorithms.html>.
fn basic_time(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    /// The case `post-vanilla` of AWS's own test suite for signatures.
    #[test]
    fn a_request_is_signed_as_aws_signs_it() {
        let signer = Signer {
            access_key: "AKIDEXAMPLE".to_owned(),
            secret_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
            session_token: None,
            region: "us-east-1".to_owned(),
        };
        let at: Timestamp = "2015-08-30T12:36:00Z".parse().unwrap();
        let at = Duration::from_secs(at.as_second().unsigned_abs());
        let request = Request { service: "service", host: "example.amazonaws.com", path: "/", body: b"" };
        let headers = signer.headers(request, at);
        assert!(
            headers.ends_with(
                "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, \
                 Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b\r\n"
            ),
            "{headers}"
        );
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        for text in ["1970-01-01T00:00:00Z", "2000-02-29T23:59:59Z", "2026-12-31T12:00:00Z", "2100-03-01T00:00:00Z"] {
            let time: Timestamp = text.parse().unwrap();
            assert_eq!(basic_time(time.as_second().unsigned_abs()), text.replace(['-', ':'], ""));
        }
    }
}
