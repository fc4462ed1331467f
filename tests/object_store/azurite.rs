//! A container in Azurite: the client of the store makes none, so a signed request does.

use std::process::Command;

/// The account that Azurite has by itself, and its key, as its documentation gives them.
pub(super) const ACCOUNT: &str = "devstoreaccount1";
pub(super) const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// `Put Container`, with a shared key: <https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key>.
const REQUEST: &str = r#"
import base64, email.utils, hashlib, hmac, sys, urllib.request
address, account, key, container = sys.argv[1:]
headers = {"x-ms-date": email.utils.formatdate(usegmt=True), "x-ms-version": "2021-12-02"}
signed = "PUT" + "\n" * 12 + "".join(f"{name}:{value}\n" for name, value in headers.items())
signed += f"/{account}/{account}/{container}\nrestype:container"
digest = hmac.new(base64.b64decode(key), signed.encode(), hashlib.sha256).digest()
headers["Authorization"] = f"SharedKey {account}:{base64.b64encode(digest).decode()}"
url = f"http://{address}/{account}/{container}?restype=container"
urllib.request.urlopen(urllib.request.Request(url, method="PUT", headers=headers))
"#;

/// Makes a container.
pub(super) fn make_container(address: &str, name: &str) {
    let status = Command::new("python3").args(["-c", REQUEST, address, ACCOUNT, KEY, name]).status();
    assert!(status.unwrap().success());
}
