//! A sample: one accepted training row, as turns of a conversation with their provenance.
//!
//! Owns the shape of what is stored. How a sample is judged lives in `quality`, how it is saved in `store`.

/// Who speaks in a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Asks; its turn is never a training label.
    User,
    /// Answers; its turn is the label.
    Assistant,
}

impl Role {
    /// The word stored in `ConversationTurns.role`.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Assistant => "assistant",
        }
    }
}

/// One turn of a sample. Its index is its place in [`Sample::turns`].
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
    /// Provenance (user turn) or generation record (assistant turn): a JSON object as it is stored.
    pub metadata: String,
}

/// One accepted training row.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Alternating user and assistant turns, beginning with a user turn.
    pub turns: Vec<Turn>,
    /// Quality in `[0, 1]`; its parts stand in the last assistant turn's metadata.
    pub score: f64,
}

impl Sample {
    /// Whether the conversation has more than one exchange.
    pub fn is_multiturn(&self) -> bool {
        self.turns.len() > 2
    }
}
