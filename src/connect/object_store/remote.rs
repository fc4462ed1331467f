//! The store over an object store: each call is a request that is waited for, on the thread that calls.
//!
//! A put of an object is atomic and durable when it is answered. Requests that may be sent twice are retried by the crate
//! `object_store` itself: up to ten times, within three minutes. A conditional put is not, where its answer may have been
//! lost: an object that is there already is read back, and the same content is a success. Limit: a file goes in one
//! request (5 GB with S3).

use std::{future::Future, io, path::PathBuf, time::Duration};

use object_store::{
    ClientConfigKey, Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, path::Path,
};
use tokio::runtime::{Builder, Runtime};

use super::{
    Location,
    error::{StoreError, told},
};
use crate::engine::checkpoint::store::CheckpointStore;

/// How long a request may take, unless the environment says otherwise: a file may be large, and the way to the store slow.
const TIMEOUT: Duration = Duration::from_mins(5);

/// How long a connection is kept for the next request. Between checkpoints nobody would see that the store has closed it.
const IDLE: Duration = Duration::from_secs(3);

/// A folder in an object store.
#[derive(Debug)]
pub(super) struct RemoteStore {
    location: Location,
    store: Box<dyn ObjectStore>,
    runtime: Runtime,
}

impl RemoteStore {
    /// The store of a location, reached as the environment says. Nothing is sent yet.
    pub(super) fn open(location: &Location) -> Result<Self, StoreError> {
        let settings = |reason: String| StoreError::Settings {
            url: location.to_string(),
            reason,
            variables: location.kind.variables,
        };
        // some provider has to be named once in a process; if one is, it does as well
        let _ = rustls::crypto::ring::default_provider().install_default();
        let store = reach(location).map_err(|error| settings(told(&error)))?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| settings(error.to_string()))?;
        Ok(Self { location: location.clone(), store, runtime })
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.location)
    }

    fn object(&self, path: &str) -> io::Result<Path> {
        let prefix = &self.location.prefix;
        let whole = if prefix.is_empty() { path.to_owned() } else { format!("{prefix}/{path}") };
        Path::parse(whole).map_err(io::Error::other)
    }

    /// Waits for a request; what it gives for an object that is not there is up to who asks.
    fn wait<T>(&self, request: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.runtime.block_on(request)
    }

    fn fault(&self, operation: &'static str, path: &str, error: &Error) -> io::Error {
        let url = self.url(path);
        let variables = self.location.kind.variables;
        io::Error::other(match error {
            Error::NotFound { .. } => StoreError::NoBucket { operation, url },
            Error::PermissionDenied { source, .. } | Error::Unauthenticated { source, .. } => {
                StoreError::Denied { operation, url, reason: told(&**source), variables }
            }
            _ => StoreError::Request { operation, url, reason: told(error) },
        })
    }
}

/// The client for a location's bucket.
fn reach(location: &Location) -> Result<Box<dyn ObjectStore>, Error> {
    let bucket = &location.bucket;
    let is_set = |name: &str| std::env::var_os(format!("{}{name}", location.kind.variables)).is_some();
    let idle = (ClientConfigKey::PoolIdleTimeout, format!("{} seconds", IDLE.as_secs()));
    let timeout = (ClientConfigKey::Timeout, format!("{} seconds", TIMEOUT.as_secs()));
    let client = [(!is_set("POOL_IDLE_TIMEOUT")).then_some(idle), (!is_set("TIMEOUT")).then_some(timeout)];
    let client = client.into_iter().flatten();
    match location.kind.scheme {
        #[cfg(feature = "s3")]
        "s3" => {
            use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
            let builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
            let builder =
                client.fold(builder, |b, (key, value)| b.with_config(AmazonS3ConfigKey::Client(key), value));
            Ok(Box::new(builder.build()?))
        }
        #[cfg(feature = "gcs")]
        "gs" => {
            use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
            let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket);
            let builder =
                client.fold(builder, |b, (key, value)| b.with_config(GoogleConfigKey::Client(key), value));
            Ok(Box::new(builder.build()?))
        }
        #[cfg(feature = "azure")]
        "az" => {
            use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
            let builder = MicrosoftAzureBuilder::from_env().with_container_name(bucket);
            let builder =
                client.fold(builder, |b, (key, value)| b.with_config(AzureConfigKey::Client(key), value));
            Ok(Box::new(builder.build()?))
        }
        scheme => Err(Error::NotSupported { source: format!("{scheme} was not built in").into() }),
    }
}

impl CheckpointStore for RemoteStore {
    fn make_folder(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn put(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let object = self.object(path)?;
        let put = self.wait(self.store.put(&object, PutPayload::from(bytes.to_vec())));
        put.map(drop).map_err(|error| self.fault("put", path, &error))
    }

    fn put_new(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let object = self.object(path)?;
        let options = PutOptions::from(PutMode::Create);
        match self.wait(self.store.put_opts(&object, PutPayload::from(bytes.to_vec()), options)) {
            Ok(_) => Ok(()),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {
                if self.read(path)?.as_deref() == Some(bytes) {
                    return Ok(());
                }
                Err(io::Error::other(StoreError::Exists { url: self.url(path) }))
            }
            Err(Error::NotImplemented { .. } | Error::NotSupported { .. }) => {
                Err(io::Error::other(StoreError::NoConditionalPut { url: self.url(path) }))
            }
            Err(error) => Err(self.fault("put", path, &error)),
        }
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let object = self.object(path)?;
        let read = self.wait(async { self.store.get(&object).await?.bytes().await });
        match read {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.fault("read", path, &error)),
        }
    }

    fn length(&self, path: &str) -> io::Result<Option<u64>> {
        let object = self.object(path)?;
        match self.wait(self.store.head(&object)) {
            Ok(meta) => Ok(Some(meta.size)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.fault("read", path, &error)),
        }
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let prefix = self.object(folder)?;
        let listed = match self.wait(self.store.list_with_delimiter(Some(&prefix))) {
            Ok(listed) => listed,
            Err(Error::NotFound { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(self.fault("list", folder, &error)),
        };
        let objects = listed.objects.iter().map(|object| &object.location);
        let names = objects.chain(&listed.common_prefixes).filter_map(|path| path.filename());
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.sort();
        Ok(names)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let object = self.object(path)?;
        match self.wait(self.store.delete(&object)) {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.fault("remove", path, &error)),
        }
    }

    fn remove_folder(&self, folder: &str) -> io::Result<()> {
        let prefix = self.object(folder)?;
        let listed = match self.wait(self.store.list_with_delimiter(Some(&prefix))) {
            Ok(listed) => listed,
            Err(Error::NotFound { .. }) => return Ok(()),
            Err(error) => return Err(self.fault("list", folder, &error)),
        };
        for below in listed.common_prefixes.iter().filter_map(|path| path.filename()) {
            self.remove_folder(&format!("{folder}/{below}"))?;
        }
        for name in listed.objects.iter().filter_map(|object| object.location.filename()) {
            self.remove(&format!("{folder}/{name}"))?;
        }
        Ok(())
    }

    fn place(&self, path: &str) -> PathBuf {
        self.url(path).into()
    }
}
