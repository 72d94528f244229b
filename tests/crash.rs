//! What survives a kill? Everything that was acknowledged, and nothing that was used up. (F1)
//!
//! Eight clients change things in a gateway of its own process, each only things of its own, and note each acknowledgement.
//! At a random one the process is killed with SIGKILL and started again on the same files; then all that was acknowledged
//! is looked for. What was under way and not acknowledged may or may not have happened, but then wholly.
//!
//! Five kills in everyday runs; with `VESTIBULE_KILLS=20`, as in `.ci/run`, two thousand changes are acknowledged before
//! twenty. The choices follow from a seed, which is printed; `VESTIBULE_SEED` repeats them, though not the moments at which
//! the processes are scheduled.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use access::Timestamp;
use access::secret::TypedSecret;
use access::totp::TotpSecret;
use futures_util::future::join_all;
use harness::dice::Dice;
use harness::gateway::PASSWORD;
use harness::program::{Known, Program};
use harness::wire::{Answer, Wire};
use serde_json::{Value, json};
use tokio::sync::Notify;
use vestibule::admin::wire::{ask, socket_path};
use vestibule::admin::{Command, Until};
use vestibule::clock::Clock;

use crate::PROGRAM;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_and_nothing_used_up_comes_back() {
    let seed = variable("VESTIBULE_SEED").unwrap_or_else(|| Clock::system().now().millis());
    let kills = variable("VESTIBULE_KILLS").unwrap_or(5);
    println!("VESTIBULE_SEED={seed}");
    let program = Arc::new(Program::new(PROGRAM).await);
    program.write("policies/organization.yaml", "organization: { allow_from: [127.0.0.0/8] }\ngroups: { sales: {} }\n");
    let names: Vec<String> = (0..CLIENTS * SIGNERS).map(|n| format!("signer-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut signers = program.with_people(&names).await.into_iter();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|n| Client {
            number: n,
            dice: Dice::new(seed, n as u64 + 1),
            signers: signers.by_ref().take(SIGNERS).map(Signer::new).collect(),
            journal: Journal::default(),
        })
        .collect();
    let mut dice = Dice::new(seed, 0);
    let mut clients = clients;
    let (clock, mut slowest) = (Clock::system(), Duration::ZERO);
    let mut acknowledged = 0;
    let mut tally = Tally::default();
    for kill in 0..kills {
        let began = clock.moment();
        let mut serving = program.serve().await;
        slowest = slowest.max(clock.moment().since(began));
        tally.add(&look(&program, &mut clients).await);
        let life = Arc::new(Life { left: AtomicUsize::new(100 + dice.below(41)), over: Notify::new() });
        let busy: Vec<_> = clients
            .drain(..)
            .map(|client| tokio::spawn(client.work(Arc::clone(&program), Arc::clone(&life))))
            .collect();
        life.over.notified().await;
        serving.kill();
        for client in join_all(busy).await {
            clients.push(client.expect("no panic"));
        }
        let so_far = clients.iter().map(|client| client.journal.acknowledged).sum();
        println!("kill {kill}: {} acknowledged", so_far - acknowledged);
        acknowledged = so_far;
    }
    let serving = program.serve().await;
    tally.add(&look(&program, &mut clients).await);
    look_at_the_trail(&program, &clients).await;
    serving.terminate();
    serving.ended().await.ended(0);
    println!(
        "{acknowledged} changes acknowledged, {kills} kills, {slowest:?} until ready at most; looked at: {tally:?}"
    );
    assert!(acknowledged as u64 >= kills * 100, "{acknowledged} changes were acknowledged before {kills} kills");
    let seen = [tally.people, tally.tokens_alive, tally.tokens_dead, tally.sessions_alive, tally.sessions_dead];
    let refused = [tally.codes, tally.recovery_codes, tally.invitations];
    assert!(kills < 20 || seen.iter().chain(&refused).all(|count| *count >= 10), "every kind occurred: {tally:?}");
}

/// How many changes this process may still acknowledge.
struct Life {
    left: AtomicUsize,
    over: Notify,
}

impl Life {
    fn acknowledge(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.over.notify_one();
        }
    }
}

/// Somebody with an authenticator app, whose codes are spent one after the other.
struct Signer {
    known: Known,
    last_step: u64,
    next_recovery: usize,
}

impl Signer {
    const fn new(known: Known) -> Self {
        Self { known, last_step: 0, next_recovery: 0 }
    }
}

/// One of those who change things, with a memory of what was acknowledged to it.
struct Client {
    number: usize,
    dice: Dice,
    signers: Vec<Signer>,
    journal: Journal,
}

/// What was acknowledged, and what was only asked for.
#[derive(Default)]
struct Journal {
    acknowledged: usize,
    people: BTreeMap<String, Kept<Option<Standing>>>,
    tokens: Vec<Token>,
    sessions: Vec<Session>,
    /// Used since the last look: they must not be good again.
    codes: Vec<(String, TotpSecret, u64)>,
    recovery_codes: Vec<(String, TypedSecret)>,
    invitations: Vec<Invitation>,
    /// By name of the act in the audit trail.
    acts: BTreeMap<&'static str, usize>,
}

/// What something is known to be, and what it may be if the last change happened.
struct Kept<T> {
    known: T,
    asked: Option<T>,
}

impl<T: Clone + PartialEq + std::fmt::Debug> Kept<T> {
    const fn new(known: T, asked: T) -> Self {
        Self { known, asked: Some(asked) }
    }

    fn acknowledge(&mut self) {
        if let Some(asked) = self.asked.take() {
            self.known = asked;
        }
    }

    /// It must be one of the two; from now on it is known to be what it is.
    fn settle(&mut self, found: T, what: &str) {
        assert!(
            found == self.known || self.asked.as_ref() == Some(&found),
            "{what} is {found:?}; acknowledged was {:?}, asked for {:?}",
            self.known,
            self.asked
        );
        self.known = found;
        self.asked = None;
    }
}

#[derive(Clone, PartialEq, Debug)]
struct Standing {
    disabled: bool,
    groups: Vec<String>,
}

struct Token {
    id: String,
    text: String,
    alive: Kept<bool>,
    owner: String,
    looked_at: bool,
}

struct Session {
    id: String,
    token: String,
    alive: Kept<bool>,
    looked_at: bool,
}

struct Invitation {
    name: String,
    secret: String,
    accepted: bool,
}

/// What was looked at after restarts.
#[derive(Default, Debug)]
struct Tally {
    people: usize,
    tokens_alive: usize,
    tokens_dead: usize,
    sessions_alive: usize,
    sessions_dead: usize,
    codes: usize,
    recovery_codes: usize,
    invitations: usize,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.people += other.people;
        self.tokens_alive += other.tokens_alive;
        self.tokens_dead += other.tokens_dead;
        self.sessions_alive += other.sessions_alive;
        self.sessions_dead += other.sessions_dead;
        self.codes += other.codes;
        self.recovery_codes += other.recovery_codes;
        self.invitations += other.invitations;
    }
}

impl Client {
    /// Changes things until nobody answers any more.
    async fn work(mut self, program: Arc<Program>, life: Arc<Life>) -> Self {
        let way = Way { program, life, number: self.number };
        loop {
            let done = match self.dice.below(100) {
                0..30 => self.add_person(&way).await,
                30..45 => self.change_person(&way).await,
                45..70 => self.add_token(&way).await,
                70..89 => self.revoke_token(&way).await,
                89..94 => self.open_session(&way).await,
                94..98 => self.end_session(&way).await,
                _ => self.accept_invitation(&way).await,
            };
            if done.is_none() {
                return self;
            }
        }
    }

    async fn add_person(&mut self, way: &Way) -> Option<()> {
        let name = format!("p{}-{}", self.number, self.journal.people.len());
        let groups = vec!["sales".to_owned()];
        let there = Some(Standing { disabled: false, groups: groups.clone() });
        self.journal.people.insert(name.clone(), Kept::new(None, there));
        let command =
            Command::UserAdd { user: name.clone(), full_name: String::new(), email: None, roles: Vec::new(), groups };
        let answer = way.change(command).await?;
        self.acknowledge("user.add", &name);
        let link = answer["invitation"].as_str().expect("a link");
        let secret = link.rsplit('/').next().expect("a path").to_owned();
        self.journal.invitations.push(Invitation { name, secret, accepted: false });
        Some(())
    }

    async fn change_person(&mut self, way: &Way) -> Option<()> {
        let there: Vec<_> = self.journal.people.iter().filter(|(_, kept)| kept.known.is_some()).collect();
        if there.is_empty() {
            return Some(());
        }
        let (name, kept) = there[self.dice.below(there.len())];
        let (user, was) = (name.clone(), kept.known.clone()?);
        let (act, command, becomes) = match self.dice.below(4) {
            0 => (
                "user.disable",
                Command::UserDisable { user: user.clone(), force: false },
                Some(Standing { disabled: true, ..was }),
            ),
            1 => ("user.enable", Command::UserEnable { user: user.clone() }, Some(Standing { disabled: false, ..was })),
            2 => {
                let groups = vec![format!("g{}", self.dice.below(1_000))];
                let command = Command::UserSetGroups { user: user.clone(), groups: groups.clone() };
                ("user.set-groups", command, Some(Standing { groups, ..was }))
            }
            _ => ("user.delete", Command::UserDelete { user: user.clone(), force: false }, None),
        };
        self.journal.people.get_mut(&user)?.asked = Some(becomes);
        way.change(command).await?;
        self.acknowledge(act, &user);
        Some(())
    }

    async fn add_token(&mut self, way: &Way) -> Option<()> {
        let signer = self.dice.below(self.signers.len());
        let owner = self.signers[signer].known.name.clone();
        let command = Command::TokenAdd {
            user: owner.clone(),
            name: "a script".to_owned(),
            apps: vec!["mail".to_owned()],
            scopes: Vec::new(),
            only_from: Vec::new(),
            expires: Until::default(),
        };
        let answer = way.change(command).await?;
        self.count("token.add");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let (id, text) = (text(&answer["token"]["id"]), text(&answer["secret"]));
        let alive = Kept { known: true, asked: None };
        self.journal.tokens.push(Token { id, text, alive, owner, looked_at: false });
        Some(())
    }

    async fn revoke_token(&mut self, way: &Way) -> Option<()> {
        let alive: Vec<_> = (0..self.journal.tokens.len()).filter(|at| self.journal.tokens[*at].alive.known).collect();
        if alive.is_empty() {
            return Some(());
        }
        let at = alive[self.dice.below(alive.len())];
        let token = &mut self.journal.tokens[at];
        token.alive.asked = Some(false);
        token.looked_at = false;
        way.change(Command::TokenRevoke { token: token.id.clone() }).await?;
        token.alive.acknowledge();
        self.count("token.revoke");
        Some(())
    }

    /// Signs somebody in with a code or, every third time, a recovery code.
    async fn open_session(&mut self, way: &Way) -> Option<()> {
        let at = self.dice.below(self.signers.len());
        let by_recovery = self.dice.below(3) == 0;
        let Signer { known, last_step, next_recovery } = &mut self.signers[at];
        let step = Clock::system().now().seconds() / 30;
        if !by_recovery && step <= *last_step || by_recovery && *next_recovery == known.recovery.len() {
            // Nothing left to show at the moment.
            return Some(());
        }
        let first = json!({ "username": known.name, "password": PASSWORD });
        let asked = way.post("/api/v1/sign-in", &first).await?;
        if asked.status != 200 {
            // Too many at once, or the person has to wait: no change.
            return Some(());
        }
        let path = format!("/api/v1/sign-in/{}", asked.json()["flow"].as_str().expect("a flow"));
        let (name, totp) = (known.name.clone(), known.totp.clone());
        let done = if by_recovery {
            let code = known.recovery[*next_recovery].clone();
            *next_recovery += 1;
            let done = way.post(&path, &json!({ "method": "recovery", "code": code.grouped() })).await?;
            if done.status == 200 {
                self.journal.recovery_codes.push((name, code));
            }
            done
        } else {
            // Spent, whatever comes of it.
            *last_step = step;
            let code = totp.code_at(Timestamp::from_millis(step * 30_000));
            let done = way.post(&path, &json!({ "method": "totp", "code": code })).await?;
            if done.status == 200 {
                self.journal.codes.push((name, totp, step));
            }
            done
        };
        if done.status != 200 {
            return Some(());
        }
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let (id, token) = (text(&done.json()["device_id"]), text(&done.json()["token"]));
        self.journal.sessions.push(Session { id, token, alive: Kept { known: true, asked: None }, looked_at: false });
        self.count("session.open");
        way.life.acknowledge();
        Some(())
    }

    async fn end_session(&mut self, way: &Way) -> Option<()> {
        let sessions = &mut self.journal.sessions;
        let alive: Vec<_> = (0..sessions.len()).filter(|at| sessions[*at].alive.known).collect();
        if alive.is_empty() {
            return Some(());
        }
        let session = &mut sessions[alive[self.dice.below(alive.len())]];
        session.alive.asked = Some(false);
        session.looked_at = false;
        way.change(Command::SessionEnd { session: session.id.clone() }).await?;
        session.alive.acknowledge();
        self.count("session.end");
        Some(())
    }

    /// Somebody who was added chooses a password.
    async fn accept_invitation(&mut self, way: &Way) -> Option<()> {
        let people = &self.journal.people;
        let is_there = |invitation: &&mut Invitation| {
            !invitation.accepted && people.get(&invitation.name).is_some_and(|kept| kept.known.is_some())
        };
        let Some(invitation) = self.journal.invitations.iter_mut().find(is_there) else { return Some(()) };
        let page = way.send("GET", &format!("/invitation/{}", invitation.secret), &[]).await?;
        let answer = way.choose_password(&page, &invitation.secret).await?;
        // Disabled people may choose one too; whoever was deleted meanwhile is gone.
        if answer.status == 303 {
            invitation.accepted = true;
            self.count("user.accept_invitation");
            way.life.acknowledge();
        }
        Some(())
    }

    fn acknowledge(&mut self, act: &'static str, name: &str) {
        if let Some(kept) = self.journal.people.get_mut(name) {
            kept.acknowledge();
        }
        self.count(act);
    }

    fn count(&mut self, act: &'static str) {
        self.journal.acknowledged += 1;
        *self.journal.acts.entry(act).or_default() += 1;
    }
}

/// How a client reaches the gateway. `None`: nobody answered any more.
struct Way {
    program: Arc<Program>,
    life: Arc<Life>,
    number: usize,
}

impl Way {
    /// An administrator's change, acknowledged. Panics if it is refused: clients ask for nothing that could be.
    async fn change(&self, command: Command) -> Option<Value> {
        let socket = socket_path(&self.program.file("store.redb"));
        let answer = ask(&socket, command.clone()).await.ok()?;
        let answer = answer.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        self.life.acknowledge();
        Some(answer)
    }

    async fn post(&self, path: &str, document: &Value) -> Option<Answer> {
        self.exchange(&self.program.request("POST", "login", path).json(document).bytes()).await
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Option<Answer> {
        let request = self.program.request(method, "login", path).by_browser();
        let request = headers.iter().fold(request, |request, (name, value)| request.with(name, value));
        self.exchange(&request.bytes()).await
    }

    /// Sends what the form on an invitation's page sends.
    async fn choose_password(&self, page: &Answer, invitation: &str) -> Option<Answer> {
        let text = page.text();
        let form = text.split_once("name=\"form\" value=\"").and_then(|(_, rest)| rest.split('"').next());
        let cookie = format!("{FORM}={}", page.cookie(FORM).unwrap_or_default());
        let fields = [
            ("form", form.unwrap_or_default()),
            ("invitation", invitation),
            ("password", "seven green umbrellas"),
            ("again", "seven green umbrellas"),
        ];
        let request = self.program.request("POST", "login", "/invitation").form(&fields).by_browser();
        self.exchange(&request.with("Cookie", &cookie).bytes()).await
    }

    async fn exchange(&self, bytes: &[u8]) -> Option<Answer> {
        // Each from a network of its own: what one guesses wrong does not make the others wait.
        let mut wire = Wire::try_open(self.program.port(), &format!("127.1.{}.1", self.number + 1)).await?;
        wire.send(bytes).await;
        wire.answer().await
    }
}

/// Compares the gateway that was started again with what its clients remember.
async fn look(program: &Arc<Program>, clients: &mut [Client]) -> Tally {
    let verified = program.admin(Command::AuditVerify {}).await.expect("answered");
    assert!(verified["broken"].is_null(), "the chain is broken: {verified}");
    let people = by(&program.admin(Command::UserList {}).await.expect("answered"), "name");
    let tokens = by(&program.admin(Command::TokenList { user: None }).await.expect("answered"), "id");
    let sessions = by(&program.admin(Command::SessionList { user: None }).await.expect("answered"), "id");
    let (people, tokens, sessions) = (&people, &tokens, &sessions);
    let looks = clients.iter_mut().map(|client| look_for(program, client, people, tokens, sessions));
    let mut tally = Tally::default();
    for part in join_all(looks).await {
        tally.add(&part);
    }
    tally
}

async fn look_for(
    program: &Arc<Program>,
    client: &mut Client,
    people: &BTreeMap<String, Value>,
    tokens: &BTreeMap<String, Value>,
    sessions: &BTreeMap<String, Value>,
) -> Tally {
    let mut tally = Tally::default();
    let life = Arc::new(Life { left: AtomicUsize::new(usize::MAX), over: Notify::new() });
    // The looks come from elsewhere: what they are refused for is not counted against the clients.
    let way = Way { program: Arc::clone(program), life, number: client.number + 100 };
    let Journal { people: known, tokens: made, sessions: opened, codes, recovery_codes, invitations, .. } =
        &mut client.journal;
    for (name, kept) in known.iter_mut() {
        let found = people.get(name).map(|person| Standing {
            disabled: person["standing"] == "disabled",
            groups: person["groups"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|g| g.as_str().map(str::to_owned))
                .collect(),
        });
        kept.settle(found, name);
        tally.people += 1;
    }
    // Nothing half: who is listed can be shown, with an invitation that is there or used.
    if let Some((name, _)) = known.iter().rfind(|(_, kept)| kept.known.is_some()) {
        program.admin(Command::UserShow { user: name.clone() }).await.expect("whole");
    }
    for token in made.iter_mut() {
        token.alive.settle(tokens.contains_key(&token.id), &format!("token {}", token.id));
        if !std::mem::replace(&mut token.looked_at, true) {
            let status = program.request("GET", "mail", "/").bearer(&token.text).send().await.status;
            assert_eq!(status, if token.alive.known { 200 } else { 401 }, "token {} of {}", token.id, token.owner);
        }
        *if token.alive.known { &mut tally.tokens_alive } else { &mut tally.tokens_dead } += 1;
    }
    for session in opened.iter_mut() {
        session.alive.settle(sessions.contains_key(&session.id), &format!("session {}", session.id));
        if !std::mem::replace(&mut session.looked_at, true) {
            let status = program.request("GET", "mail", "/").bearer(&session.token).send().await.status;
            assert_eq!(status, if session.alive.known { 200 } else { 401 }, "session {}", session.id);
        }
        *if session.alive.known { &mut tally.sessions_alive } else { &mut tally.sessions_dead } += 1;
    }
    // One of each kind a look: each costs a password hash, and the rest was spent in the same way.
    if let Some((name, totp, step)) = codes.pop() {
        let code = totp.code_at(Timestamp::from_millis(step * 30_000));
        assert_refused(&way, &name, "totp", &code).await;
        tally.codes += 1;
    }
    if let Some((name, code)) = recovery_codes.pop() {
        assert_refused(&way, &name, "recovery", &code.grouped()).await;
        tally.recovery_codes += 1;
    }
    for invitation in invitations.iter().filter(|invitation| invitation.accepted).rev().take(2) {
        let page = way.send("GET", &format!("/invitation/{}", invitation.secret), &[]).await.expect("an answer");
        assert_eq!(page.status, 410, "the invitation of {} was accepted", invitation.name);
        tally.invitations += 1;
    }
    tally
}

/// A code that opened a session before the kill opens none after it.
async fn assert_refused(way: &Way, name: &str, method: &str, code: &str) {
    let asked =
        way.post("/api/v1/sign-in", &json!({ "username": name, "password": PASSWORD })).await.expect("an answer");
    if asked.status == 429 {
        return;
    }
    let path =
        format!("/api/v1/sign-in/{}", asked.json()["flow"].as_str().unwrap_or_else(|| panic!("{}", asked.text())));
    let answer = way.post(&path, &json!({ "method": method, "code": code })).await.expect("an answer");
    assert!(matches!(answer.status, 422 | 429), "{method} {code} of {name} was good again: {}", answer.text());
}

/// Each acknowledged change has its row.
async fn look_at_the_trail(program: &Program, clients: &[Client]) {
    let mut rows: BTreeMap<String, usize> = BTreeMap::new();
    let mut from = 1;
    loop {
        let page = program.admin(Command::AuditRows { from, max: None }).await.expect("answered");
        let Some(last) = page.as_array().and_then(|rows| rows.last()?["number"].as_u64()) else { break };
        for row in page.as_array().into_iter().flatten() {
            *rows.entry(row["act"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        from = last + 1;
    }
    let mut acts: BTreeMap<&str, usize> = BTreeMap::new();
    for (act, count) in clients.iter().flat_map(|client| &client.journal.acts) {
        *acts.entry(act).or_default() += count;
    }
    for (act, count) in acts {
        let found = rows.get(act).copied().unwrap_or(0);
        assert!(found >= count, "{act}: {count} were acknowledged, {found} are in the trail");
    }
}

fn by(list: &Value, key: &str) -> BTreeMap<String, Value> {
    let rows = list.as_array().into_iter().flatten();
    rows.filter_map(|row| Some((row[key].as_str()?.to_owned(), row.clone()))).collect()
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

const CLIENTS: usize = 8;
/// People with an authenticator app, for each client.
const SIGNERS: usize = 8;
const FORM: &str = "__Host-vestibule-form";
