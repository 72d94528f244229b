//! The program as people run it: a process, its arguments, its exit codes, its signals.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use access::identity::TokenId;
use access::totp::TotpSecret;
use clap::CommandFactory;
use harness::certificates;
use harness::gateway::{HOSTS, PASSWORD, POLICY};
use harness::program::{Known, Program, Serving, Told, free_port, told};
use harness::wire::{CAFE, OFFICE, Wire};
use serde_json::{Value, json};
use vestibule::clock::Clock;

use crate::PROGRAM;
use crate::tls::curl_at;

#[tokio::test]
async fn init_writes_a_starter_that_check_accepts_and_serve_runs() {
    let program = Program::new(PROGRAM).await;
    let house = program.file("new/house");
    let dir = house.to_str().expect("UTF-8");
    let written = program.run(&["init", "--dir", dir]).await.ended(0);
    assert!(written.out.contains("gateway.yaml") && written.out.contains("user add"), "{}", written.out);
    let again = program.run(&["--json", "init", "--dir", dir]).await.ended(1);
    assert!(again.err.contains("nothing was written"), "{}", again.err);

    let in_there = |arguments: &[&str]| told(program.command_on(&house, arguments));
    let checked = in_there(&["check"]).await.ended(0);
    assert!(checked.out.contains("cases held"), "{}", checked.out);

    // Its ports are those of the documentation; two tests can't have them.
    let (http, admin) = (free_port(), free_port());
    let settings = std::fs::read_to_string(program.file("new/house/gateway.yaml")).expect("written");
    let settings = settings.replace("8080", &http.to_string()).replace("9400", &admin.to_string());
    program.write("new/house/gateway.yaml", &settings);
    let serving = Serving::start(program.command_on(&house, &["serve"]));
    serving.said("is ready").await;
    in_there(&["health"]).await.ended(0);
    let front = program.visitor().get(&format!("http://login.localhost:{http}/")).await.expect("an answer").clone();
    assert_eq!((front.status.as_u16(), front.heading().as_deref()), (200, Some("Sign in")));
    serving.terminate();
    serving.ended().await.ended(0);
    in_there(&["health"]).await.ended(1);
}

#[tokio::test]
async fn a_bad_file_ends_check_and_serve_with_78_and_the_place_of_each_fault() {
    let program = Program::new(PROGRAM).await;
    program.write("policies/organization.yaml", "organization: { alow_from: [127.0.0.1] }\ngroups: { sales: 7 }\n");
    for verb in ["check", "serve"] {
        let told = program.run(&[verb]).await.ended(78);
        for place in ["policies/organization.yaml:1:17", "policies/organization.yaml:2:"] {
            assert!(told.err.contains(place), "{verb}: {}", told.err);
        }
        assert!(told.err.contains("did you mean") && told.err.contains("allow_from"), "{}", told.err);
    }
    let told = program.run(&["check", "--json"]).await.ended(78).json();
    assert_eq!((&told["ok"], &told["faults"][0]["line"]), (&json!(false), &json!(1)), "{told}");
    let told = program.run(&["--json", "serve"]).await.ended(78);
    let told: Value = serde_json::from_str(&told.err).expect("JSON");
    assert_eq!(told["error"]["faults"][0]["column"], 17, "{told}");

    // What can't be read is a bad configuration too, and no reason to reach for the store.
    let nowhere = program.file("nowhere");
    for verb in ["check", "serve", "health"] {
        assert_eq!(harness::program::told(program.command_on(&nowhere, &[verb])).await.code, Some(78), "{verb}");
    }
    program.run(&["user", "list"]).await.ended(78);
    program.run(&["sing-in"]).await.ended(2);
}

#[tokio::test]
async fn serve_says_in_a_sentence_why_it_does_not_start() {
    let program = Program::new(PROGRAM).await;
    let _running = program.serve().await;
    let second = program.run(&["serve"]).await.ended(69);
    let (error, help) = second.err.trim().split_once('\n').expect("an error and what to do about it");
    assert_eq!(error, "vestibule: the store is open in another process");
    assert!(help.contains("`vestibule serve --take-over`"), "{help}");

    let other = Program::new(PROGRAM).await;
    let taken = other.settings().replace(&format!(":{}", other.port()), &format!(":{}", program.port()));
    other.write("gateway.yaml", &taken);
    let told = other.run(&["serve"]).await.ended(1);
    assert!(told.err.contains(&format!("can't listen on 127.0.0.1:{}", program.port())), "{}", told.err);

    other.write("gateway.yaml", &other.settings());
    other.write("store.redb", "this is not a store, whatever its name says");
    let told = other.run(&["serve"]).await.ended(69);
    assert!(told.err.starts_with("vestibule: the store"), "{}", told.err);
}

#[tokio::test]
async fn a_key_that_is_not_the_stores_opens_nothing() {
    let program = Program::new(PROGRAM).await;
    program.with_people(&["ana"]).await;
    let mode = |name: &str| program.file(name).metadata().expect("there").permissions().mode() & 0o777;
    assert_eq!((mode("store.redb"), mode("store.redb.key")), (0o600, 0o600));
    let other = Program::new(PROGRAM).await;
    other.with_people(&["bo"]).await;
    std::fs::copy(other.file("store.redb.key"), program.file("store.redb.key")).expect("copied");
    for line in [&["serve"][..], &["user", "list"], &["audit", "verify"]] {
        let told = program.run(line).await.ended(69);
        assert!(told.err.contains("key"), "{line:?}: {}", told.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_place_is_for_whichever_socket_somebody_comes_to() {
    let program = Program::new(PROGRAM).await;
    let (plain, secure) = (program.port(), free_port());
    let settings = program.settings().replace(
        &format!("portal: http://login.localhost:{plain}"),
        &format!("portal: https://login.localhost:{secure}"),
    );
    let listen = format!("listen: {{ workers: 2, https: \"127.0.0.1:{secure}\", ");
    let more = "tls: { certificates: [{ chain: chain.pem, key_file: key.pem }] }\nlimits: { connections: 1 }\napps:";
    program.write("gateway.yaml", &settings.replace("listen: { ", &listen).replace("apps:", more));
    certificates::write(program.file("chain.pem"), program.file("key.pem"), HOSTS);
    let _serving = program.serve().await;
    for _ in 0..2 {
        let answer = curl_at(secure, "crm", "/status", &program.file("chain.pem"), &[]);
        assert!(answer.contains(" 200"), "{answer}");
        let in_the_clear = program.request("GET", "crm", "/status").send().await;
        assert!(in_the_clear.status >= 300, "{}", in_the_clear.status);
    }
    // Who comes while it is taken waits, and has it next.
    let mut first = Wire::open(plain, OFFICE).await;
    let request = program.request("GET", "crm", "/status").bytes();
    first.send(&request).await;
    assert!(first.header().await.is_some());
    let mut second = Wire::open(plain, OFFICE).await;
    second.send(&request).await;
    drop(first);
    assert!(second.answer().await.is_some());
}

#[tokio::test]
async fn told_to_end_it_says_so_lets_requests_end_and_exits_with_0() {
    let program = Program::new(PROGRAM).await;
    program.write("gateway.yaml", &program.settings().replace("path: /status, allow", "path: /slow, allow"));
    let serving = program.serve().await;
    let waiting = program.request("GET", "crm", "/slow").start().await;
    until(async || !program.crm().seen().is_empty()).await;
    assert_eq!(ready(&program).await, (200, json!(false)));
    serving.terminate();
    until(async || ready(&program).await == (503, json!(true))).await;
    program.run(&["health"]).await.ended(1);
    // Nobody new is let in, as soon as every worker has closed its socket.
    until(async || tokio::net::TcpStream::connect(("127.0.0.1", program.port())).await.is_err()).await;
    program.crm().go_on();
    let mut waiting = waiting;
    assert_eq!(waiting.answer().await.map(|answer| answer.status), Some(200));
    let told = serving.ended().await.ended(0);
    assert!(told.out.contains("\"path\":\"/slow\""), "the last request is in the access log: {}", told.out);
    assert!(!program.file("store.redb.sock").exists());
}

#[tokio::test]
async fn hung_up_on_it_reads_its_files_again_and_a_bad_one_changes_nothing() {
    let program = Program::new(PROGRAM).await;
    let mut serving = program.serve().await;
    let from_the_cafe = async || program.request("GET", "crm", "/status").from(CAFE).send().await.status;
    assert_eq!(from_the_cafe().await, 403);
    program.write("policies/organization.yaml", &POLICY.replace("127.0.0.1", "127.0.0.0/24"));
    serving.hang_up();
    serving.said("configuration 2 is in force").await;
    assert_eq!(from_the_cafe().await, 200);
    program.write("policies/organization.yaml", "organization: [");
    serving.hang_up();
    serving.said("the edited configuration is refused").await;
    assert_eq!(from_the_cafe().await, 200);
    assert!(serving.runs());
    // Its own files can't be read now, so the store has to be named.
    program.run(&["user", "list"]).await.ended(78);
    let store = program.file("store.redb");
    let store = store.to_str().expect("UTF-8");
    program.run(&["--store", store, "user", "list"]).await.ended(0);
    let told = program.run(&["reload"]).await.ended(78);
    assert!(told.err.contains("policies/organization.yaml:1:"), "{}", told.err);
}

#[tokio::test]
async fn the_socket_answers_its_own_user_and_nobody_else() {
    let program = Program::new(PROGRAM).await;
    let _serving = program.serve().await;
    let socket = program.file("store.redb.sock");
    let mode = socket.metadata().expect("there while it runs").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    program.run(&["user", "list"]).await.ended(0);
    if std::fs::metadata("/proc/self").expect("Linux").uid() != 0 {
        // Only root can be somebody else.
        return;
    }
    std::fs::set_permissions(program.dir(), std::fs::Permissions::from_mode(0o755)).expect("ours");
    let as_a_stranger = async || {
        let mut command = std::process::Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program.path());
        command.arg("--config").arg(program.dir()).args(["user", "list"]);
        told(command).await.ended(69)
    };
    let told = as_a_stranger().await;
    assert!(told.err.contains("belongs to another user"), "{}", told.err);
    // Whoever opens the socket to the world by mistake has opened nothing: the gateway asks the kernel who is there.
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o666)).expect("ours");
    let told = as_a_stranger().await;
    assert!(told.err.contains("only its own user and root"), "{}", told.err);
}

#[tokio::test]
async fn every_command_does_its_work_on_a_running_gateway() {
    let program = Program::new(PROGRAM).await;
    let _serving = program.serve().await;
    every_command(&program, Reached::Running).await;
}

#[tokio::test]
async fn every_command_does_its_work_on_the_store_while_none_runs() {
    let program = Program::new(PROGRAM).await;
    every_command(&program, Reached::Straight).await;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reached {
    Running,
    Straight,
}

async fn every_command(program: &Program, reached: Reached) {
    let run = async |line: &str, code: i32| -> Told { program.run(&words(line)).await.ended(code) };
    let said = async |line: &str, part: &str| {
        let told = run(line, 0).await;
        assert!(told.out.contains(part), "{line}: {}", told.out);
    };

    // People.
    said("user list", "Nobody yet").await;
    said("user add ada --name Ada --role admin", "can choose a password here, once").await;
    let added = program.json(&["user", "add", "ana", "--email", "ana@acme.example", "--group", "sales"]).await;
    assert_eq!(added["user"]["name"], "ana");
    let link = added["invitation"].as_str().expect("a link");
    assert!(link.starts_with(&program.url("login", "/invitation/")), "{link}");
    let taken = run("user add ana", 1).await;
    assert!(taken.err.contains("ana is taken"), "{}", taken.err);
    run("user add Not_a-Name!", 2).await;
    let unknown = run("user show anna", 1).await;
    assert!(unknown.err.contains("did you mean `ana`"), "{}", unknown.err);
    said("user list", "invited").await;
    assert_eq!(program.json(&["user", "list"]).await.as_array().map(Vec::len), Some(2));
    said("user show ana@acme.example", "not chosen yet").await;
    said("user disable ana", "is disabled").await;
    assert_eq!(standing(program, "ana").await, "disabled");
    said("user enable ana", "may sign in again").await;
    assert_eq!(standing(program, "ana").await, "active");
    said("user set-roles ana auditor", "no rule speaks of the role auditor").await;
    said("user set-roles ana", "these roles now: –").await;
    let groups = program.json(&["user", "set-groups", "ana", "sales", "field"]).await;
    assert_eq!(groups["user"]["groups"], json!(["field", "sales"]));
    said("user set-groups ana sales", "these groups now: sales").await;
    said("user reset-two-step ana --reason lost", "no second step any more").await;
    said("user set-email ana ana@elsewhere.example", "is ana@elsewhere.example now").await;
    said("user set-email ana", "has no address any more").await;
    let unreachable = run("user recover ana", 1).await;
    assert!(unreachable.err.contains("no mail server is configured"), "{}", unreachable.err);
    run("user set-email ana nobody", 2).await;
    said("user set-email ana ana@acme.example", "is ana@acme.example now").await;
    said("user sign-out ana", "no session was open").await;
    said("user invite ana", "can choose a password here, once").await;
    let last = run("user disable ada", 1).await;
    assert!(last.err.contains("last administrator"), "{}", last.err);
    run("user delete ada", 1).await;
    run("user set-roles ada", 1).await;
    said("user disable ada --force", "is disabled").await;
    said("user enable ada", "may sign in again").await;

    // Tokens.
    said("token list", "No tokens").await;
    said("token add ana --name till --app crm --scope crm.read --from office", "only time it is shown").await;
    let made = program.json(&["token", "add", "ana", "--name", "export", "--app", "crm", "--expires", "1d"]).await;
    assert!(made["secret"].as_str().is_some_and(|text| text.starts_with("vst_")), "{made}");
    let id = made["token"]["id"].as_str().expect("an id").to_owned();
    assert!(TokenId::parse(&id).is_some());
    run("token add ana --name x --app crmm", 1).await;
    run("token add ana --name x --app crm --expires 2y", 2).await;
    run("token add ana --name x --app crm --from 10.0.0.1/8", 2).await;
    run("token add ana --name x", 2).await;
    said("token list", "till").await;
    let listed = program.json(&["token", "list", "--user", "ana"]).await;
    assert_eq!(listed.as_array().map(Vec::len), Some(2), "{listed}");
    assert!(!listed.to_string().contains(made["secret"].as_str().expect("a secret")));
    run("token revoke 000000", 1).await;
    run("token revoke all", 2).await;
    said(&format!("token revoke {}", &id[..12]), "is revoked").await;
    run(&format!("token revoke {id}"), 1).await;

    // App passwords.
    said("app-password list", "No app passwords").await;
    said("app-password add ana --name phone --from office", "only time it is shown").await;
    let made = program.json(&["app-password", "add", "ana", "--name", "desk", "--expires", "1d"]).await;
    let letters = made["secret"].as_str().expect("letters");
    assert!(access::secret::TypedSecret::parse(letters).is_some(), "{made}");
    let id = made["app_password"]["id"].as_str().expect("an id").to_owned();
    run("app-password add ana --name x --expires 2y", 2).await;
    run("app-password add ana --name x --from 10.0.0.1/8", 2).await;
    run("app-password add ana", 2).await;
    said("app-password list", "phone").await;
    let listed = program.json(&["app-password", "list", "--user", "ana"]).await;
    assert_eq!(listed.as_array().map(Vec::len), Some(2), "{listed}");
    assert!(!listed.to_string().contains(letters));
    let told = run(&format!("explain --app-password-id {id} --app crm --ip 127.0.0.1"), 3).await;
    assert!(told.out.contains("the app takes no app passwords"), "{}", told.out);
    run("app-password revoke 000000", 1).await;
    said(&format!("app-password revoke {}", &id[..12]), "is revoked").await;
    run(&format!("app-password revoke {id}"), 1).await;

    // Sessions. There is none: opening one takes a person, and further tests.
    said("session list", "Nobody is signed in").await;
    assert_eq!(program.json(&["session", "list", "--user", "ana"]).await, json!([]));
    run("session end 000000", 1).await;

    // Questions.
    let why = run("explain --user ana --app crm --ip 127.0.0.66", 3).await;
    assert!(why.out.starts_with("REFUSED  address not allowed"), "{}", why.out);
    assert!(why.out.contains("policies/organization.yaml:2"), "{}", why.out);
    said("explain --user ana --app crm --ip 127.0.0.1", "ALLOWED").await;
    said("explain --app crm --ip 127.0.0.1", "SIGN IN").await;
    let asked = program.json(&words("explain --user ana --app crm --ip 127.0.0.1")).await;
    assert_eq!((&asked["decision"], &asked["user"]), (&json!("allow"), &json!("ana")));
    let token = program.json(&["token", "list"]).await[0]["id"].as_str().expect("an id").to_owned();
    said(&format!("explain --token {token} --app crm --path /api/x --ip 127.0.0.1"), "ALLOWED").await;
    run(&format!("explain --token {token} --app crm --path /api/x --ip 127.0.0.1 --method POST"), 3).await;
    run("explain --ip nowhere", 2).await;
    run("explain --app crm --path /a/../b --ip 127.0.0.1", 2).await;
    match reached {
        Reached::Running => {
            run("why 0000-0000", 1).await;
            said("reload", "is in force").await;
            assert!(program.json(&["reload"]).await["generation"].as_u64() > Some(1));
            said("health", "ready").await;
        }
        Reached::Straight => {
            for line in ["why 0000-0000", "reload"] {
                let told = run(line, 69).await;
                assert!(told.err.contains("none runs on this store"), "{}", told.err);
            }
            let told = run("health", 1).await;
            assert!(told.err.contains("no gateway answers"), "{}", told.err);
        }
    }

    // The configuration.
    let schema = run("config schema", 0).await.json();
    assert!(schema["gateway"].is_object() && schema["policy"].is_object());
    said("config show", "two_step: required").await;
    said("check", "The configuration is right").await;

    // The trail.
    said("user delete ana", "ana is deleted").await;
    run("user show ana", 1).await;
    said("audit verify", "The chain holds").await;
    let verified = program.json(&["audit", "verify"]).await;
    let exported = run("audit export", 0).await.out;
    let rows: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).expect("a row")).collect();
    assert_eq!(json!(rows.len()), verified["rows"]);
    for act in [
        "user.add",
        "user.disable",
        "user.enable",
        "user.set-roles",
        "user.set-groups",
        "user.reset-two-step",
        "user.set-email",
        "user.sign-out",
        "user.invite",
        "user.delete",
        "token.add",
        "token.revoke",
    ] {
        assert!(rows.iter().any(|row| row["act"] == act && row["actor"] == "console"), "{act}");
    }
    assert!(exported.contains("\"detail\":\"lost\""));
    let last = rows.last().expect("rows")["number"].as_u64().expect("a number");
    let tail = run(&format!("audit export --from {last}"), 0).await.out;
    assert_eq!(tail.lines().count(), 1, "{tail}");
}

#[tokio::test]
async fn a_new_person_comes_in_by_the_printed_link_and_only_once() {
    let program = Program::new(PROGRAM).await;
    let _serving = program.serve().await;
    let told = program.run(&["user", "add", "ana", "--group", "sales"]).await.ended(0);
    let link = told.out.split_whitespace().find(|word| word.starts_with("http://")).expect("a link").to_owned();
    let mut ana = program.visitor();
    ana.get(&link).await.expect("an answer");
    let chosen = ana.submit(&[("password", PASSWORD), ("again", PASSWORD)]).await.expect("an answer");
    assert_eq!(chosen.heading().as_deref(), Some("Sign in"));
    let asked = ana.submit(&[("username", "ana"), ("password", PASSWORD)]).await.expect("an answer");
    let secret = asked.text();
    let (_, secret) = secret.split_once("<code class=\"secret\">").expect("the key for the app");
    let secret: String = secret.split("</code>").next().unwrap_or_default().split_whitespace().collect();
    let secret = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).expect("base32");
    let secret = TotpSecret::from_random(secret.try_into().expect("twenty bytes"));
    let inside = ana.submit(&[("code", &secret.code_at(Clock::system().now()))]).await.expect("an answer");
    assert_eq!(inside.heading().as_deref(), Some("Keep your recovery codes"), "{}", inside.words());
    let app = ana.get(&program.url("crm", "/")).await.expect("an answer");
    assert_eq!(app.status, 200);
    assert_eq!(program.crm().last().header("remote-user"), Some("ana"));
    let again = program.visitor().get(&link).await.expect("an answer").status;
    assert_eq!(again, 410);
    let shown = program.json(&["user", "show", "ana"]).await;
    assert_eq!(shown["recovery_codes_left"], 10, "{shown}");
    assert_eq!(shown["sessions"].as_array().map(Vec::len), Some(1), "{shown}");
}

#[tokio::test]
async fn what_takes_a_right_away_is_in_force_when_the_command_returns() {
    let program = Program::new(PROGRAM).await;
    let people = program.with_people(&["ana", "bo", "cy"]).await;
    let _serving = program.serve().await;
    let at_mail = async |bearer: &str| program.request("GET", "mail", "/").bearer(bearer).send().await.status;

    let [ana, bo, cy] = [&people[0], &people[1], &people[2]];
    let hers = device(&program, ana, 0).await;
    assert_eq!(at_mail(&hers).await, 200);
    program.run(&["user", "disable", "ana"]).await.ended(0);
    assert_eq!(at_mail(&hers).await, 401);
    program.run(&["user", "enable", "ana"]).await.ended(0);
    assert_eq!(at_mail(&hers).await, 401, "what was ended stays ended");

    let (first, second) = (device(&program, bo, 0).await, device(&program, bo, 1).await);
    let listed = program.json(&["session", "list", "--user", "bo"]).await;
    let newest = listed[0]["id"].as_str().expect("an id");
    program.run(&["session", "end", newest]).await.ended(0);
    let left = [at_mail(&first).await, at_mail(&second).await];
    assert!(left == [200, 401] || left == [401, 200], "one of two: {left:?}");
    program.run(&["user", "sign-out", "bo"]).await.ended(0);
    assert_eq!([at_mail(&first).await, at_mail(&second).await], [401, 401]);

    let made = program.json(&["token", "add", "cy", "--name", "till", "--app", "mail"]).await;
    let token = made["secret"].as_str().expect("a token");
    assert_eq!(at_mail(token).await, 200);
    program.run(&["token", "revoke", made["token"]["id"].as_str().expect("an id")]).await.ended(0);
    let refused = program.request("GET", "mail", "/").bearer(token).send().await;
    assert_eq!((refused.status, refused.problem().as_str()), (401, "token_invalid"));

    let his = device(&program, cy, 0).await;
    assert_eq!(program.request("GET", "crm", "/").bearer(&his).send().await.status, 200);
    program.run(&["user", "set-groups", "cy"]).await.ended(0);
    assert_eq!(program.request("GET", "crm", "/").bearer(&his).send().await.problem(), "not_allowed");
    let mut waiting = program.request("GET", "mail", "/stream").bearer(&his).start().await;
    assert_eq!(waiting.header().await.map(|answer| answer.status), Some(200));
    program.run(&["user", "delete", "cy"]).await.ended(0);
    waiting.ended().await;
}

#[tokio::test]
async fn the_code_on_a_refusal_leads_to_the_rule_that_refused() {
    let program = Program::new(PROGRAM).await;
    let people = program.with_people(&["ana"]).await;
    let _serving = program.serve().await;
    let refused = program.request("GET", "crm", "/reports/7?secret=x").from(CAFE).send().await;
    let code = refused.json()["reference"].as_str().expect("a reference").to_owned();
    let told = program.run(&["why", &code]).await.ended(0).out;
    for part in [&code, "127.0.0.66", "/reports/7", "✗ perimeter", "policies/organization.yaml:2"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains("secret"), "{told}");
    // As it is typed from a telephone call.
    let typed = code.to_lowercase().replace('-', "");
    let why = program.json(&["why", &typed]).await;
    assert_eq!((&why["reference"], &why["walk"]["decision"]), (&json!(code), &json!("refuse")));

    program.run(&["user", "set-groups", "ana"]).await.ended(0);
    let hers = device(&program, &people[0], 0).await;
    let refused = program.request("GET", "crm", "/").bearer(&hers).send().await;
    let code = refused.json()["reference"].as_str().expect("a reference").to_owned();
    let told = program.run(&["why", &code]).await.ended(0).out;
    assert!(told.contains("ana at 127.0.0.1") && told.contains("✗ path rule"), "{told}");
    assert!(told.contains("gateway.yaml:"), "{told}");
}

#[test]
fn no_secret_is_an_argument() {
    let mut commands = vec![vestibule::cli::Cli::command()];
    while let Some(command) = commands.pop() {
        for argument in command.get_arguments() {
            let name = argument.get_id().as_str();
            let is_secret =
                ["password", "secret", "totp", "otp", "bearer", "recovery"].iter().any(|word| name.contains(word));
            assert!(!is_secret, "{} takes `{name}` where everybody on the machine can read it", command.get_name());
        }
        commands.extend(command.get_subcommands().cloned());
    }
}

/// Signs a person in as a native app does, with one of their recovery codes, and returns the device's token.
async fn device(program: &Program, person: &Known, code: usize) -> String {
    let first = json!({ "username": person.name, "password": PASSWORD, "device": "a phone" });
    let asked = program.request("POST", "login", "/api/v1/sign-in").json(&first).send().await;
    let flow = asked.json()["flow"].as_str().unwrap_or_else(|| panic!("{}", asked.text())).to_owned();
    let second = json!({ "method": "recovery", "code": person.recovery[code].grouped() });
    let done = program.request("POST", "login", &format!("/api/v1/sign-in/{flow}")).json(&second).send().await;
    done.json()["token"].as_str().unwrap_or_else(|| panic!("{}", done.text())).to_owned()
}

/// What `/readyz` says: its status, and whether it is stopping.
async fn ready(program: &Program) -> (u16, Value) {
    let mut wire = Wire::open(program.admin_port(), "127.0.0.1").await;
    wire.send(b"GET /readyz HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n").await;
    let answer = wire.answer().await.expect("an answer");
    (answer.status, answer.json()["stopping"].clone())
}

async fn standing(program: &Program, name: &str) -> String {
    let shown = program.json(&["user", "show", name]).await;
    shown["user"]["standing"].as_str().expect("a word").to_owned()
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

/// Looks until it is so; a failing test runs out of patience.
async fn until(so: impl AsyncFn() -> bool) {
    let looking = async {
        while !so().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), looking).await.expect("it came about");
}
