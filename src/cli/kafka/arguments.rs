//! How the brokers are named on the command line: `--brokers`, `--property`, `--property-file`, `--token-file`.

use std::{collections::BTreeMap, fs, path::PathBuf, process::ExitCode};

use serde_json::{Value, json};

use crate::{
    cli::{EXIT_USAGE, validate::EXIT_CONFIG},
    connect::kafka::connection::ConnectionSettings,
};

/// Where brokers are looked for when nobody says.
const DEFAULT: &str = "localhost:9092";

/// The variable that names them, as in `topologies/`.
const VARIABLE: &str = "KAFKA";

/// How brokers are reached.
#[derive(Clone, Debug, clap::Args)]
pub struct BrokerArgs {
    /// Brokers to begin with, host:port, several with commas between [default: the variable KAFKA, else localhost:9092].
    #[arg(long, value_name = "BROKERS")]
    pub brokers: Option<String>,
    /// A property of librdkafka, such as security.protocol=sasl_ssl; may be repeated.
    #[arg(long = "property", value_name = "KEY=VALUE")]
    pub properties: Vec<String>,
    /// A file of properties, one a line; `#` begins a comment. Passwords are better here than on a command line.
    #[arg(long, value_name = "FILE")]
    pub property_file: Option<PathBuf>,
    /// Log in by OAUTHBEARER with the token (JWT) in this file, which is read whenever one is needed; over TLS where
    /// security.protocol or a property of ssl says so.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<String>,
}

impl BrokerArgs {
    /// The settings of a connection; says what is wrong with them.
    ///
    /// # Errors
    /// The exit code.
    pub(super) fn settings(&self) -> Result<ConnectionSettings, ExitCode> {
        let mut properties = BTreeMap::new();
        if let Some(path) = &self.property_file {
            let text = fs::read_to_string(path).map_err(|error| {
                eprintln!("cannot read {}: {error}", path.display());
                ExitCode::from(EXIT_CONFIG)
            })?;
            for (number, line) in text.lines().enumerate() {
                let line = line.trim();
                if line.is_empty() || line.starts_with('#') {
                    continue;
                }
                let Some((key, value)) = line.split_once('=') else {
                    eprintln!("{}:{}: expected KEY=VALUE", path.display(), number + 1);
                    return Err(ExitCode::from(EXIT_CONFIG));
                };
                properties.insert(key.trim().to_owned(), value.trim().to_owned());
            }
        }
        for property in &self.properties {
            let Some((key, value)) = property.split_once('=') else {
                // what stands there may be a secret
                eprintln!("--property: expected KEY=VALUE, such as --property security.protocol=ssl");
                return Err(ExitCode::from(EXIT_USAGE));
            };
            properties.insert(key.trim().to_owned(), value.to_owned());
        }
        let brokers = self.brokers.clone().or_else(|| std::env::var(VARIABLE).ok().filter(|v| !v.is_empty()));
        let brokers = brokers.unwrap_or_else(|| DEFAULT.to_owned());
        let mut settings = json!({ "bootstrap_servers": brokers });
        if let Some(file) = &self.token_file {
            settings["sasl"] = json!({ "mechanism": "OAUTHBEARER", "token_file": file });
            // the login is half of what the protocol says: the other half remains
            let protocol = properties.remove("security.protocol").map(|protocol| protocol.to_lowercase());
            let over_tls = match &protocol {
                Some(protocol) => protocol.ends_with("ssl"),
                None => properties.keys().any(|name| name.starts_with("ssl.")),
            };
            if over_tls {
                settings["tls"] = json!({});
            }
        }
        settings["librdkafka"] = json!(properties);
        read(&settings).map_err(|faults| {
            for fault in faults {
                eprintln!("{fault}");
            }
            ExitCode::from(EXIT_CONFIG)
        })
    }
}

/// Reads settings; what is wrong with them, in words.
fn read(settings: &Value) -> Result<ConnectionSettings, Vec<String>> {
    let faults = ConnectionSettings::faults(settings);
    if faults.is_empty() {
        return serde_json::from_value(settings.clone()).map_err(|error| vec![error.to_string()]);
    }
    let words = |(pointer, message, hint): (String, String, String)| match pointer.as_str() {
        "/bootstrap_servers" => format!("--brokers: {message}: {hint}"),
        "/sasl" => format!("--token-file: {message}: {hint}"),
        _ => format!("--property: {message}: {hint}"),
    };
    Err(faults.into_iter().map(words).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(brokers: Option<&str>, properties: &[&str]) -> BrokerArgs {
        BrokerArgs {
            brokers: brokers.map(str::to_owned),
            properties: properties.iter().map(|&property| property.to_owned()).collect(),
            property_file: None,
            token_file: None,
        }
    }

    #[test]
    fn the_command_line_counts_more_than_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("client.properties");
        fs::write(&file, "# over TLS\n\nsecurity.protocol = ssl\nclient.id=file\n").unwrap();
        let args = BrokerArgs { property_file: Some(file.clone()), ..of(Some("a:1"), &["client.id=line"]) };
        let settings = args.settings().unwrap();
        let told = format!("{:?}", settings.librdkafka.keys().collect::<Vec<_>>());
        assert_eq!(
            (settings.bootstrap_servers.as_str(), told.as_str()),
            ("a:1", r#"["client.id", "security.protocol"]"#)
        );
        fs::write(&file, "nothing").unwrap();
        let args = BrokerArgs { property_file: Some(file), ..of(None, &[]) };
        assert_eq!(args.settings().unwrap_err(), ExitCode::from(EXIT_CONFIG));
    }

    #[test]
    fn a_token_leaves_the_choice_of_tls_to_the_properties() {
        for (properties, over_tls) in [
            (&["security.protocol=SASL_SSL"][..], true),
            (&["security.protocol=ssl", "ssl.ca.location=ca.pem"], true),
            (&["ssl.ca.location=ca.pem"], true),
            (&["security.protocol=sasl_plaintext"], false),
            (&[], false),
        ] {
            let args = BrokerArgs { token_file: Some("token".into()), ..of(Some("a:1"), properties) };
            let settings = args.settings().unwrap();
            assert_eq!(settings.tls.is_some(), over_tls, "{properties:?}");
            assert_eq!(settings.sasl.unwrap().token_file.as_deref(), Some("token"));
        }
        // a name and a password are another login
        let args = BrokerArgs { token_file: Some("token".into()), ..of(Some("a:1"), &["sasl.username=x"]) };
        assert_eq!(args.settings().unwrap_err(), ExitCode::from(EXIT_CONFIG));
    }

    #[test]
    fn what_is_wrong_is_told_by_its_option() {
        let settings = json!({"bootstrap_servers": "a", "librdkafka": {"acks": "1"}});
        let told = read(&settings).unwrap_err();
        assert!(told[0].starts_with("--brokers: `a` has no port"), "{told:?}");
        assert!(told[1].starts_with("--property: `acks` is not yours to set"), "{told:?}");
        assert_eq!(of(None, &["acks"]).settings().unwrap_err(), ExitCode::from(EXIT_USAGE));
    }
}
