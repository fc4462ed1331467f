//! A server of a store, for one test: moto (S3) or Azurite (Azure). Both check signatures, and keep everything in memory.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use object_store::{ObjectStore, ObjectStoreExt, PutPayload, aws::AmazonS3Builder, path};
use tokio::runtime::{Builder, Runtime};

/// The bucket, or container, that is there.
pub(super) const BUCKET: &str = "reviews";

/// The folder in it.
pub(super) const FOLDER: &str = "state/shop";

/// How many requests moto takes without a signature: those that make user, permission, key and bucket.
const UNSIGNED: &str = "4";

/// What the binary needs in its environment.
pub(super) type Environment = Vec<(&'static str, String)>;

/// A running server, and a client of its bucket.
pub(super) struct Server {
    child: Child,
    scheme: &'static str,
    pub(super) environment: Environment,
    client: Arc<dyn ObjectStore>,
    runtime: Runtime,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What `make` has fetched.
fn tool(name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join(target).join("tools").join(name);
    assert!(tool.exists(), "{} is missing: `make test-stores` fetches it", tool.display());
    tool
}

/// Starts a server that tells its address on one of its outputs.
fn start(mut command: Command) -> (Child, String) {
    let (reader, writer) = std::io::pipe().unwrap();
    command.stdin(Stdio::null()).stdout(writer.try_clone().unwrap()).stderr(writer);
    let child = command.spawn().unwrap();
    drop(command);
    let mut lines = BufReader::new(reader).lines();
    let told = lines.by_ref().map(Result::unwrap).find_map(|line| {
        let (said, address) = line.split_once(" on http://")?;
        let is_address = said.contains("Running") || said.contains("successfully listens");
        is_address.then(|| address.trim().to_owned())
    });
    // it goes on logging: nobody would empty a full pipe
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    (child, told.expect("the server tells its address"))
}

impl Server {
    pub(super) fn s3() -> Self {
        let mut command = Command::new("python3");
        command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]);
        command.env("PYTHONPATH", tool("moto")).env("INITIAL_NO_AUTH_ACTION_COUNT", UNSIGNED);
        let (child, address) = start(command);
        let (key, secret) = user(&address);
        answer(&address, "s3", &format!("PUT /{BUCKET}"), "");
        let endpoint = format!("http://{address}");
        let client = AmazonS3Builder::new()
            .with_bucket_name(BUCKET)
            .with_endpoint(&endpoint)
            .with_allow_http(true)
            .with_access_key_id(&key)
            .with_secret_access_key(&secret);
        let environment = vec![
            ("AWS_ENDPOINT", endpoint),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", key),
            ("AWS_SECRET_ACCESS_KEY", secret),
        ];
        Self::of("s3", child, environment, || Arc::new(client.build().unwrap()))
    }

    #[cfg(feature = "azure")]
    pub(super) fn azure() -> Self {
        use super::azurite::{ACCOUNT, KEY, make_container};
        let mut command = Command::new("node");
        command.arg(tool("azurite/node_modules/azurite/dist/src/blob/main.js"));
        command.args([
            "--blobPort",
            "0",
            "--inMemoryPersistence",
            "--skipApiVersionCheck",
            "--disableTelemetry",
        ]);
        let (child, address) = start(command);
        make_container(&address, BUCKET);
        let endpoint = format!("http://{address}/{ACCOUNT}");
        let client = object_store::azure::MicrosoftAzureBuilder::new()
            .with_account(ACCOUNT)
            .with_access_key(KEY)
            .with_endpoint(endpoint.clone())
            .with_allow_http(true)
            .with_container_name(BUCKET);
        let environment = vec![
            ("AZURE_STORAGE_ENDPOINT", endpoint),
            ("AZURE_ALLOW_HTTP", "true".to_owned()),
            ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT.to_owned()),
            ("AZURE_STORAGE_ACCOUNT_KEY", KEY.to_owned()),
        ];
        Self::of("az", child, environment, || Arc::new(client.build().unwrap()))
    }

    fn of(
        scheme: &'static str,
        child: Child,
        environment: Environment,
        client: impl FnOnce() -> Arc<dyn ObjectStore>,
    ) -> Self {
        // the first of the tests of this process names it
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self { child, scheme, environment, client: client(), runtime }
    }

    /// A folder of the bucket, as `state` names it.
    pub(super) fn url_of(&self, folder: &str) -> String {
        format!("{}://{BUCKET}/{folder}", self.scheme)
    }

    /// The folder that most tests use.
    pub(super) fn url(&self) -> String {
        self.url_of(FOLDER)
    }

    /// The objects below a folder of the bucket, with their content, by their path below it.
    pub(super) fn objects(&self, folder: &str) -> Vec<(String, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![path::Path::parse(folder).unwrap()];
        while let Some(below) = folders.pop() {
            let listed = self.runtime.block_on(self.client.list_with_delimiter(Some(&below))).unwrap();
            folders.extend(listed.common_prefixes);
            for object in listed.objects {
                let bytes = self.runtime.block_on(async {
                    self.client.get(&object.location).await.unwrap().bytes().await.unwrap()
                });
                let name = object.location.as_ref().strip_prefix(folder).unwrap().trim_start_matches('/');
                found.push((name.to_owned(), bytes.into()));
            }
        }
        found.sort();
        found
    }

    pub(super) fn put(&self, path: &str, bytes: Vec<u8>) {
        let path = path::Path::parse(path).unwrap();
        self.runtime.block_on(self.client.put(&path, PutPayload::from(bytes))).unwrap();
    }

    /// Lets it sleep, or wakes it.
    pub(super) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }
}

/// Makes a user of moto that may do everything in S3: id of the key, and its secret.
fn user(address: &str) -> (String, String) {
    let policy = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action\
        %22%3A%22s3%3A%2A%22%2C%22Resource%22%3A%22%2A%22%7D%5D%7D";
    let ask = |body: &str| answer(address, "iam", "POST /", body);
    ask("Action=CreateUser&Version=2010-05-08&UserName=dirigent");
    ask(&format!(
        "Action=PutUserPolicy&Version=2010-05-08&UserName=dirigent&PolicyName=all&PolicyDocument={policy}"
    ));
    let made = ask("Action=CreateAccessKey&Version=2010-05-08&UserName=dirigent");
    let of = |tag: &str| {
        let (_, rest) = made.split_once(&format!("<{tag}>")).unwrap();
        rest.split_once('<').unwrap().0.to_owned()
    };
    (of("AccessKeyId"), of("SecretAccessKey"))
}

/// Sends a request without a signature; the answer.
fn answer(address: &str, service: &str, request: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let scope = format!("Credential=none/20260101/us-east-1/{service}/aws4_request");
    write!(
        stream,
        "{request} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\
         Authorization: AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=none\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.lines().next().unwrap().contains("200"), "{request}: {answer}");
    answer
}
