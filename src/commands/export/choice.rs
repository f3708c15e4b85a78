//! Which samples are exported.

use crate::cli::{ExportArgs, LicensePolicy};
use crate::domain::language::Language;
use crate::domain::provenance::Provenance;
use crate::domain::repo::DenyList;
use crate::domain::select::{LicencePolicy, SelectOptions, globs};
use crate::settings::{SettingsError, deny_list};
use crate::store::StoredSample;
use globset::GlobSet;

/// What the user asked for, checked.
#[derive(Debug)]
pub struct Choice {
    score_min: f64,
    /// Patterns of repositories; `None` takes all.
    repositories: Option<GlobSet>,
    /// Whether languages were named.
    by_language: bool,
    select: SelectOptions,
    deny: DenyList,
}

impl Choice {
    /// Reads the options and the deny-list.
    pub fn from_args(args: &ExportArgs) -> Result<Self, SettingsError> {
        let policy = match args.files.license_policy {
            LicensePolicy::Any => LicencePolicy::Any,
            LicensePolicy::Permissive => LicencePolicy::Permissive,
        };
        let patterns = (!args.repository.is_empty()).then(|| globs(&args.repository));
        Ok(Choice {
            score_min: args.min_score,
            repositories: patterns.transpose()?,
            by_language: !args.files.language.is_empty(),
            select: SelectOptions::new(&[], &[], &args.files.language, u64::MAX)?.under(policy),
            deny: deny_list(args.files.deny_list.as_deref())?,
        })
    }

    /// Whether a sample is wanted; else the option that leaves it out.
    pub fn check(&self, sample: &StoredSample, from: &Provenance) -> Result<(), &'static str> {
        if self.deny.denies(&sample.path) {
            return Err("on --deny-list");
        }
        let folder = from.folder(&sample.path).unwrap_or_default();
        if self
            .repositories
            .as_ref()
            .is_some_and(|globs| !globs.is_match(folder))
        {
            return Err("not of --repository");
        }
        let is_wanted =
            || Language::named(&from.language).is_some_and(|one| self.select.wants(one));
        if self.by_language && !is_wanted() {
            return Err("not in --language");
        }
        if self.select.check_licence(from.licence.as_deref()).is_err() {
            return Err("not under --license-policy");
        }
        if sample.score < self.score_min {
            return Err("below --min-score");
        }
        Ok(())
    }
}
