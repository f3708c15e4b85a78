//! One walk over a syntax tree that prices every line and collects the outline.
//!
//! Iterative, and only into nodes that span lines or may define something, so that neither deep nor wide hostile trees hurt.

use tree_sitter::{Node, TreeCursor};

use super::grammar::{Grammar, grammar};
use super::outline::Outline;
use super::price::{DEPTH_MAX, GLUE, INSIDE, MEMBER};
use super::reader::{Place, Reader};
use super::roles::Role;

/// Prices of cutting before each line of `text` by its structure, and its outline; `None` when no grammar can read it.
pub(super) fn by_syntax(
    text: &str,
    language: &str,
    line_count: usize,
) -> Option<(Vec<u32>, Outline)> {
    let grammar = grammar(language)?;
    let tree = grammar.parse(text)?;
    let mut walk = Walk {
        grammar,
        ledger: Ledger::of(line_count),
        reader: Reader::of(text, &tree.root_node()),
        open: vec![Frame::root(line_count)],
    };
    walk.run(&mut tree.walk());
    Some((walk.ledger.prices(), walk.reader.outline))
}

struct Walk<'a> {
    grammar: &'static Grammar,
    ledger: Ledger,
    reader: Reader<'a>,
    /// The nodes around the current one, outermost first.
    open: Vec<Frame>,
}

/// A node whose children are being visited.
struct Frame {
    role: Role,
    rows: (usize, usize),
    /// What has been charged for exactly these rows so far.
    charged: u32,
    /// Last row of an annotation that was the latest child, if it was one that began its line.
    annotated: Option<usize>,
    /// Last row of the latest child.
    end_row: Option<usize>,
    /// Whether a child that defines something has been seen.
    has_definition: bool,
    /// What stands around the children.
    place: Place,
}

impl Frame {
    fn root(line_count: usize) -> Self {
        let rows = (0, line_count.saturating_sub(1));
        let place = Place {
            holder: None,
            is_inner: false,
        };
        Frame::new(Role::Container, rows, 0, place)
    }

    fn new(role: Role, rows: (usize, usize), charged: u32, place: Place) -> Self {
        Frame {
            role,
            rows,
            charged,
            annotated: None,
            end_row: None,
            has_definition: false,
            place,
        }
    }
}

impl Walk<'_> {
    fn run(&mut self, cursor: &mut TreeCursor) {
        if !cursor.goto_first_child() {
            return;
        }
        loop {
            let frame = self.enter(cursor);
            if let Some(frame) = frame
                && cursor.goto_first_child()
            {
                self.open.push(frame);
                continue;
            }
            while !cursor.goto_next_sibling() {
                self.open.pop();
                if self.open.is_empty() || !cursor.goto_parent() {
                    return;
                }
            }
        }
    }

    /// Accounts for a node, and returns its frame when its children matter.
    fn enter(&mut self, cursor: &TreeCursor) -> Option<Frame> {
        let node = cursor.node();
        let depth = self.open.len();
        let role = self.grammar.role(node.kind_id());
        let rows = rows_of(&node);
        let above = self.open.last_mut()?;
        if !node.is_named() {
            above.end_row = Some(rows.1);
            return None;
        }
        note_sibling(above, role, rows, &mut self.ledger);
        let around = above.place;
        let symbol = self.reader.read(&node, role, around);
        let place = Place {
            holder: symbol.or(around.holder),
            is_inner: around.is_inner || !holds_top_level(role),
        };
        let is_flat = rows.0 == rows.1;
        let may_define = matches!(
            role,
            Role::Wrapper | Role::Binding | Role::Container | Role::Holder(_)
        );
        if is_flat && !may_define {
            return None;
        }
        let weight = if cursor.field_name() == Some("body") {
            0
        } else {
            weight_of(role)
        };
        let charged = self.charge(rows, weight, depth);
        Some(Frame::new(role, rows, charged, place))
    }

    /// Charges for the inside of `rows`, and returns what has been charged for just these rows by now.
    fn charge(&mut self, rows: (usize, usize), weight: u32, depth: usize) -> u32 {
        let above = self.open.last();
        let already = above
            .filter(|above| above.rows == rows)
            .map_or(0, |above| above.charged);
        let due = weight.saturating_sub(already);
        if depth <= 4 * DEPTH_MAX as usize {
            self.ledger.add(rows.0 + 1, rows.1, due);
        }
        already + due
    }
}

/// What the latest sibling means for the line a node begins on.
fn note_sibling(above: &mut Frame, role: Role, rows: (usize, usize), ledger: &mut Ledger) {
    let begins_line = above.end_row.is_none_or(|end| end < rows.0);
    if begins_line && above.annotated.is_some_and(|end| rows.0 <= end + 1) {
        ledger.add(rows.0, rows.0, GLUE);
    }
    let defines = matches!(role, Role::Holder(_) | Role::Definition(_) | Role::Binding);
    if defines && above.role == Role::Wrapper && !above.has_definition {
        ledger.add(above.rows.0 + 1, rows.0, GLUE);
    }
    above.has_definition |= defines;
    above.annotated = (role == Role::Annotation && begins_line).then_some(rows.1);
    above.end_row = Some(rows.1);
}

/// Whether what stands in it, and in no symbol, is there for the whole file.
fn holds_top_level(role: Role) -> bool {
    matches!(role, Role::Container | Role::Holder(_) | Role::Wrapper)
}

fn weight_of(role: Role) -> u32 {
    match role {
        Role::Container | Role::Holder(_) | Role::Wrapper | Role::Binding => MEMBER,
        Role::Plain | Role::Definition(_) | Role::Annotation | Role::Import => INSIDE,
    }
}

/// First and last row with text of the node: one that ends at the start of a row does not reach into it.
pub(super) fn rows_of(node: &Node) -> (usize, usize) {
    let (start, end) = (node.start_position(), node.end_position());
    let is_over = end.column == 0 && end.row > start.row;
    (start.row, end.row - usize::from(is_over))
}

/// Prices of all lines, kept as differences so that charging a span costs two additions.
struct Ledger {
    rises: Vec<i64>,
}

impl Ledger {
    fn of(line_count: usize) -> Self {
        Ledger {
            rises: vec![0; line_count + 1],
        }
    }

    /// Adds `price` to the lines from `first` to `last`; nothing when they cross or lie outside.
    fn add(&mut self, first: usize, last: usize, price: u32) {
        let last = last.min(self.rises.len().saturating_sub(2));
        if first <= last {
            self.rises[first] += i64::from(price);
            self.rises[last + 1] -= i64::from(price);
        }
    }

    fn prices(&self) -> Vec<u32> {
        let mut price = 0;
        let sums = self.rises.iter().map(|rise| {
            price += rise;
            u32::try_from(price).unwrap_or(0).min(DEPTH_MAX * INSIDE)
        });
        sums.take(self.rises.len() - 1).collect()
    }
}
