//! What compiled code raised, out of the tables of its module.

use std::sync::Arc;

use ungil_ir::ir::{ExceptionClass, Module, RaiseArg, Site};
use ungil_rt::{RAISE_INTERRUPTED, RAISE_RECURSION};

/// An exception that left compiled code.
#[derive(Clone, PartialEq, Debug)]
pub struct Raised {
    /// Which one.
    pub kind: RaisedKind,
    /// Where it passed, the innermost place first.
    pub sites: Vec<Site>,
}

/// Which exception.
#[derive(Clone, PartialEq, Debug)]
pub enum RaisedKind {
    /// The host has it already: a signal's handler or an output raised it.
    Host,
    /// `class(*args)`.
    Exception {
        /// Its class.
        class: ExceptionClass,
        /// The arguments of its constructor.
        args: Vec<RaiseArg>,
    },
}

pub(crate) fn raised(module: &Module, error: &ungil_rt::Raised) -> Raised {
    let (kind, site) = match error.raise_id {
        RAISE_INTERRUPTED => (RaisedKind::Host, None),
        RAISE_RECURSION => (recursion(), None),
        id => {
            let raise = &module.raises[id as usize];
            let kind = RaisedKind::Exception { class: raise.class.clone(), args: raise.args.clone() };
            (kind, raise.site)
        }
    };
    let passed = error.trace.iter().map(|site| &module.sites[*site as usize]);
    let sites = site.map(|site| &module.sites[site.0 as usize]).into_iter().chain(passed).cloned().collect();
    Raised { kind, sites }
}

fn recursion() -> RaisedKind {
    RaisedKind::Exception {
        class: ExceptionClass::Builtin(Arc::from("RecursionError")),
        args: vec![RaiseArg::Str(Arc::from("maximum recursion depth exceeded in compiled code"))],
    }
}
