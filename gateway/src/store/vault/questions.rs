//! Which questions did a person choose, and what do their answers hash to? (P5)
//!
//! An extra check beside the link of a mail, where an organization wants one; it opens nothing by itself. Answers lie as
//! Argon2id hashes, since they are short.

use access::identity::UserId;
use access::password::PasswordHash;
use serde::{Deserialize, Serialize};

use super::act::{Tries, of_person};
use super::outbox::Change;
use super::records::{Record, StoredSecret};
use super::{Vault, VaultError};
use crate::audit::Entry;
use crate::store::{Applied, StoreError, Table};

/// A question and the hash of its answer.
#[derive(Clone, Debug)]
pub struct Question {
    /// As its owner wrote it.
    pub text: String,
    /// Of the answer.
    pub answer: PasswordHash,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredQuestion {
    text: String,
    answer: StoredSecret,
}

impl Record for Question {
    type Stored = StoredQuestion;

    fn to_stored(&self) -> StoredQuestion {
        StoredQuestion { text: self.text.clone(), answer: StoredSecret::of_text(self.answer.as_phc()) }
    }

    fn from_stored(_: &[u8], stored: StoredQuestion) -> Option<Self> {
        Some(Self { text: stored.text, answer: PasswordHash::from_phc(stored.answer.text().expose().clone())? })
    }
}

impl Vault {
    /// In the order in which they were set; none, if none were.
    pub async fn questions(&self, id: UserId) -> Result<Vec<Question>, StoreError> {
        let mut questions = Vec::new();
        for number in 0..QUESTIONS {
            let read = self.read::<Question>(Table::Factor, &row_of(id, number)).await?;
            questions.extend(read.map(|read| read.value));
        }
        Ok(questions)
    }

    /// Sets them in the place of older ones.
    pub async fn set_questions(
        &self,
        id: UserId,
        questions: &[Question; QUESTIONS],
        entry: Entry,
    ) -> Result<(), VaultError> {
        let mut tries = Tries::new();
        loop {
            let read = self.known_person(id).await?;
            let mut after = read.value.clone();
            after.has_questions = true;
            let mut act = self.act();
            act.change_person(&read, &after)?;
            for (number, question) in questions.iter().enumerate() {
                act.put(Table::Factor, &row_of(id, number), question, None)?;
            }
            act.audit(&entry)?;
            act.tell(&after, Change::Questions, &entry)?;
            match act.commit().await? {
                Applied::Done { .. } => return Ok(()),
                Applied::Refused { .. } => tries.again("the person").await?,
            }
        }
    }
}

fn row_of(id: UserId, number: usize) -> Vec<u8> {
    of_person(id, "question", number.to_string().as_bytes())
}

/// As many as everybody sets.
pub const QUESTIONS: usize = 2;
