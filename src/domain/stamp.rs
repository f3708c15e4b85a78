//! When `lstat` alone proves that a file's content is what it was.
//!
//! Owns the comparison, as git's index makes it (`Documentation/technical/racy-git.adoc`). Who keeps the stamps is the store's affair, who
//! takes them `walk`'s.

/// What `lstat` says of a file. Equal stamps mean equal content, but for the race that [`Seen::proves`] closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Size in bytes.
    pub file_bytes: u64,
    /// Time of the last write, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Time of the last change of content or of the inode, nanoseconds since 1970. Unlike `mtime_ns` no program can set it back.
    pub ctime_ns: i64,
    /// Inode number.
    pub inode: u64,
}

/// A file as it was when its content was last read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its stamp, taken before the content was read.
    pub stamp: Stamp,
    /// SHA-256 of the content, lower-case hexadecimal.
    pub content_hash: String,
    /// When the stamp was taken, nanoseconds since 1970, by this machine's clock.
    pub seen_at_ns: i64,
}

/// File systems stamp with a clock that ticks at most 100 times a second and so lags behind this much.
const TICK_NS: i64 = 10_000_000;

/// File systems without fractions of seconds stamp to one or two seconds.
const COARSE_TICK_NS: i64 = 2_000_000_000;

impl Seen {
    /// Whether a file that has this stamp now still has the content it was seen with. A write in the same tick as the look leaves the stamp as it
    /// was, so a file that had changed too shortly before the look ("racily clean") proves nothing and has to be read.
    pub fn proves(&self, now: &Stamp) -> bool {
        self.stamp == *now && !self.is_racy()
    }

    fn is_racy(&self) -> bool {
        let changed_ns = self.stamp.mtime_ns.max(self.stamp.ctime_ns);
        let is_coarse =
            self.stamp.mtime_ns % 1_000_000_000 == 0 && self.stamp.ctime_ns % 1_000_000_000 == 0;
        let tick_ns = if is_coarse { COARSE_TICK_NS } else { TICK_NS };
        changed_ns.saturating_add(tick_ns) >= self.seen_at_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn seen(changed_ns: i64, seen_at_ns: i64) -> Seen {
        let stamp = Stamp {
            file_bytes: 9,
            mtime_ns: changed_ns,
            ctime_ns: changed_ns,
            inode: 7,
        };
        Seen {
            stamp,
            content_hash: String::new(),
            seen_at_ns,
        }
    }

    #[test]
    fn a_stamp_proves_content_unless_it_differs_or_is_racy() {
        let old = seen(100 * SECOND + 5, 200 * SECOND);
        assert!(old.proves(&old.stamp));
        let same = old.stamp;
        for other in [
            Stamp {
                file_bytes: 8,
                ..same
            },
            Stamp {
                mtime_ns: 1,
                ..same
            },
            Stamp {
                ctime_ns: 1,
                ..same
            },
            Stamp { inode: 8, ..same },
        ] {
            assert!(!old.proves(&other), "{other:?}");
        }
    }

    #[test]
    fn what_changed_in_the_tick_of_the_look_is_read_again() {
        let fine = 100 * SECOND + 123_456_789;
        let cases = [
            (fine, fine, false),
            (fine, fine + TICK_NS, false),
            (fine, fine + TICK_NS + 1, true),
            (fine, fine - SECOND, false),
            (100 * SECOND, 101 * SECOND, false),
            (100 * SECOND, 102 * SECOND + 1, true),
            (i64::MAX, i64::MAX, false),
            (i64::MIN, i64::MAX, true),
        ];
        for (changed_ns, seen_at_ns, proves) in cases {
            let one = seen(changed_ns, seen_at_ns);
            assert_eq!(one.proves(&one.stamp), proves, "{changed_ns} {seen_at_ns}");
        }
    }
}
