//! An instance as EC2 describes it, in the elements of its answer:
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html>.

use std::borrow::Cow;

use idleness::{Instance, InstanceState, InstanceType, Market, RootDevice, StopProtection, Transition, is_read};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::markup::{Element, Markup, Nonsense};

/// An instance as EC2 describes it.
#[derive(Debug, PartialEq)]
pub struct Described {
    /// The instance. Of one by a Spot request, EC2 does not say here of which kind that is.
    pub instance: Instance,
    /// The id of its Spot request, where it has one.
    pub spot_request: Option<String>,
}

impl Described {
    /// Reads the element of an instance to its end; `None` if it has no id that we could act on.
    ///
    /// # Errors
    /// The element makes no sense, or is not there to its end.
    pub(super) fn read<'a>(markup: &mut Markup<'a>, element: &Element<'a>) -> Result<Option<Self>, Nonsense> {
        let mut fields = Fields::default();
        markup.each_in(element, |markup, name, element| fields.read(markup, name, element))?;
        Ok(fields.described())
    }
}

/// What is read of an instance, as it is written. What EC2 does not say is empty.
#[derive(Default)]
struct Fields<'a> {
    id: Cow<'a, str>,
    state: Cow<'a, str>,
    launched_at: Cow<'a, str>,
    instance_type: Cow<'a, str>,
    cores: Cow<'a, str>,
    threads_per_core: Cow<'a, str>,
    root_device: Cow<'a, str>,
    lifecycle: Cow<'a, str>,
    spot_request: Cow<'a, str>,
    transition: Cow<'a, str>,
    reason: Cow<'a, str>,
    message: Cow<'a, str>,
    tags: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Fields<'a> {
    /// Reads the element of this name to its end.
    fn read(&mut self, markup: &mut Markup<'a>, name: &str, element: &Element<'a>) -> Result<(), Nonsense> {
        let field = match name {
            "instanceId" => &mut self.id,
            "launchTime" => &mut self.launched_at,
            "instanceType" => &mut self.instance_type,
            "rootDeviceType" => &mut self.root_device,
            "instanceLifecycle" => &mut self.lifecycle,
            "spotInstanceRequestId" => &mut self.spot_request,
            "reason" => &mut self.transition,
            "instanceState" => return read(markup, element, [("name", &mut self.state)]),
            "stateReason" => {
                return read(markup, element, [("code", &mut self.reason), ("message", &mut self.message)]);
            }
            "cpuOptions" => {
                let counts = [("coreCount", &mut self.cores), ("threadsPerCore", &mut self.threads_per_core)];
                return read(markup, element, counts);
            }
            "tagSet" => {
                self.tags.clear();
                return markup.each_in(element, |markup, name, inner| match name {
                    "item" => self.read_tag(markup, inner),
                    _ => markup.skip(inner),
                });
            }
            _ => return markup.skip(element),
        };
        *field = markup.text(element)?;
        Ok(())
    }

    fn read_tag(&mut self, markup: &mut Markup<'a>, element: &Element<'a>) -> Result<(), Nonsense> {
        let (mut key, mut value) = Default::default();
        read(markup, element, [("key", &mut key), ("value", &mut value)])?;
        // The others may say anything.
        if is_read(&key) {
            self.tags.push((key, value));
        }
        Ok(())
    }

    fn described(self) -> Option<Described> {
        let filled = |text: Cow<'_, str>| Some(text.into_owned()).filter(|text| !text.is_empty());
        let spot_request = filled(self.spot_request);
        let is_spot = spot_request.is_some() || self.lifecycle == "spot";
        let instance = Instance {
            id: self.id.parse().ok()?,
            state: InstanceState::from_name(&self.state),
            launched_at: self.launched_at.parse().ok(),
            instance_type: InstanceType::from_name(&self.instance_type),
            vcpus: vcpus(&self.cores, &self.threads_per_core),
            root_device: match &*self.root_device {
                "ebs" => RootDevice::Ebs,
                "instance-store" => RootDevice::InstanceStore,
                _ => RootDevice::Unknown,
            },
            // Which kind of Spot request it is, is asked for.
            market: if is_spot { Market::SpotUnknown } else { Market::OnDemand },
            stop_protection: StopProtection::Unread,
            transition: Transition {
                at: time_of_transition(&self.transition),
                code: filled(self.reason),
                message: filled(self.message),
            },
            tags: self.tags.into_iter().collect(),
        };
        Some(Described { instance, spot_request })
    }
}

/// Reads an element to its end: the texts of the elements in it that have these names, or nothing of one that is not there.
fn read<'a, const N: usize>(
    markup: &mut Markup<'a>,
    element: &Element<'a>,
    mut fields: [(&str, &mut Cow<'a, str>); N],
) -> Result<(), Nonsense> {
    for (_, field) in &mut fields {
        **field = Cow::Borrowed("");
    }
    markup.each_in(element, |markup, name, inner| match fields.iter_mut().find(|(field, _)| *field == name) {
        Some((_, field)) => {
            **field = markup.text(inner)?;
            Ok(())
        }
        None => markup.skip(inner),
    })
}

/// The time that EC2 writes behind the reason of a change: `User initiated (2026-11-20 18:04:05 GMT)`.
fn time_of_transition(text: &str) -> Option<Timestamp> {
    let (_, time) = text.strip_suffix(" GMT)")?.rsplit_once('(')?;
    let at: DateTime = time.parse().ok()?;
    Some(at.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// The number of virtual CPUs: cores times threads.
fn vcpus(cores: &str, threads_per_core: &str) -> Option<u32> {
    let (cores, threads): (u32, u32) = (cores.parse().ok()?, threads_per_core.parse().ok()?);
    cores.checked_mul(threads).filter(|vcpus| *vcpus > 0)
}
