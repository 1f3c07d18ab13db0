//! Where in an answer its reader is.

/// Where an answer has a list of instances: that of reservations, and in each the list of its instances.
const INSTANCES: [&str; 4] = ["DescribeInstancesResponse", "reservationSet", "item", "instancesSet"];
/// How many elements are around what is in the list of reservations.
const LIST: usize = 2;

/// The elements around the reader.
#[derive(Default)]
pub(super) struct Place {
    depth: usize,
    /// How many of the elements around it, from the outermost, are those around an instance.
    on_the_way: usize,
}

impl Place {
    pub(super) fn enter(&mut self, name: &str) {
        let is_on_the_way = self.on_the_way == self.depth;
        if is_on_the_way && INSTANCES.get(self.depth).is_some_and(|next| *next == name) {
            self.on_the_way += 1;
        }
        self.depth += 1;
    }

    pub(super) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.on_the_way = self.on_the_way.min(self.depth);
    }

    /// Whether there is any element around it.
    pub(super) const fn is_within(&self) -> bool {
        self.depth > 0
    }

    /// Whether it is where instances stand one after the other.
    pub(super) const fn is_among_instances(&self) -> bool {
        self.depth == INSTANCES.len() && self.on_the_way == self.depth
    }

    /// Whether it is where reservations stand one after the other.
    pub(super) const fn is_in_list(&self) -> bool {
        self.depth == LIST && self.on_the_way == LIST
    }
}
