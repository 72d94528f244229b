//! The verbs over a store in memory, under the configuration that `init` writes.

use std::time::Duration;

use access::Timestamp;

use super::*;
use crate::config;
use crate::store::vault::Backing;

struct Scene {
    vault: Vault,
    in_force: InForce,
    clock: Clock,
    _files: tempfile::TempDir,
}

impl Scene {
    async fn set() -> Self {
        let files = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(files.path().join("policies")).expect("made");
        for (name, text) in [
            ("gateway.yaml", include_str!("../cli/starter/gateway.yaml")),
            ("policies/organization.yaml", include_str!("../cli/starter/policies/organization.yaml")),
        ] {
            std::fs::write(files.path().join(name), text).expect("written");
        }
        let clock = Clock::manual(Timestamp::from_millis(1_795_420_800_000));
        let vault = Vault::open(&Backing::Memory, clock.clone()).await.expect("a store in memory");
        let loaded = config::load(files.path(), clock.now()).expect("the starter files");
        let in_force =
            InForce { settings: loaded.settings, generation: 1, digest: loaded.digest, client_authority: None };
        Self { vault, in_force, clock, _files: files }
    }

    async fn ask(&self, command: Value) -> Result<Value, AdminError> {
        let command = serde_json::from_value(command).expect("a command");
        perform(&self.vault, &self.in_force, &self.clock, command).await
    }

    /// Answered.
    async fn get(&self, command: Value) -> Value {
        self.ask(command.clone()).await.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// Refused: how, in which words, with which advice.
    async fn no(&self, command: Value) -> (Code, String) {
        match self.ask(command.clone()).await {
            Ok(answer) => panic!("{command}: {answer}"),
            Err(error) => (error.code, format!("{error}; {}", error.help.as_deref().unwrap_or_default())),
        }
    }

    async fn with(self, user: &str, roles: &[&str]) -> Self {
        self.get(json!({ "verb": "user.add", "user": user, "roles": roles })).await;
        self
    }

    async fn acts(&self) -> Vec<String> {
        let rows = self.get(json!({ "verb": "audit.rows" })).await;
        rows.as_array().into_iter().flatten().map(|row| format!("{} {}", row["act"], row["on"])).collect()
    }
}

#[tokio::test]
async fn who_is_added_gets_a_link_on_the_portal_and_no_password() {
    let scene = Scene::set().await;
    let added = scene.get(json!({ "verb": "user.add", "user": "Ana", "email": "ANA@acme.example" })).await;
    let link = added["invitation"].as_str().expect("a link");
    let secret = link.strip_prefix("http://login.localhost:8080/invitation/").expect("on the portal");
    let invited = scene.vault.invited(secret).await.expect("asked").expect("good");
    assert_eq!(invited.person.name.as_str(), "ana");
    assert_eq!((&added["user"]["full_name"], &added["user"]["has_password"]), (&json!("ana"), &json!(false)));
    assert_eq!(added["expires"], "2026-11-24T08:00:00Z");
    let again = scene.no(json!({ "verb": "user.add", "user": "bo", "email": "ana@acme.example" })).await;
    assert_eq!(again.0, Code::Taken);
    assert_eq!(scene.acts().await, ["\"user.add\" \"ana\""]);
}

#[tokio::test]
async fn people_are_known_by_name_or_address_and_the_nearest_is_proposed() {
    let scene = Scene::set().await;
    let nobody = scene.no(json!({ "verb": "user.show", "user": "ana" })).await;
    assert!(nobody.1.contains("nobody yet"), "{nobody:?}");
    scene.get(json!({ "verb": "user.add", "user": "ana", "email": "ana@acme.example" })).await;
    for name in ["ana", "ANA", "Ana@Acme.Example"] {
        let shown = scene.get(json!({ "verb": "user.show", "user": name })).await;
        assert_eq!(shown["user"]["name"], "ana", "{name}");
        assert_eq!(shown["may_come_from"], json!(["127.0.0.1", "::1"]));
    }
    for name in ["anna", "ama", "ana@acne.example"] {
        let (code, told) = scene.no(json!({ "verb": "user.show", "user": name })).await;
        assert!(code == Code::Unknown && told.contains("did you mean `ana"), "{told}");
    }
    let (_, told) = scene.no(json!({ "verb": "user.show", "user": "not a name!" })).await;
    assert!(told.contains("vestibule user list"), "{told}");
}

#[tokio::test]
async fn the_last_administrator_stays_unless_it_is_forced() {
    let scene = Scene::set().await.with("ana", &["admin"]).await;
    for verb in ["user.disable", "user.delete", "user.set-roles"] {
        let mut command = json!({ "verb": verb, "user": "ana" });
        if verb == "user.set-roles" {
            command["roles"] = json!([]);
        }
        assert_eq!(scene.no(command).await.0, Code::LastAdministrator, "{verb}");
    }
    let forced = scene.get(json!({ "verb": "user.disable", "user": "ana", "force": true })).await;
    assert_eq!(forced["user"]["standing"], "disabled");
    assert_eq!(scene.get(json!({ "verb": "user.enable", "user": "ana" })).await["user"]["standing"], "active");
    scene.get(json!({ "verb": "user.delete", "user": "ana", "force": true })).await;
    assert_eq!(scene.get(json!({ "verb": "user.list" })).await, json!([]));
}

#[tokio::test]
async fn a_group_that_no_rule_speaks_of_is_noted() {
    let scene = Scene::set().await.with("ana", &[]).await;
    let set = scene.get(json!({ "verb": "user.set-roles", "user": "ana", "roles": ["admn", "admin", "admin"] })).await;
    assert_eq!(set["user"]["roles"], json!(["admin", "admn"]));
    assert_eq!(set["notes"], json!(["no rule speaks of the role admn; did you mean `admin`?"]));
    let refused = scene.no(json!({ "verb": "user.set-groups", "user": "ana", "groups": ["two words"] })).await;
    assert_eq!(refused.0, Code::Usage);
}

#[tokio::test]
async fn a_token_opens_what_exists_from_where_it_may_and_not_for_ever() {
    let scene = Scene::set().await.with("ana", &[]).await;
    let token = |changes: Value| {
        let mut command = json!({ "verb": "token.add", "user": "ana", "name": "till", "apps": ["hello"] });
        for (key, value) in changes.as_object().into_iter().flatten() {
            command[key] = value.clone();
        }
        command
    };
    for (changes, code, part) in [
        (json!({ "apps": ["helo"] }), Code::Unknown, "did you mean `hello`"),
        (json!({ "apps": [] }), Code::Usage, "names none"),
        (json!({ "scopes": ["hello.read"] }), Code::Unknown, "there are none"),
        (json!({ "only_from": ["hre"] }), Code::Usage, "hre"),
        (json!({ "only_from": ["10.0.0.1/8"] }), Code::Usage, "10.0.0.0/8"),
        (json!({ "expires": "2y" }), Code::Usage, "366 days"),
        (json!({ "expires": "soon" }), Code::Usage, "soon"),
        (json!({ "name": " " }), Code::Usage, "1 to 64"),
        (json!({ "user": "anna" }), Code::Unknown, "did you mean `ana`"),
    ] {
        let (found, told) = scene.no(token(changes)).await;
        assert!(found == code && told.contains(part), "{found:?} {told}");
    }
    let made = scene.get(token(json!({ "only_from": ["here", "10.8.0.0/16"] }))).await;
    assert!(made["secret"].as_str().is_some_and(|secret| secret.starts_with("vst_")), "{made}");
    assert_eq!(made["token"]["expires"], "2027-02-21T08:00:00Z");
    let listed = scene.get(json!({ "verb": "token.list", "user": "ana" })).await;
    assert_eq!(listed, json!([made["token"]]));
    assert!(!listed.to_string().contains("vst_"));

    let id = made["token"]["id"].as_str().expect("an id");
    let (code, _) = scene.no(json!({ "verb": "token.revoke", "token": "ffffffff" })).await;
    assert_eq!(code, Code::Unknown);
    scene.get(json!({ "verb": "token.revoke", "token": &id[..12] })).await;
    assert_eq!(scene.get(json!({ "verb": "token.list" })).await, json!([]));
    let acts = scene.acts().await;
    assert_eq!(acts[1..], [format!("\"token.add\" \"token {id}\""), format!("\"token.revoke\" \"token {id}\"")]);
}

#[tokio::test]
async fn an_app_password_is_told_once_listed_and_revoked_for_good() {
    let scene = Scene::set().await.with("ana", &[]).await.with("bo", &[]).await;
    let add = |changes: Value| {
        let mut command = json!({ "verb": "app-password.add", "user": "ana", "name": "phone" });
        for (key, value) in changes.as_object().into_iter().flatten() {
            command[key] = value.clone();
        }
        command
    };
    for (changes, code, part) in [
        (json!({ "only_from": ["hre"] }), Code::Usage, "hre"),
        (json!({ "expires": "2y" }), Code::Usage, "366 days"),
        (json!({ "name": " " }), Code::Usage, "1 to 64"),
        (json!({ "user": "anna" }), Code::Unknown, "did you mean `ana`"),
    ] {
        let (found, told) = scene.no(add(changes)).await;
        assert!(found == code && told.contains(part), "{found:?} {told}");
    }
    let made = scene.get(add(json!({ "only_from": ["here"] }))).await;
    let letters = made["secret"].as_str().expect("letters").to_owned();
    assert!(access::secret::TypedSecret::parse(&letters).is_some() && letters.len() == 19, "{letters}");
    assert_eq!((&made["app_password"]["expires"], &made["app_password"]["for"]), (&Value::Null, &json!(["web"])));
    let brief = scene.get(add(json!({ "user": "bo", "expires": "90d" }))).await;
    assert_eq!(brief["app_password"]["expires"], "2027-02-21T08:00:00Z");
    let all = scene.get(json!({ "verb": "app-password.list" })).await;
    assert_eq!(all, json!([made["app_password"], brief["app_password"]]));
    assert!(!all.to_string().contains(&letters));
    assert_eq!(
        scene.get(json!({ "verb": "user.show", "user": "bo" })).await["app_passwords"],
        json!([brief["app_password"]])
    );

    let id = made["app_password"]["id"].as_str().expect("an id");
    let ask = json!({ "verb": "explain", "app": "hello", "ip": "127.0.0.1", "app_password": id });
    assert_eq!(scene.get(ask.clone()).await["reason"], "app_password_not_for_app", "the app takes none");
    for (key, value) in [("user", json!("bo")), ("token", json!("ffffffff"))] {
        let mut ask = ask.clone();
        ask[key] = value;
        assert_eq!(scene.no(ask).await.0, Code::Usage);
    }
    let (code, told) = scene.no(json!({ "verb": "app-password.revoke", "app_password": "x" })).await;
    assert!(code == Code::Usage && told.contains("no id of an app password"), "{told}");
    scene.get(json!({ "verb": "app-password.revoke", "app_password": &id[..12] })).await;
    assert_eq!(scene.get(json!({ "verb": "app-password.list", "user": "ana" })).await, json!([]));
    let acts = scene.acts().await;
    assert!(acts.contains(&format!("\"app_password.add\" \"app password {id}\"")), "{acts:?}");
    assert!(acts.contains(&format!("\"app_password.revoke\" \"app password {id}\"")), "{acts:?}");
}

#[tokio::test]
async fn the_rules_are_explained_for_people_tokens_and_nobody() {
    let scene = Scene::set().await.with("ana", &[]).await;
    let decision = async |question: Value| scene.get(question).await["decision"].clone();
    let ask = |ip: &str| json!({ "verb": "explain", "app": "hello", "ip": ip });
    let ana = |ip: &str| json!({ "verb": "explain", "app": "hello", "ip": ip, "user": "ana" });
    assert_eq!(decision(ana("127.0.0.1")).await, "allow");
    assert_eq!(decision(ana("::ffff:127.0.0.1")).await, "allow", "it is the same address");
    assert_eq!(decision(ana("192.0.2.1")).await, "refuse");
    assert_eq!(decision(ask("127.0.0.1")).await, "sign_in");
    let public = json!({ "verb": "explain", "app": "hello", "ip": "::1", "path": "/status?x=1", "method": "get" });
    assert_eq!(decision(public).await, "allow");
    assert_eq!(decision(json!({ "verb": "explain", "ip": "127.0.0.1", "user": "ana" })).await, "allow", "the portal");
    let walk = scene.get(ana("192.0.2.1")).await;
    assert_eq!((&walk["reason"], &walk["steps"][0]["mark"]), (&json!("address_not_allowed"), &json!("fail")));
    assert_eq!(walk["rule"]["file"], "policies/organization.yaml");

    let command = json!({ "verb": "token.add", "user": "ana", "name": "t", "apps": ["hello"], "expires": "1d" });
    let token = scene.get(command).await["token"]["id"].clone();
    let with_token = json!({ "verb": "explain", "app": "hello", "ip": "127.0.0.1", "token": token });
    assert_eq!(scene.get(with_token.clone()).await["reason"], "allowed");
    scene.clock.advance(Duration::from_secs(25 * 60 * 60));
    assert_eq!(scene.get(with_token).await["reason"], "token_expired");
    for (path, part) in [("/a/../b", "would not understand"), ("x", "would not understand")] {
        let question = json!({ "verb": "explain", "app": "hello", "ip": "127.0.0.1", "path": path });
        assert!(scene.no(question).await.1.contains(part));
    }
}

#[tokio::test]
async fn what_needs_a_running_gateway_says_so() {
    let scene = Scene::set().await;
    for command in [json!({ "verb": "why", "code": "7F3K-9QX2" }), json!({ "verb": "reload" })] {
        assert_eq!(scene.no(command).await.0, Code::NeedsGateway);
    }
    assert_eq!(scene.get(json!({ "verb": "health" })).await["status"], "ok");
    assert_eq!(scene.get(json!({ "verb": "audit.verify" })).await["rows"], 0);
}

#[test]
fn a_member_that_is_not_known_is_an_error() {
    for command in [
        json!({ "verb": "token.list", "usr": "ana" }),
        json!({ "verb": "user.list", "all": true }),
        json!({ "verb": "user.drop" }),
        json!({ "user": "ana" }),
    ] {
        assert!(serde_json::from_value::<Command>(command.clone()).is_err(), "{command}");
    }
}
