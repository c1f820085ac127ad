//! A release: everything that is deployed, under a prefix that its contents decide.

use std::{collections::BTreeMap, fmt::Write as _, fs, io::Cursor, io::Read as _, path::Path};

use anyhow::{Context as _, bail, ensure};
use aws_sdk_s3::{Client, operation::get_object::GetObjectError, primitives::ByteStream};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::parameters::Stack;

/// The functions, each in `<name>.zip`.
pub const FUNCTIONS: [&str; 5] =
    ["check-build-status", "approval", "finding-handler", "remediation-handler", "finding-remediator"];

/// What else a release is made of, as paths in the repository.
pub const FILES: [&str; 5] = [
    "statemachine/code-scan.asl.json",
    "buildspec/sonar-scan.yml",
    "templates/pre-requisite.yml",
    "templates/app-security.yml",
    "templates/macie-remediation.yml",
];

/// The list of a release's files with their hashes, in the form of `sha256sum`.
pub const SUMS: &str = "SHA256SUMS";

/// Uploaded last: a release without it is not complete.
const MANIFEST: &str = "release.json";

/// The files, and the name of them all: the first 16 hexadecimal digits of the hash of `SHA256SUMS`.
#[derive(Debug)]
pub struct Release {
    name: String,
    manifest: Manifest,
    files: BTreeMap<String, Vec<u8>>,
}

/// What is known about a release that lies in the bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the product.
    pub version: String,
    /// `arm64` or `x86_64`, as Lambda spells it.
    pub architecture: String,
    /// SHA-256 in hexadecimal digits, by file.
    pub files: BTreeMap<String, String>,
}

impl Release {
    /// A release of these files.
    ///
    /// # Errors
    /// A file is missing, or the functions are not programs for one kind of processor.
    pub fn of(files: BTreeMap<String, Vec<u8>>) -> anyhow::Result<Self> {
        let mut architectures = Vec::new();
        for function in FUNCTIONS {
            let zip = files.get(&format!("{function}.zip"));
            let zip = zip.with_context(|| format!("the release has no {function}.zip"))?;
            architectures.push(architecture(zip).with_context(|| format!("look into {function}.zip"))?);
        }
        for path in FILES {
            let name = file_name(path);
            ensure!(files.contains_key(name), "the release has no {name}");
        }
        architectures.dedup();
        let [architecture] = architectures.as_slice() else {
            bail!("the functions are for different processors: {}", architectures.join(", "));
        };
        let hashes = files.iter().map(|(name, content)| (name.clone(), hex::encode(Sha256::digest(content)))).collect();
        let manifest = Manifest {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            architecture: (*architecture).to_owned(),
            files: hashes,
        };
        Ok(Self { name: manifest.name(), manifest, files })
    }

    /// What `scripts/package` wrote.
    ///
    /// # Errors
    /// There is nothing, or it is not what `SHA256SUMS` says.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let at = folder.display();
        let sums = fs::read_to_string(folder.join(SUMS))
            .with_context(|| format!("there is no release in {at}: run scripts/package first"))?;
        let mut files = BTreeMap::new();
        for line in sums.lines() {
            let (_, name) = line.split_once("  ").with_context(|| format!("{at}/{SUMS} has the line `{line}`"))?;
            ensure!(!name.contains('/'), "{at}/{SUMS} names {name}, which is not in its folder");
            let content = fs::read(folder.join(name)).with_context(|| format!("read {at}/{name}"))?;
            files.insert(name.to_owned(), content);
        }
        let release = Self::of(files)?;
        ensure!(release.manifest.sums() == sums, "the files in {at} are not those of its {SUMS}: run scripts/package");
        Ok(release)
    }

    /// Writes the files and `SHA256SUMS` into a folder.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        for (name, content) in &self.files {
            fs::write(folder.join(name), content).with_context(|| format!("write {name}"))?;
        }
        fs::write(folder.join(SUMS), self.manifest.sums()).with_context(|| format!("write {SUMS}"))
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The files by name.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }

    /// Bytes that are uploaded.
    #[must_use]
    pub fn size(&self) -> usize {
        self.files.values().map(Vec::len).sum()
    }

    /// The template of a stack.
    ///
    /// # Errors
    /// It is not UTF-8.
    pub fn template(&self, stack: Stack) -> anyhow::Result<&str> {
        let name = stack.template();
        let content = self.files.get(&name).with_context(|| format!("the release has no {name}"))?;
        std::str::from_utf8(content).with_context(|| format!("read {name}"))
    }

    /// Uploads what the bucket does not have yet, and makes sure that it has nothing else. Says whether there was anything
    /// to do.
    ///
    /// # Errors
    /// S3 refused, or somebody has put something else there.
    pub async fn upload(&self, s3: &Client, bucket: &str) -> anyhow::Result<bool> {
        let there = Manifest::fetch(s3, bucket, &self.name).await?.is_some();
        if !there {
            for (name, content) in &self.files {
                put(s3, bucket, &format!("{}/{name}", self.name), content.clone()).await?;
            }
            let manifest = serde_json::to_vec_pretty(&self.manifest).context("write the manifest")?;
            put(s3, bucket, &format!("{}/{MANIFEST}", self.name), manifest).await?;
        }
        Manifest::verify(s3, bucket, &self.name).await?;
        Ok(!there)
    }
}

impl Manifest {
    /// The manifest of an uploaded release; none if there is no such release, or only a part of it.
    ///
    /// # Errors
    /// S3 refused, or it is no manifest.
    pub async fn fetch(s3: &Client, bucket: &str, release: &str) -> anyhow::Result<Option<Self>> {
        let key = format!("{release}/{MANIFEST}");
        let Some(content) = get(s3, bucket, &key).await? else { return Ok(None) };
        serde_json::from_slice(&content).map(Some).with_context(|| format!("understand {key} in {bucket}"))
    }

    /// The manifest of an uploaded release whose files are what its name says. A release's name can be known before it is
    /// uploaded, so whoever may write to the bucket may have been there first.
    ///
    /// # Errors
    /// S3 refused, or a file is missing or another one.
    pub async fn verify(s3: &Client, bucket: &str, release: &str) -> anyhow::Result<Option<Self>> {
        let Some(manifest) = Self::fetch(s3, bucket, release).await? else { return Ok(None) };
        let wrong = |file: &str| {
            format!(
                "{bucket} has another {release}/{file} than the release: somebody put it there, and it was not deployed. \
                 Find out who, in CloudTrail; delete all versions of {release}/, and deploy again"
            )
        };
        ensure!(manifest.name() == release, "{}", wrong(MANIFEST));
        for (file, hash) in &manifest.files {
            let content = get(s3, bucket, &format!("{release}/{file}")).await?;
            let found = content.map(|content| hex::encode(Sha256::digest(content)));
            ensure!(found.as_ref() == Some(hash), "{}", wrong(file));
        }
        Ok(Some(manifest))
    }

    /// What a release of these files is called: 64 bits of their hash.
    fn name(&self) -> String {
        hex::encode(Sha256::digest(self.sums())).split_at(16).0.to_owned()
    }

    fn sums(&self) -> String {
        self.files.iter().fold(String::new(), |mut sums, (name, hash)| {
            // Writing into a String cannot fail.
            let _ = writeln!(sums, "{hash}  {name}");
            sums
        })
    }
}

/// The complete releases in the bucket, the latest first, with the time of their upload.
///
/// # Errors
/// S3 refused.
pub async fn list(s3: &Client, bucket: &str) -> anyhow::Result<Vec<(String, String)>> {
    let mut pages = s3.list_objects_v2().bucket(bucket).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        for object in page.with_context(|| format!("list {bucket}"))?.contents() {
            let release = object.key().and_then(|key| key.strip_suffix(MANIFEST)?.strip_suffix('/'));
            if let (Some(release), Some(time)) = (release, object.last_modified()) {
                found.push((time.to_string(), release.to_owned()));
            }
        }
    }
    found.sort();
    Ok(found.into_iter().rev().map(|(time, release)| (release, time)).collect())
}

/// A template of an uploaded release.
///
/// # Errors
/// S3 refused, or there is none.
pub async fn uploaded_template(s3: &Client, bucket: &str, release: &str, stack: Stack) -> anyhow::Result<String> {
    let key = format!("{release}/{}", stack.template());
    let content = get(s3, bucket, &key).await?.with_context(|| format!("there is no {key} in {bucket}"))?;
    String::from_utf8(content).with_context(|| format!("read {key}"))
}

/// The last part of a path.
#[must_use]
pub fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The processor that the program in a zip is for, by its ELF header.
fn architecture(zip: &[u8]) -> anyhow::Result<&'static str> {
    let mut archive = zip::ZipArchive::new(Cursor::new(zip)).context("open the zip")?;
    let mut header = [0; 20];
    archive.by_name("bootstrap").context("find bootstrap")?.read_exact(&mut header).context("read bootstrap")?;
    // e_machine of the ELF header: 62 is x86-64, 183 is AArch64.
    match header {
        [0x7f, b'E', b'L', b'F', .., 183, 0] => Ok("arm64"),
        [0x7f, b'E', b'L', b'F', .., 62, 0] => Ok("x86_64"),
        _ => bail!("bootstrap is no Linux program for arm64 or x86-64"),
    }
}

async fn put(s3: &Client, bucket: &str, key: &str, content: Vec<u8>) -> anyhow::Result<()> {
    // The bucket's policy lets nobody replace what is there.
    let put = s3.put_object().bucket(bucket).key(key).if_none_match("*").body(ByteStream::from(content));
    match put.send().await {
        // It is looked at when all is there.
        Err(error) if error.raw_response().is_some_and(|answer| answer.status().as_u16() == 412) => Ok(()),
        answer => answer.map(|_| ()).with_context(|| format!("upload {key} to {bucket}")),
    }
}

/// An object; none if there is none.
pub(crate) async fn get(s3: &Client, bucket: &str, key: &str) -> anyhow::Result<Option<Vec<u8>>> {
    match s3.get_object().bucket(bucket).key(key).send().await {
        Ok(object) => {
            let body = object.body.collect().await.with_context(|| format!("read {key} of {bucket}"))?;
            Ok(Some(body.to_vec()))
        }
        Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("read {key} of {bucket}")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn program(machine: u8) -> Vec<u8> {
        let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
        elf.resize(18, 0);
        elf.extend([machine, 0]);
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        archive.start_file("bootstrap", zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(&elf).unwrap();
        archive.finish().unwrap().into_inner()
    }

    fn files(machine: u8) -> BTreeMap<String, Vec<u8>> {
        let functions = FUNCTIONS.iter().map(|function| (format!("{function}.zip"), program(machine)));
        let others = FILES.iter().map(|path| (file_name(path).to_owned(), path.as_bytes().to_vec()));
        functions.chain(others).collect()
    }

    #[test]
    fn knows_the_processor_by_the_programs() {
        assert_eq!(Release::of(files(183)).unwrap().manifest().architecture, "arm64");
        assert_eq!(Release::of(files(62)).unwrap().manifest().architecture, "x86_64");
        assert!(Release::of(files(3)).is_err());
        let mut mixed = files(62);
        mixed.insert("approval.zip".to_owned(), program(183));
        assert!(Release::of(mixed).unwrap_err().to_string().contains("different processors"));
    }

    #[test]
    fn the_contents_decide_the_name() {
        let release = Release::of(files(183)).unwrap();
        assert_eq!(release.name(), Release::of(files(183)).unwrap().name());
        assert_eq!(release.name().len(), 16);
        let mut changed = files(183);
        changed.insert("sonar-scan.yml".to_owned(), b"changed".to_vec());
        assert_ne!(release.name(), Release::of(changed).unwrap().name());
    }

    #[test]
    fn reads_what_it_wrote_and_nothing_that_was_changed() {
        let folder = std::env::temp_dir().join(format!("operate-release-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let release = Release::of(files(183)).unwrap();
        release.write(&folder).unwrap();
        assert_eq!(Release::read(&folder).unwrap().name(), release.name());
        fs::write(folder.join("sonar-scan.yml"), "changed").unwrap();
        let refused = Release::read(&folder).unwrap_err().to_string();
        fs::remove_dir_all(&folder).unwrap();
        assert!(refused.contains("are not those"), "{refused}");
    }

    #[test]
    fn refuses_a_release_without_all_its_files() {
        let mut files = files(183);
        files.remove("code-scan.asl.json");
        assert_eq!(Release::of(files).unwrap_err().to_string(), "the release has no code-scan.asl.json");
    }

    /// What somebody may have put into the bucket before the release was uploaded.
    #[tokio::test]
    async fn an_uploaded_release_is_held_against_its_name() {
        let of = |zip: &str| Manifest {
            version: "1.0.0".to_owned(),
            architecture: "arm64".to_owned(),
            files: [("approval.zip", zip), ("sonar-scan.yml", "build")]
                .map(|(file, content)| (file.to_owned(), hex::encode(Sha256::digest(content))))
                .into(),
        };
        let name = of("ours").name();
        for (manifest, zip, words) in [
            (of("ours"), "ours", None),
            (of("ours"), "planted", Some("another RELEASE/approval.zip")),
            (of("planted"), "planted", Some("another RELEASE/release.json")),
        ] {
            let (account, _) = crate::scripted::account(move |what, _| {
                let path = what.split('?').next().unwrap_or_default();
                let content = match path.rsplit('/').next() {
                    Some("release.json") => serde_json::to_string(&manifest).unwrap(),
                    Some("approval.zip") => zip.to_owned(),
                    _ => "build".to_owned(),
                };
                (200, content)
            });
            let verified = Manifest::verify(&Client::new(&account.aws), "code", &name).await;
            let refused = verified.err().map(|refused| refused.to_string().replace(&name, "RELEASE"));
            match words {
                None => assert_eq!(refused, None),
                Some(words) => assert!(refused.as_ref().is_some_and(|refused| refused.contains(words)), "{refused:?}"),
            }
        }
    }
}
