//! What the hostile zips bring along, and where it shows if something of it has worked.

use std::{
    fs::Permissions,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context as _, ensure};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::archive::Entry;

/// A server that counts who calls, and a folder in which the programs leave their marks. Set again it is another one.
pub(super) struct Trap {
    folder: TempDir,
    address: String,
    calls: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

impl Trap {
    pub(super) async fn set() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("make the trap's folder")?;
        // The scanner may be another user, who could leave a mark as well.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).context("open the trap's folder")?;
        let marks = folder.path().join("marks");
        std::fs::create_dir(&marks).context("make the trap's folder")?;
        std::fs::set_permissions(&marks, Permissions::from_mode(0o1777)).context("open the trap's folder")?;
        let program = folder.path().join("java");
        std::fs::write(&program, mark(&marks, "java")).context("write the trap's program")?;
        std::fs::set_permissions(&program, Permissions::from_mode(0o755)).context("write the trap's program")?;

        let listener = TcpListener::bind("127.0.0.1:0").await.context("listen as the trap's server")?;
        let address = format!("http://{}", listener.local_addr().context("read the trap's address")?);
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&calls);
        let server = tokio::spawn(async move {
            // Whoever connects has gone too far already.
            while listener.accept().await.is_ok() {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        Ok(Self { folder, address, calls, server })
    }

    fn marks(&self) -> PathBuf {
        self.folder.path().join("marks")
    }

    /// Settings that send the scanner to the trap's server, and let it run the trap's program as its Java.
    pub(super) fn another_server(&self) -> String {
        let (address, program) = (&self.address, self.folder.path().join("java"));
        let program = program.display();
        format!(
            "sonar.host.url={address}\n\
             sonar.scanner.sonarcloudUrl={address}\n\
             sonar.scanner.apiBaseUrl={address}\n\
             sonar\\u002ehost.url : {address}\n\
             sonar.scanner.proxyHost=127.0.0.1\n\
             sonar.scanner.proxyPort={}\n\
             sonar.scanner.skipJreProvisioning=true\n\
             sonar.scanner.javaExePath={program}\n\
             sonar.scanner.engineJarPath={program}\n\
             sonar.nodejs.executable={program}\n\
             sonar.rust.clippy.enabled=true\n",
            address.rsplit(':').next().unwrap_or_default()
        )
    }

    /// Files that some program of the build would run or believe if it started in the upload's folder.
    pub(super) fn programs(&self, project: &str, task: &str) -> Vec<Entry> {
        let marks = self.marks();
        let mut entries = Vec::new();
        for name in
            ["sonar-scanner", "bin/sonar-scanner", "java", "mvn", "mvnw", "aws", "python3", "node", "git", "setpriv"]
        {
            entries.push(Entry::Program(name.to_owned(), mark(&marks, &name.replace('/', "-")).into_bytes()));
        }
        let python = format!("open({:?}, 'w').close()\n", marks.join("python").display().to_string());
        for name in ["sitecustomize.py", "usercustomize.py", "zipfile.py", "hashlib.py", "resource.py"] {
            entries.push(Entry::File(name.to_owned(), python.clone().into_bytes()));
        }
        let touch = format!("touch {}", marks.join("shell").display());
        let report = format!(
            "projectKey={project}\nserverUrl={0}\ndashboardUrl={0}/dashboard?id={project}\nceTaskId={task}\nceTaskUrl={0}/api/ce/task?id={task}\n",
            self.address
        );
        let settings = format!("sonar.host.url={}", self.address);
        for (name, text) in [
            ("buildspec.yml", format!("version: 0.2\nphases:\n  build:\n    commands:\n      - {touch}\n")),
            (".git/config", format!("[core]\n\tfsmonitor = {touch}\n\tsshCommand = {touch}\n")),
            (".git/HEAD", "ref: refs/heads/main\n".to_owned()),
            (".mvn/maven.config", format!("-Dmaven.repo.remote={}\n", self.address)),
            (".mvn/extensions.xml", extension()),
            (".mvn/jvm.config", "-XX:OnOutOfMemoryError=true -javaagent:agent.jar\n".to_owned()),
            (".scannerwork/report-task.txt", report.clone()),
            ("work/report-task.txt", report.clone()),
            ("scan-evidence/report-task.txt", report),
            ("sonar-scanner.properties", settings.clone()),
            ("conf/sonar-scanner.properties", settings),
            (
                "package.json",
                format!(
                    "{{\"name\":\"x\",\"sonar\":{{\"hostUrl\":\"{}\"}},\"scripts\":{{\"preinstall\":\"{touch}\"}}}}",
                    self.address
                ),
            ),
            (".npmrc", format!("registry={}\n", self.address)),
            ("pyproject.toml", format!("[tool.sonar]\nhost-url = \"{}\"\nexclusions = \"**/*\"\n", self.address)),
            (".sonarcloud.properties", "sonar.exclusions=**/*\n".to_owned()),
            ("sonarlint.json", "{\"exclusions\":[\"**/*\"]}".to_owned()),
            (".sdkmanrc", "java=none\n".to_owned()),
        ] {
            entries.push(Entry::File(name.to_owned(), text.into_bytes()));
        }
        entries
    }

    /// Nobody has called, and no program has left a mark.
    pub(super) fn is_untouched(&self) -> anyhow::Result<()> {
        let calls = self.calls.load(Ordering::Relaxed);
        ensure!(calls == 0, "the server that the zips name was called {calls} times");
        let marks = std::fs::read_dir(self.marks()).context("look for marks")?;
        let marks: Vec<_> = marks.flatten().map(|mark| mark.file_name()).collect();
        ensure!(marks.is_empty(), "programs of the zips have run: {marks:?}");
        Ok(())
    }
}

impl Drop for Trap {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A program that leaves a mark, and says what a passed gate would say.
fn mark(marks: &Path, name: &str) -> String {
    format!("#!/bin/sh\ntouch {}\necho 'INFO  QUALITY GATE STATUS: PASSED'\n", marks.join(name).display())
}

/// Maven would load this code before it does anything else.
fn extension() -> String {
    "<extensions><extension><groupId>example</groupId><artifactId>evil</artifactId><version>1</version></extension></extensions>\n"
        .to_owned()
}

/// Settings that leave nothing to be judged, or have it judged as something else.
pub(super) fn hide_everything(green_project: &str) -> String {
    format!(
        "sonar.projectKey={green_project}\n\
         sonar.sources=empty\n\
         sonar.inclusions=nothing/**\n\
         sonar.exclusions=**/*\n\
         sonar.global.exclusions=**/*\n\
         sonar.tests=invoices\n\
         sonar.test.inclusions=**/*\n\
         sonar.skip=true\n\
         sonar.sourceEncoding=UTF-16\n\
         sonar.python.version=2.7\n\
         sonar.lang.patterns.python=**/*.none\n\
         sonar.python.file.suffixes=.none\n\
         sonar.issue.ignore.multicriteria=all\n\
         sonar.issue.ignore.multicriteria.all.ruleKey=*\n\
         sonar.issue.ignore.multicriteria.all.resourceKey=**/*\n\
         sonar.issue.ignore.allfile=all\n\
         sonar.issue.ignore.allfile.all.fileRegexp=import\n\
         sonar.qualitygate.wait=false\n\
         sonar.scanner.metadataFilePath=/tmp/report-task.txt\n\
         sonar.working.directory=.scannerwork\n\
         sonar.projectBaseDir=/var/empty\n\
         sonar.filesize.limit=0\n\
         sonar.scm.exclusions.disabled=false\n"
    )
}
