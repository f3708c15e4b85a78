//! What was learnt about one model on one endpoint.
//!
//! Owns the ladder: which form a request takes next when the server refuses a part of it. There is no table of model names; a
//! server's own words teach, once, and what they taught can be stored and given back at the next start.

use super::completion::Structure;
use serde::{Deserialize, Serialize};

/// The field that carries the most tokens to generate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LengthField {
    /// The original name, taken by nearly every server.
    MaxTokens,
    /// The newer name, which some models insist on.
    MaxCompletionTokens,
}

/// The form of a request on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// How structured output is asked for.
    pub structure: Structure,
    /// The name of the length field.
    pub length_field: LengthField,
    /// Whether the server takes a temperature.
    pub temperature: bool,
    /// Whether the server takes a seed.
    pub seed: bool,
    /// Whether the model takes a turn of the system; if not, that text opens the user's turn.
    #[serde(default = "yes")]
    pub system_role: bool,
}

fn yes() -> bool {
    true
}

impl Default for Form {
    fn default() -> Self {
        Form {
            structure: Structure::JsonSchema,
            length_field: LengthField::MaxTokens,
            temperature: true,
            seed: true,
            system_role: true,
        }
    }
}

/// The part of a request that a server says it does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Complaint {
    Structure,
    LengthField,
    Temperature,
    Seed,
    SystemRole,
}

impl Form {
    /// The next form after `complaint`, or `None` at the end of the ladder. Every step goes one way only, so a request cannot
    /// climb for ever.
    pub(super) fn after(self, complaint: Complaint) -> Option<Form> {
        let mut next = self;
        match complaint {
            Complaint::Structure => {
                next.structure = match self.structure {
                    Structure::JsonSchema => Structure::JsonObject,
                    _ => Structure::Tagged,
                }
            }
            Complaint::LengthField => next.length_field = LengthField::MaxCompletionTokens,
            Complaint::Temperature => next.temperature = false,
            Complaint::Seed => next.seed = false,
            Complaint::SystemRole => next.system_role = false,
        }
        (next != self).then_some(next)
    }
}

/// Everything worth remembering about one model on one endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// The form that works.
    pub form: Form,
    /// The model's window, when the server told it.
    pub context_tokens: Option<u32>,
    /// So many tokens were left of a prompt that the server cut in silence: no longer one is worth sending.
    #[serde(default)]
    pub cut_at_tokens: Option<u32>,
    /// Bytes of prompt text to one token, averaged over past prompts.
    pub bytes_per_token: Option<f32>,
    /// How many prompts that average rests on, up to a cap.
    pub prompts_seen: u32,
}

impl Profile {
    /// The window to keep to: what the server told, or what it really read where that is less.
    pub fn window(&self) -> Option<u32> {
        match (self.context_tokens, self.cut_at_tokens) {
            (Some(told), Some(read)) => Some(told.min(read)),
            (told, read) => told.or(read),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_goes_down_and_ends() {
        let all = [
            Complaint::Structure,
            Complaint::LengthField,
            Complaint::Temperature,
            Complaint::Seed,
            Complaint::SystemRole,
        ];
        let mut form = Form::default();
        let mut steps = 0;
        while let Some(next) = all.iter().find_map(|&complaint| form.after(complaint)) {
            form = next;
            steps += 1;
        }
        assert_eq!(steps, 6);
        assert_eq!(form.structure, Structure::Tagged);
        assert_eq!(form.length_field, LengthField::MaxCompletionTokens);
        assert!(!form.temperature && !form.seed && !form.system_role);
    }

    #[test]
    fn the_profile_of_an_older_program_is_read() {
        let old = r#"{"form":{"structure":"tagged","length_field":"max_tokens","temperature":true,"seed":false},
                      "context_tokens":4096,"bytes_per_token":null,"prompts_seen":0}"#;
        let profile: Profile = serde_json::from_str(old).unwrap();
        assert!(profile.form.system_role && !profile.form.seed);
        assert_eq!(profile.window(), Some(4096));
        let cut = Profile {
            cut_at_tokens: Some(2048),
            ..profile
        };
        assert_eq!(cut.window(), Some(2048));
    }

    #[test]
    fn a_profile_survives_storage() {
        let profile = Profile {
            context_tokens: Some(4096),
            bytes_per_token: Some(3.5),
            ..Profile::default()
        };
        let json = serde_json::to_string(&profile).unwrap();
        assert_eq!(serde_json::from_str::<Profile>(&json).unwrap(), profile);
    }
}
