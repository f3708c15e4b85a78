//! The texts that follow the shared prefix, one for each call.

use super::fill;
use super::kind::QuestionKind;
use super::plan::Plan;
use super::prefix::{Prefix, defuse, field};
use super::texts::{
    ANSWER, ANSWER_RULES, EXCHANGE, FOLLOW_UP, FOLLOW_UP_ANSWER, JUDGE, QUESTIONS, REPAIR,
    REPLY_JSON, REPLY_TAGS, SLOT,
};

/// How a questions call should reply: structured output where the server has it, tagged text otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyForm {
    /// JSON, with or without a schema enforced by the server.
    Json,
    /// `<q kind="how">…</q>` lines.
    Tags,
}

/// A question and its answer in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The user's turn.
    pub question: String,
    /// The assistant's turn.
    pub answer: String,
}

/// Writes tasks about one file.
#[derive(Debug, Clone)]
pub struct Tasks {
    repository: String,
    path: String,
    file: String,
}

impl Tasks {
    /// For the file at `path` in the repository of that name.
    pub fn new(repository: &str, path: &str) -> Self {
        let file = path.rsplit('/').next().unwrap_or(path);
        Tasks {
            repository: field(repository),
            path: field(path),
            file: field(file),
        }
    }

    /// Asks for the questions of a plan.
    pub fn questions(&self, plan: &Plan, form: ReplyForm) -> String {
        let first = plan
            .slots
            .first()
            .map_or(QuestionKind::How, |slot| slot.kind);
        let reply = match form {
            ReplyForm::Json => REPLY_JSON,
            ReplyForm::Tags => REPLY_TAGS,
        };
        let count = match plan.slots.len() {
            1 => "1 question".to_owned(),
            count => format!("{count} questions"),
        };
        let reply = fill(reply, &[("kind", first.as_str())]);
        self.fill(
            QUESTIONS,
            &[
                ("count", &count),
                ("plan", slot_lines(plan).trim_end()),
                ("reply", &reply),
            ],
        )
    }

    /// Asks to rewrite a question that was turned down; `why` is a fragment such as [`super::Flaw`]'s text.
    pub fn repair(&self, question: &str, why: &str) -> String {
        self.fill(
            REPAIR,
            &[("question", &field(question)), ("why", &field(why))],
        )
    }

    /// Asks for the answer to a question.
    pub fn answer(&self, question: &str) -> String {
        self.fill(
            ANSWER,
            &[("question", &field(question)), ("rules", &self.rules())],
        )
    }

    /// Asks for the next question of a conversation.
    pub fn follow_up(&self, conversation: &[Exchange], kind: QuestionKind) -> String {
        let said = transcript(conversation);
        let hint = kind.hint(conversation.len());
        self.fill(
            FOLLOW_UP,
            &[
                ("conversation", &said),
                ("kind", kind.as_str()),
                ("hint", hint),
            ],
        )
    }

    /// Asks for the answer to the next question of a conversation.
    pub fn follow_up_answer(&self, conversation: &[Exchange], question: &str) -> String {
        let said = transcript(conversation);
        self.fill(
            FOLLOW_UP_ANSWER,
            &[
                ("conversation", &said),
                ("question", &field(question)),
                ("rules", &self.rules()),
            ],
        )
    }

    /// Asks to judge an answer. `prefix` is the one the answer was written behind.
    pub fn judge(&self, prefix: &Prefix, question: &str, answer: &str) -> String {
        let answer = defuse(answer.trim());
        self.fill(
            JUDGE,
            &[
                ("question", &field(question)),
                ("answer", &answer),
                ("mark", prefix.mark()),
            ],
        )
    }

    fn rules(&self) -> String {
        self.fill(ANSWER_RULES, &[])
    }

    fn fill(&self, template: &str, values: &[(&str, &str)]) -> String {
        let names = [
            ("repository", &*self.repository),
            ("path", &*self.path),
            ("file", &*self.file),
        ];
        fill(template, &[values, &names].concat())
    }
}

fn slot_lines(plan: &Plan) -> String {
    let lines = plan.slots.iter().enumerate().map(|(index, slot)| {
        let focus = slot
            .focus
            .as_ref()
            .map(|focus| format!(", about `{}`", field(focus)));
        fill(
            SLOT,
            &[
                ("number", &(index + 1).to_string()),
                ("kind", slot.kind.as_str()),
                ("difficulty", slot.difficulty),
                ("voice", slot.voice),
                ("focus", &focus.unwrap_or_default()),
                ("hint", slot.hint),
            ],
        )
    });
    lines.collect()
}

fn transcript(conversation: &[Exchange]) -> String {
    let exchange = |said: &Exchange| {
        fill(
            EXCHANGE,
            &[
                ("question", &field(&said.question)),
                ("answer", &defuse(said.answer.trim())),
            ],
        )
    };
    conversation.iter().map(exchange).collect()
}
