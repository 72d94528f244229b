//! Security questions, where an organization wants them: set by everybody, asked beside the link of a mail. (P5)
//!
//! Discouraged (ASVS 6.4.2) and off unless it is written. An answer is compared without case, marks and needless spaces;
//! tries are counted like those at a password.

use access::password::{Password, PasswordHash, Verdict};
use access::{ClientAddr, Secret, Timestamp};

use super::login::{Caller, LoginError, actor};
use super::{Gate, Visitor, random};
use crate::audit::Entry;
use crate::config::InForce;
use crate::store::vault::{PersonRecord, QUESTIONS, Question};

/// A question and its answer as they were typed.
#[derive(Debug)]
pub struct Typed {
    /// The question.
    pub question: String,
    /// The answer.
    pub answer: Secret<String>,
}

/// What became of questions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum SetQuestions {
    /// They are set.
    Done,
    /// A question is empty or too long, or both are the same.
    Question,
    /// An answer is too short, or both are the same, or one stands in its question.
    Answer,
    /// Something has to be proved again first (S9).
    Stale,
}

/// What came of answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(super) enum Answered {
    /// All are right, or none was asked for.
    Right,
    /// One is not.
    Wrong,
    /// Too many tries: welcome again from then on.
    Wait(Timestamp),
}

impl Gate {
    /// Must this visitor set questions before anything opens?
    pub fn has_to_set_questions(&self, in_force: &InForce, visitor: &Visitor) -> bool {
        in_force.settings.security_questions && !visitor.record().has_questions && visitor.record().has_password
    }

    /// Sets the visitor's questions.
    pub async fn set_questions(
        &self,
        caller: &Caller<'_>,
        visitor: &Visitor,
        typed: [Typed; QUESTIONS],
    ) -> Result<SetQuestions, LoginError> {
        if !self.is_fresh(visitor) {
            return Ok(SetQuestions::Stale);
        }
        let place = self.pool.place_or_patience().await?;
        let texts = typed.each_ref().map(|typed| typed.question.split_whitespace().collect::<Vec<_>>().join(" "));
        let fits = |text: &String| {
            let length = text.chars().count();
            (SHORTEST_QUESTION..=LONGEST_QUESTION).contains(&length) && !text.chars().any(char::is_control)
        };
        if !texts.iter().all(fits) || folded(&texts[0]).expose() == folded(&texts[1]).expose() {
            return Ok(SetQuestions::Question);
        }
        let answers = typed.map(|typed| folded(typed.answer.expose()));
        let is_told =
            |(text, answer): (&String, &Secret<String>)| folded(text).expose().contains(answer.expose().as_str());
        let is_short = |answer: &Secret<String>| answer.expose().chars().count() < SHORTEST_ANSWER;
        let same = answers[0].matches(answers[1].expose().as_bytes());
        if same || answers.iter().any(is_short) || texts.iter().zip(&answers).any(is_told) {
            return Ok(SetQuestions::Answer);
        }
        let [Ok(one), Ok(other)] = answers.map(Password::parse) else { return Ok(SetQuestions::Answer) };
        let hash = move || [one.hash(random()), other.hash(random())];
        let [one, other]: [PasswordHash; QUESTIONS] = self.pool.run(place, hash).await?;
        let [first, second] = texts;
        let questions = [Question { text: first, answer: one }, Question { text: second, answer: other }];
        let entry = Entry::new(actor(visitor.record()), "questions.set").from(caller.address.ip());
        let set = self.vault.set_questions(visitor.person().id, &questions, entry).await;
        self.catch_up(caller.in_force).await?;
        set?;
        Ok(SetQuestions::Done)
    }

    /// Which questions are asked beside the link of a mail? None, where they are off or were never set.
    pub async fn questions_of(&self, in_force: &InForce, person: &PersonRecord) -> Result<Vec<Question>, LoginError> {
        if !in_force.settings.security_questions || !person.has_questions {
            return Ok(Vec::new());
        }
        Ok(self.vault.questions(person.person.id).await?)
    }

    /// Are these the answers? Counted before they are looked at; all are compared, whatever the first one is.
    pub(super) async fn answered(
        &self,
        in_force: &InForce,
        person: &PersonRecord,
        address: ClientAddr,
        answers: &[Secret<String>],
    ) -> Result<Answered, LoginError> {
        let questions = self.questions_of(in_force, person).await?;
        if questions.is_empty() {
            return Ok(Answered::Right);
        }
        let place = self.pool.place_or_patience().await?;
        let account = format!("questions:{}", person.person.id);
        if let Err(until) = self.vault.reserve_attempt(&account, address).await? {
            return Ok(Answered::Wait(until));
        }
        let typed: Vec<_> = answers.iter().map(|answer| Password::parse(folded(answer.expose()))).collect();
        let compare = move || {
            let verdicts = questions.iter().enumerate().map(|(number, question)| match typed.get(number) {
                Some(Ok(answer)) => answer.verify(Some(&question.answer)) != Verdict::Wrong,
                Some(Err(_)) | None => false,
            });
            verdicts.fold(true, |all, right| all & right)
        };
        if self.pool.run(place, compare).await? {
            self.vault.forgive_attempt(&account, address).await?;
            return Ok(Answered::Right);
        }
        let entry = Entry::new(actor(person), "questions.wrong").from(address.ip());
        self.vault.note(entry).await?;
        Ok(Answered::Wrong)
    }
}

/// Without case and needless spaces: people don't remember those.
fn folded(text: &str) -> Secret<String> {
    let words = text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>();
    Secret::new(words.join(" ").trim_matches(['.', '!', '?']).to_owned())
}

const SHORTEST_QUESTION: usize = 8;
const LONGEST_QUESTION: usize = 120;
const SHORTEST_ANSWER: usize = 3;
