//! What is measured: Doze's functions, the floor, AWS's runtime crate alone, and the same jobs in Python.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{arguments::Measure, endpoint::Addresses, layout::When, life::Subject};

/// The least, for functions that ask nobody: as cargo builds it, linked with glibc at each start.
pub(crate) const FLOOR_OF_HELLO: &str = "floor: hello";
/// The same, built like the functions.
pub(crate) const STATIC_FLOOR_OF_HELLO: &str = "floor: hello, static";
/// The least, for those that read the fleet.
pub(crate) const FLOOR_OF_SCHEDULER: &str = "floor: scheduler";
/// The same, built like the functions.
pub(crate) const STATIC_FLOOR_OF_SCHEDULER: &str = "floor: scheduler, static";
/// The greeting.
pub(crate) const HELLO: &str = "hello";
/// The public page.
pub(crate) const HOME: &str = "home";
/// AWS's runtime crate and nothing else.
pub(crate) const RUNTIME: &str = "lambda_runtime alone";
/// The greeting in Python.
pub(crate) const PYTHON_HELLO: &str = "Python: hello";
/// The function that stops.
pub(crate) const SCHEDULER: &str = "scheduler";
/// The same, with one root certificate instead of the system's.
pub(crate) const SCHEDULER_ONE_ROOT: &str = "scheduler, one root";
/// The same code on the defaults of the SDK, the runtime and cargo.
pub(crate) const SCHEDULER_DEFAULTS: &str = "scheduler, SDK defaults";
/// The same, where it only says what it would do.
pub(crate) const SCHEDULER_DRY: &str = "scheduler, dry-run";
/// The job of the scheduler in Python.
pub(crate) const PYTHON_SCHEDULER: &str = "Python: boto3";
/// The way of most scripts.
pub(crate) const PYTHON_NAIVE: &str = "Python: boto3, call by call";
/// What Doze is compared with most.
pub(crate) const CUSTODIAN: &str = "Cloud Custodian";

/// The order of all of them in tables.
pub(crate) const ORDER: [&str; 17] = [
    FLOOR_OF_HELLO,
    STATIC_FLOOR_OF_HELLO,
    RUNTIME,
    HELLO,
    HOME,
    PYTHON_HELLO,
    FLOOR_OF_SCHEDULER,
    STATIC_FLOOR_OF_SCHEDULER,
    SCHEDULER,
    SCHEDULER_ONE_ROOT,
    SCHEDULER_DEFAULTS,
    SCHEDULER_DRY,
    "wake",
    "alarms",
    PYTHON_SCHEDULER,
    PYTHON_NAIVE,
    CUSTODIAN,
];

/// Whether it asks nobody, so that the floor of `hello` is its floor.
#[must_use]
pub(crate) fn of_greeting(name: &str) -> bool {
    [FLOOR_OF_HELLO, STATIC_FLOOR_OF_HELLO, RUNTIME, HELLO, HOME, PYTHON_HELLO].contains(&name)
}

/// The system's root certificates, on Debian and on Amazon Linux.
const SYSTEM_ROOTS: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// Where everything is.
#[derive(Clone, Debug)]
pub(crate) struct Subjects<'a> {
    asked: &'a Measure,
    /// The programs of this crate.
    programs: PathBuf,
    addresses: Addresses,
    /// A file with the root of the endpoint's certificate, and one with the system's roots, too.
    roots: [PathBuf; 2],
}

impl<'a> Subjects<'a> {
    /// Subjects that ask an endpoint.
    ///
    /// # Errors
    /// Its root cannot be written into a file.
    pub(crate) fn new(asked: &'a Measure, addresses: Addresses) -> io::Result<Self> {
        let programs = std::env::current_exe()?.parent().map(Path::to_owned).unwrap_or_default();
        let roots = [asked.out.join("root.pem"), asked.out.join("roots.pem")];
        let own = addresses.root.as_deref().unwrap_or_default();
        let system = SYSTEM_ROOTS.iter().find_map(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        fs::write(&roots[0], own)?;
        fs::write(&roots[1], own.to_owned() + &system)?;
        Ok(Self { asked, programs, addresses, roots })
    }

    /// Functions that ask nobody, the floor first.
    #[must_use]
    pub(crate) fn greeting(&self) -> Vec<Subject> {
        let event = include_bytes!("../../../events/hello/get.json");
        let home = include_bytes!("../../../events/home/get-html.json");
        vec![
            self.program(FLOOR_OF_HELLO, "floor-hello", event),
            self.subject(STATIC_FLOOR_OF_HELLO, vec![self.static_floor("floor-hello")], event),
            self.program(RUNTIME, "runtime-hello", event),
            self.function(HELLO, "hello", event),
            self.function(HOME, "home", home),
            self.python(PYTHON_HELLO, "hello.handle", event),
        ]
    }

    /// Functions that read the fleet, the floor first.
    #[must_use]
    pub(crate) fn scheduling(&self) -> Vec<Subject> {
        let floor = self.subject(STATIC_FLOOR_OF_SCHEDULER, vec![self.static_floor("floor-scheduler")], SWEEP);
        let mut subjects = vec![self.floor_of_scheduler(), self.with_one_root(floor), self.scheduler()];
        if self.addresses.root.is_some() {
            let one_root = self.with_one_root(self.function(SCHEDULER_ONE_ROOT, "scheduler", SWEEP));
            subjects.push(with(one_root, &[("DOZE_MODE", "enforce")]));
        }
        let defaults = self.subject(SCHEDULER_DEFAULTS, vec![text(&self.asked.defaults)], SWEEP);
        subjects.push(with(defaults, &[("DOZE_MODE", "enforce")]));
        subjects.push(self.python(PYTHON_SCHEDULER, "scheduler.handle", SWEEP));
        subjects
    }

    /// The functions whose starts are measured besides; `alarms` gets no event, since it would keep CloudWatch's pace.
    #[must_use]
    pub(crate) fn others(&self) -> Vec<Subject> {
        let refused = include_bytes!("../../../events/wake/refused-start-without-token.json");
        let scheduler = "arn:aws:lambda:eu-west-1:123456789012:function:doze-bench";
        let names = [("DOZE_ALARM_PREFIX", "doze-bench-"), ("DOZE_ALARM_ACTION", scheduler)];
        let alarms = with(Subject { event: None, ..self.function("alarms", "alarms", b"") }, &names);
        vec![self.function("wake", "wake", refused), alarms]
    }

    /// What the functions do day by day: when they do it, and how many events they get.
    #[must_use]
    pub(crate) fn habits(&self) -> Vec<(Subject, When, usize)> {
        let is_of_doze = |subject: &Subject| [HELLO, HOME, SCHEDULER, SCHEDULER_DRY].contains(&subject.name.as_str());
        let sweeps = self.sweeping().into_iter().map(|(subject, _)| subject);
        let others = self.others().into_iter().partition::<Vec<_>, _>(|subject| subject.event.is_some());
        let starts =
            self.greeting().into_iter().filter(is_of_doze).chain(others.0).map(|subject| (subject, When::Start, 1));
        let runs = sweeps.filter(is_of_doze).map(|subject| (subject, When::Run, 2));
        starts.chain(runs).chain(others.1.into_iter().map(|subject| (subject, When::Run, 0))).collect()
    }

    /// Whatever sweeps a whole fleet, the floor first, and whether it is slow.
    #[must_use]
    pub(crate) fn sweeping(&self) -> Vec<(Subject, bool)> {
        let dry = with(self.function(SCHEDULER_DRY, "scheduler", SWEEP), &[("DOZE_MODE", "dry-run")]);
        vec![
            (self.floor_of_scheduler(), false),
            (self.scheduler(), false),
            (dry, false),
            (self.python(PYTHON_SCHEDULER, "scheduler.handle", SWEEP), false),
            (self.python(PYTHON_NAIVE, "naive.handle", SWEEP), true),
            (self.python(CUSTODIAN, "custodian.handle", SWEEP), true),
        ]
    }

    fn floor_of_scheduler(&self) -> Subject {
        self.with_one_root(self.program(FLOOR_OF_SCHEDULER, "floor-scheduler", SWEEP))
    }

    fn static_floor(&self, program: &str) -> String {
        text(&self.asked.floors.join(program).join("bootstrap"))
    }

    fn with_one_root(&self, subject: Subject) -> Subject {
        with(subject, &[("SSL_CERT_FILE", &text(&self.roots[0]))])
    }

    fn scheduler(&self) -> Subject {
        with(self.function(SCHEDULER, "scheduler", SWEEP), &[("DOZE_MODE", "enforce")])
    }

    fn function(&self, name: &str, function: &str, event: &[u8]) -> Subject {
        self.subject(name, vec![text(&self.asked.functions.join(function).join("bootstrap"))], event)
    }

    fn program(&self, name: &str, program: &str, event: &[u8]) -> Subject {
        self.subject(name, vec![text(&self.programs.join(program))], event)
    }

    fn python(&self, name: &str, handler: &str, event: &[u8]) -> Subject {
        let arguments = ["-m", "awslambdaric", handler].map(str::to_owned);
        let subject = self.subject(name, [&[text(&self.asked.python)], &arguments[..]].concat(), event);
        let scripts = text(&self.asked.scripts);
        with(
            Subject { is_binary: false, ..subject },
            &[
                ("PYTHONPATH", &scripts),
                ("LAMBDA_TASK_ROOT", &scripts),
                ("PYTHONDONTWRITEBYTECODE", "1"),
                ("HOME", &text(&self.asked.out)),
            ],
        )
    }

    fn subject(&self, name: &str, command: Vec<String>, event: &[u8]) -> Subject {
        let subject = Subject {
            name: name.to_owned(),
            command,
            is_binary: true,
            variables: Vec::new(),
            event: Some(event.to_vec()),
        };
        let roots = text(&self.roots[1]);
        with(
            subject,
            &[
                ("PATH", "/usr/local/bin:/usr/bin:/bin"),
                ("AWS_LAMBDA_FUNCTION_NAME", "doze-bench"),
                ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
                ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
                ("AWS_LAMBDA_LOG_LEVEL", "INFO"),
                ("AWS_REGION", "eu-west-1"),
                ("AWS_DEFAULT_REGION", "eu-west-1"),
                ("AWS_ACCESS_KEY_ID", "test"),
                ("AWS_SECRET_ACCESS_KEY", "test"),
                ("AWS_EC2_METADATA_DISABLED", "true"),
                ("AWS_ENDPOINT_URL", &self.addresses.ec2),
                ("AWS_ENDPOINT_URL_EC2", &self.addresses.ec2),
                ("AWS_ENDPOINT_URL_CLOUDWATCH", &self.addresses.cloudwatch),
                ("SSL_CERT_FILE", &roots),
                ("AWS_CA_BUNDLE", &roots),
            ],
        )
    }
}

const SWEEP: &[u8] = br#"{"action":"sweep"}"#;

/// The same with these variables; the last of a name is the one that counts.
fn with(mut subject: Subject, variables: &[(&str, &str)]) -> Subject {
    subject.variables.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    subject
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
