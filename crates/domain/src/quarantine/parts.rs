/// The largest object that one `CopyObject` takes. S3 says "5 GB"; the smaller reading is always right.
pub const LARGEST_SINGLE_COPY: u64 = 5_000_000_000;

const MIB: u64 = 1 << 20;
/// Twenty parts for the smallest object that needs them, each copied by S3 within seconds.
const USUAL_PART: u64 = 256 * MIB;
const MOST_PARTS: u64 = 10_000;

/// One part of a copy in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// 1 to 10,000.
    pub number: i32,
    /// The first byte.
    pub first: u64,
    /// The last byte, inclusive.
    pub last: u64,
}

impl Part {
    /// The value of `x-amz-copy-source-range`.
    #[must_use]
    pub fn range(&self) -> String {
        format!("bytes={}-{}", self.first, self.last)
    }
}

/// The parts that cover `size` bytes exactly: at most 10,000, all of one size between 5 MiB and 5 GiB but the last,
/// which may be smaller. S3's largest object, 50 TB, fits.
#[must_use]
pub fn parts(size: u64) -> impl ExactSizeIterator<Item = Part> {
    let part_size = size.div_ceil(MOST_PARTS).next_multiple_of(MIB).max(USUAL_PART);
    let count = i32::try_from(size.div_ceil(part_size)).unwrap_or(i32::MAX);
    (0..count).map(move |index| {
        let first = u64::from(index.unsigned_abs()) * part_size;
        Part { number: index + 1, first, last: (first + part_size).min(size) - 1 }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_range_is_inclusive_at_both_ends() {
        let all: Vec<_> = parts(USUAL_PART + 1).collect();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].range(), "bytes=0-268435455");
        assert_eq!(all[1].range(), "bytes=268435456-268435456");
    }

    #[test]
    fn an_empty_object_has_no_parts() {
        assert_eq!(parts(0).len(), 0);
    }

    proptest! {
        #[test]
        fn parts_cover_every_byte_once_within_the_limits_of_s3(size in 1..50_000_000_000_000_u64) {
            let all: Vec<_> = parts(size).collect();
            prop_assert!(all.len() <= 10_000);
            let mut next = 0;
            for (index, part) in all.iter().enumerate() {
                prop_assert_eq!(part.number, i32::try_from(index).unwrap() + 1);
                prop_assert_eq!(part.first, next);
                let length = part.last - part.first + 1;
                prop_assert!(length <= 5 << 30);
                prop_assert!(length >= 5 << 20 || index + 1 == all.len());
                next = part.last + 1;
            }
            prop_assert_eq!(next, size);
        }
    }
}
