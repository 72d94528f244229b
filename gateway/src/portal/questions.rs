//! `/account/questions`: security questions, where an organization wants them (P5).

use access::Secret;
use axum::response::Response;
use serde::Deserialize;

use super::asking::{Asking, Inquiry, Posted, proven};
use super::pages::{Done, Problem, Questions};
use super::respond::see_other;
use super::return_to::ReturnTo;
use crate::gate::questions::{SetQuestions, Typed};

/// `GET /account/questions`.
pub(super) async fn page(asking: Asking) -> Response {
    let (Inquiry { gate, visit, .. }, visitor) = asking.parts();
    if !visit.in_force.settings.security_questions {
        return see_other(&visit.in_force, &ReturnTo::Portal("/account"));
    }
    if !gate.is_fresh(visitor) {
        return asking.again(QUESTIONS).await;
    }
    let questions = match gate.questions_of(&visit.in_force, visitor.record()).await {
        Ok(questions) => questions,
        Err(error) => return asking.trouble(error),
    };
    let text = |number: usize| questions.get(number).map_or("", |question| question.text.as_str());
    show(&asking, text(0), text(1), None)
}

#[derive(Deserialize)]
pub(super) struct QuestionFields {
    form: String,
    question1: String,
    answer1: String,
    question2: String,
    answer2: String,
}

/// `POST /account/questions`.
pub(super) async fn set(Posted { asking, fields }: Posted<QuestionFields>) -> Response {
    let (Inquiry { gate, visit, .. }, visitor) = asking.parts();
    if !visit.in_force.settings.security_questions {
        return see_other(&visit.in_force, &ReturnTo::Portal("/account"));
    }
    let QuestionFields { form: _, question1, answer1, question2, answer2 } = fields;
    let typed = |question: &str, answer| Typed { question: question.to_owned(), answer: Secret::new(answer) };
    let typed = [typed(&question1, answer1), typed(&question2, answer2)];
    let caller = asking.caller();
    match gate.set_questions(&caller, visitor, typed).await {
        Ok(SetQuestions::Done) => asking.to_account(Done::Questions),
        Ok(SetQuestions::Stale) => asking.again(QUESTIONS).await,
        Ok(SetQuestions::Question) => show(&asking, &question1, &question2, Some(Problem::BadQuestion)),
        Ok(SetQuestions::Answer) => show(&asking, &question1, &question2, Some(Problem::BadAnswer)),
        Err(error) => asking.trouble(error),
    }
}

fn show(asking: &Asking, first: &str, second: &str, error: Option<Problem<'_>>) -> Response {
    let form = asking.form();
    let shown = Questions { frame: asking.frame(), first, second, error, form: form.token() };
    asking.show(&shown, error, &form, None)
}

proven!(QuestionFields);

/// Where they are set.
pub(super) const QUESTIONS: &str = "/account/questions";
