use serde::{Deserialize, Serialize};

use crate::remediation::Proof;

/// What S3 tells about an object's bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// In bytes.
    pub size: u64,
    pub etag: Option<String>,
    /// The `ETag` of an object under a KMS key is no digest of its bytes.
    pub under_kms: bool,
    pub checksums: Vec<Checksum>,
}

/// A checksum over a whole object, in S3's spelling: base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    pub algorithm: String,
    pub value: String,
}

/// Compares an original with its copy by all that both have, and names the strongest. None: they differ, and the original
/// must stay. A checksum alone can be forged: a CRC is no cryptographic hash.
#[must_use]
pub fn compare(original: &Fingerprint, copy: &Fingerprint) -> Option<Proof> {
    if original.size != copy.size {
        return None;
    }
    let in_both = |checksum: &&Checksum| copy.checksums.iter().any(|other| other.algorithm == checksum.algorithm);
    let mut checksums = original.checksums.iter().filter(in_both);
    let etags = is_digest(original).zip(is_digest(copy));
    if !checksums.clone().all(|checksum| copy.checksums.contains(checksum))
        || etags.is_some_and(|(ours, theirs)| ours != theirs)
    {
        return None;
    }
    if let Some(Checksum { algorithm, value }) = checksums.next().cloned() {
        return Some(Proof::Checksum { algorithm, value });
    }
    Some(etags.map_or(Proof::Size, |(value, _)| Proof::Etag { value: value.to_owned() }))
}

/// Compares what lies somewhere with the original and with a copy of it, by the strongest means of both: S3 gave the copy
/// a checksum, which the original may not have. None: it differs from either.
#[must_use]
pub fn compare_with_both(original: &Fingerprint, copy: &Fingerprint, there: &Fingerprint) -> Option<Proof> {
    let proofs = [compare(original, there)?, compare(copy, there)?];
    proofs.into_iter().find(|proof| *proof != Proof::Size).or(Some(Proof::Size))
}

/// Whether what lies somewhere is the original, by its bytes: any two objects may have the same size. None: it is
/// something else, or nobody can tell.
#[must_use]
pub fn recognize(original: &Fingerprint, copy: Option<&Fingerprint>, there: &Fingerprint) -> Option<Proof> {
    let proof = match copy {
        Some(copy) => compare_with_both(original, copy, there),
        None => compare(original, there),
    };
    proof.filter(|proof| *proof != Proof::Size)
}

/// The `ETag` where it is an MD5 digest: uploaded in one piece and not under a KMS key.
fn is_digest(fingerprint: &Fingerprint) -> Option<&str> {
    let etag = fingerprint.etag.as_deref()?;
    let hex = etag.len() == 32 && etag.bytes().all(|byte| byte.is_ascii_hexdigit());
    (hex && !fingerprint.under_kms).then_some(etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MD5: &str = "07b21b45c9ed4a3fabf8173be102d9c2";
    const OTHER_MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";

    fn object(size: u64, etag: &str, under_kms: bool, checksums: &[(&str, &str)]) -> Fingerprint {
        let checksum = |(algorithm, value): &(&str, &str)| Checksum {
            algorithm: (*algorithm).to_owned(),
            value: (*value).to_owned(),
        };
        Fingerprint {
            size,
            etag: Some(etag.to_owned()),
            under_kms,
            checksums: checksums.iter().map(checksum).collect(),
        }
    }

    #[test]
    fn the_strongest_common_means_decides() {
        let etag = Some(Proof::Etag { value: MD5.into() });
        let checksum = Some(Proof::Checksum { algorithm: "SHA256".into(), value: "a=".into() });
        let both = |crc, sha| [("CRC32", crc), ("SHA256", sha)];
        for (original, copy, expected) in [
            (object(1, MD5, false, &[]), object(2, MD5, false, &[]), None),
            (object(1, MD5, false, &[]), object(1, MD5, false, &[]), etag),
            (object(1, MD5, false, &[]), object(1, OTHER_MD5, false, &[]), None),
            (object(1, MD5, true, &[]), object(1, OTHER_MD5, false, &[]), Some(Proof::Size)),
            (object(1, "07b2-3", false, &[]), object(1, MD5, false, &[]), Some(Proof::Size)),
            (object(1, MD5, true, &[("SHA256", "a=")]), object(1, OTHER_MD5, true, &[("SHA256", "a=")]), checksum),
            (object(1, MD5, false, &[("SHA256", "a=")]), object(1, MD5, false, &[("SHA256", "b=")]), None),
            (object(1, MD5, false, &[("CRC32", "a=")]), object(1, OTHER_MD5, false, &[("CRC32", "a=")]), None),
            (object(1, MD5, true, &both("a=", "a=")), object(1, MD5, true, &both("a=", "b=")), None),
            (object(1, MD5, true, &[("SHA1", "a=")]), object(1, MD5, true, &[("CRC32", "a=")]), Some(Proof::Size)),
        ] {
            assert_eq!(compare(&original, &copy), expected, "{original:?} {copy:?}");
        }
    }

    #[test]
    fn what_only_has_the_size_of_the_original_is_not_recognized() {
        let under_kms = |etag, checksums| object(1, etag, true, checksums);
        let checksum = Some(Proof::Checksum { algorithm: "CRC64NVME".into(), value: "a=".into() });
        let crc = |value| [("CRC64NVME", value)];
        let original = under_kms(MD5, &[]);
        for (copy, there, expected) in [
            (None, under_kms(OTHER_MD5, &[]), None),
            (None, object(1, MD5, false, &[]), None),
            (Some(under_kms(OTHER_MD5, &[])), under_kms(MD5, &[]), None),
            (Some(under_kms(OTHER_MD5, &crc("a="))), under_kms(MD5, &[]), None),
            (Some(under_kms(OTHER_MD5, &crc("a="))), under_kms(MD5, &[("CRC32", "a=")]), None),
            (Some(under_kms(OTHER_MD5, &crc("a="))), under_kms(MD5, &crc("b=")), None),
            (Some(under_kms(OTHER_MD5, &crc("a="))), under_kms(MD5, &crc("a=")), checksum),
            (Some(object(1, MD5, false, &[])), object(1, MD5, false, &[]), Some(Proof::Etag { value: MD5.into() })),
            (Some(object(1, MD5, false, &[])), object(2, MD5, false, &[]), None),
        ] {
            assert_eq!(recognize(&original, copy.as_ref(), &there), expected, "{copy:?} {there:?}");
        }
        let original = object(1, MD5, false, &crc("a="));
        let damaged = object(1, MD5, false, &crc("b="));
        assert_eq!(recognize(&original, Some(&damaged), &original), None, "the copy is of something else");
    }
}
