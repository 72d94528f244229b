//! Editing the files of a running gateway (O3, N15; ARCHITECTURE "One reload").

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use harness::gateway::{POLICY, TestGateway};
use harness::wire::OFFICE;
use vestibule::store::vault::Force;

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_policy_comes_into_force_by_itself_and_no_request_fails_meanwhile() {
    let gateway = Arc::new(TestGateway::start().await);
    assert_eq!(gateway.get("crm", "/status").from("127.0.0.2").send().await.status, 403);
    let (stop, served, failed) = (Arc::new(AtomicBool::new(false)), Arc::default(), Arc::new(AtomicUsize::new(0)));
    let load: Vec<_> = (0..4)
        .map(|_| {
            let (gateway, stop, failed) = (Arc::clone(&gateway), Arc::clone(&stop), Arc::clone(&failed));
            let served: Arc<AtomicUsize> = Arc::clone(&served);
            tokio::spawn(async move {
                while !stop.load(Ordering::Acquire) {
                    let status = gateway.get("crm", "/status").from(OFFICE).send().await.status;
                    served.fetch_add(1, Ordering::AcqRel);
                    failed.fetch_add(usize::from(status != 200), Ordering::AcqRel);
                }
            })
        })
        .collect();
    gateway.write_policy(&POLICY.replace("[127.0.0.1]", "[127.0.0.1, 127.0.0.2]"));
    // Its own watch notices, without being told; ten seconds are a limit of patience, not a promise.
    let noticed = async {
        while gateway.running().reloader().in_force().generation < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), noticed).await.expect("the edit was noticed");
    assert_eq!(gateway.get("crm", "/status").from("127.0.0.2").send().await.status, 200);
    stop.store(true, Ordering::Release);
    for task in load {
        task.await.expect("no panic");
    }
    assert!(served.load(Ordering::Acquire) > 10);
    assert_eq!(failed.load(Ordering::Acquire), 0);
}

#[tokio::test]
async fn a_broken_edit_is_refused_with_line_and_column_and_the_old_policy_stays() {
    let gateway = TestGateway::start().await;
    for (broken, code, line) in [
        ("networks: { office: [127.0.0.1] }\norganization: { alow_from: [office] }\n", "unknown_key", 2),
        ("organization: { allow_from: [10.0.0.1/8] }\n", "host_bits", 1),
        ("organization: [\n", "syntax", 1),
        (
            &format!("{POLICY}cases:\n  - {{ user: ana, from: 127.0.0.66, app: mail, expect: allow }}\n"),
            "case_failed",
            6,
        ),
    ] {
        gateway.write_policy(broken);
        let faults = gateway.running().reloader().reload(Force::No).await.expect_err("refused");
        let fault = &faults.0[0];
        assert_eq!((fault.line, fault.file.as_str()), (line, "policies/organization.yaml"), "{faults}");
        assert!(fault.column > 0 && (fault.code == code || code == "syntax"), "{faults}");
        assert_eq!(gateway.metric("vestibule_config_last_reload_successful").await, 0.0);
        assert_eq!(gateway.get("crm", "/status").send().await.status, 200, "the old policy is in force");
        assert_eq!(gateway.get("crm", "/status").from("127.0.0.66").send().await.status, 403);
    }
    gateway.set_policy(POLICY).await;
    assert_eq!(gateway.metric("vestibule_config_last_reload_successful").await, 1.0);
}

#[tokio::test]
async fn a_change_that_locks_the_last_administrator_out_is_refused_and_can_be_forced() {
    let gateway = TestGateway::start().await.with_admin("ana").await;
    // She signed in from the office: that is where she must still be able to come from.
    gateway.device("ana").await;
    let elsewhere = POLICY.replace("127.0.0.1", "127.0.0.9");
    gateway.write_policy(&elsewhere);
    let faults = gateway.running().reloader().reload(Force::No).await.expect_err("refused");
    assert_eq!(faults.0[0].code, "admin_locked_out");
    assert_eq!(gateway.get("crm", "/status").send().await.status, 200);
    let narrow = POLICY.replace("admin: {}", "admin: { only_from: [127.0.0.9] }");
    gateway.write_policy(&narrow);
    let faults = gateway.running().reloader().reload(Force::No).await.expect_err("refused");
    assert_eq!(faults.0[0].code, "admin_locked_out");
    gateway.write_policy(&elsewhere);
    gateway.running().reloader().reload(Force::Yes).await.expect("forced");
    assert_eq!(gateway.get("crm", "/status").send().await.status, 403);
}

#[tokio::test]
async fn an_app_added_while_running_is_served_and_a_removed_one_is_gone() {
    let gateway = TestGateway::start().await;
    let settings = std::fs::read_to_string(gateway.file("gateway.yaml")).expect("readable");
    let more = format!(
        "{settings}  wiki: {{ host: wiki.localhost, upstream: \"http://{}\", allow: public }}\n",
        gateway.crm().address()
    );
    std::fs::write(gateway.file("gateway.yaml"), more).expect("writable");
    assert_eq!(gateway.get("wiki", "/").send().await.problem(), "unknown_host");
    gateway.running().reloader().reload(Force::No).await.expect("accepted");
    assert_eq!(gateway.get("wiki", "/").send().await.status, 200);
    std::fs::write(gateway.file("gateway.yaml"), settings).expect("writable");
    gateway.running().reloader().reload(Force::No).await.expect("accepted");
    assert_eq!(gateway.get("wiki", "/").send().await.status, 421);
}
