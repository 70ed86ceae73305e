//! One compiled version of a function ([`Overload`]), how arguments that have exactly its types are recognised and
//! unboxed ([`Unboxer`]), and the table of a dispatcher's versions ([`Table`]).
//!
//! Invariants of the table: an overload in it is never changed and never freed before the dispatcher is, also when
//! `recompile` takes it out of use; so a call reads the table with one load and no lock. Writers hold the list's lock.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::ffi;
use pyo3::gc::{PyTraverseError, PyVisit};
use ungil_codegen::EntryFn;
use ungil_ir::layout::struct_layout;
use ungil_ir::{IntTy, Type};
use ungil_jit::Compiled;

use crate::boxing::Boxer;
use crate::exact::{Capture, Exactly};
use crate::signature::Parsed;

/// A compiled version of a function.
pub(crate) struct Overload {
    /// The code.
    pub(crate) compiled: Compiled,
    /// Its entry, from `compiled`.
    pub(crate) entry: EntryFn,
    /// Size of the result in bytes, from `compiled`.
    pub(crate) ret_size: usize,
    /// Whether a call may run long, from `compiled`.
    pub(crate) is_long: bool,
    /// The types that it was compiled for, and that of the result as callers see it.
    pub(crate) signature: Parsed,
    /// Each parameter's place and recipe.
    pub(crate) params: Box<[(usize, Unboxer)]>,
    /// Makes the result.
    pub(crate) boxer: Boxer,
    /// Whether calls let the interpreter go.
    pub(crate) is_detached: bool,
    /// What calls of an exact function look at and write down.
    pub(crate) exactly: Option<Box<Exactly>>,
    /// The version that was added before, or null; written before this one is published.
    next: *const Overload,
}

// SAFETY: `next` points at an overload of the same table, which outlives this one's use and is only read; all else is
// `Send`. Addresses of Python objects in the recipes are compared, never followed.
unsafe impl Send for Overload {}
// SAFETY: as for `Send`; nothing in it changes after publication.
unsafe impl Sync for Overload {}

impl Overload {
    /// A version, not yet in a table.
    pub(crate) fn new(
        compiled: Compiled,
        signature: Parsed,
        params: Vec<Unboxer>,
        boxer: Boxer,
        is_detached: bool,
        exactly: Option<Box<Exactly>>,
    ) -> Self {
        let params = compiled.offsets().iter().copied().zip(params).collect();
        Self {
            entry: compiled.entry(),
            ret_size: compiled.ret_layout().size,
            is_long: compiled.is_long(),
            compiled,
            signature,
            params,
            boxer,
            is_detached,
            exactly,
            next: ptr::null(),
        }
    }

    /// Unboxes `args` to `to` if they have exactly this version's types; false if one has not.
    ///
    /// With `is_only`, which says that no other version may be called, plain numbers are converted where they fit.
    ///
    /// # Safety
    ///
    /// `args` are live objects, the thread is attached, and `to` has room for the arguments' struct.
    #[inline]
    pub(crate) unsafe fn unbox(&self, args: &[*mut ffi::PyObject], to: *mut u8, is_only: bool) -> bool {
        if args.len() != self.params.len() {
            return false;
        }
        for (arg, (offset, unboxer)) in args.iter().zip(&self.params) {
            // SAFETY: the parameter lies at its offset within the struct.
            let place = unsafe { to.add(*offset) };
            // SAFETY: the contract is handed on.
            if !unsafe { unboxer.unbox(*arg, place, is_only) } {
                return false;
            }
        }
        true
    }
}

/// How to recognise and unbox an argument whose class is exactly the one that has the parameter's type.
pub(crate) enum Unboxer {
    Float,
    Int,
    Bool,
    Complex,
    None,
    /// This very object.
    Object(*mut ffi::PyObject),
    /// A tuple of so many elements; each one's offset and recipe.
    Tuple(Box<[(usize, Unboxer)]>),
    /// An integer of another type than `int64`; only where no other version may be called, and if the value fits.
    NarrowInt(IntTy),
    /// A `float32`; only where no other version may be called.
    NarrowFloat,
    /// Not on this path: the argument's type is told by more than its class.
    Never,
}

impl Unboxer {
    /// The recipe for parameters of type `ty`; `object` gives the address of the object that a compile-time type is.
    pub(crate) fn new(ty: &Type, object: &impl Fn(&Type) -> *mut ffi::PyObject) -> Self {
        match ty {
            Type::None => Self::None,
            Type::Bool => Self::Bool,
            ty if *ty == Type::INT64 => Self::Int,
            ty if *ty == Type::FLOAT64 => Self::Float,
            ty if *ty == Type::COMPLEX128 => Self::Complex,
            Type::Int(int) => Self::NarrowInt(*int),
            Type::Float(_) => Self::NarrowFloat,
            Type::Tuple(parts) => {
                let (_, offsets) = struct_layout(parts);
                Self::Tuple(
                    offsets.into_iter().zip(parts.iter().map(|part| Self::new(part, object))).collect(),
                )
            }
            Type::Object(..) => match object(ty) {
                address if address.is_null() => Self::Never,
                address => Self::Object(address),
            },
            _ => Self::Never,
        }
    }

    /// # Safety
    ///
    /// `arg` is a live object, the thread is attached, and `to` has room for a value of the type, aligned for it.
    #[inline]
    unsafe fn unbox(&self, arg: *mut ffi::PyObject, to: *mut u8, is_only: bool) -> bool {
        match self {
            Self::Float => {
                // SAFETY: `arg` is live.
                if unsafe { ffi::PyFloat_CheckExact(arg) } == 0 {
                    // SAFETY: the contract is handed on.
                    return is_only && unsafe { int_as_float(arg, to) };
                }
                // SAFETY: `arg` is a float.
                let value = unsafe { ffi::PyFloat_AS_DOUBLE(arg) };
                // SAFETY: `to` has room for a `float64`.
                unsafe { to.cast::<f64>().write_unaligned(value) };
                true
            }
            Self::Int => {
                // SAFETY: `arg` is live.
                if unsafe { ffi::PyLong_CheckExact(arg) } == 0 {
                    return false;
                }
                let mut overflow = 0;
                // SAFETY: `arg` is an int, so that the call cannot fail, and the thread is attached.
                let value = unsafe { ffi::PyLong_AsLongLongAndOverflow(arg, &raw mut overflow) };
                // SAFETY: `to` has room for an `int64`.
                unsafe { to.cast::<i64>().write_unaligned(value) };
                overflow == 0
            }
            // SAFETY: the contract is handed on.
            _ => unsafe { self.unbox_other(arg, to, is_only) },
        }
    }

    /// # Safety
    ///
    /// As [`Unboxer::unbox`].
    unsafe fn unbox_other(&self, arg: *mut ffi::PyObject, to: *mut u8, is_only: bool) -> bool {
        match self {
            Self::Bool => {
                // SAFETY: an object of the interpreter that lives for ever.
                let no = unsafe { ffi::Py_False() };
                // SAFETY: as above.
                let yes = unsafe { ffi::Py_True() };
                // SAFETY: `to` has room for a byte.
                unsafe { to.write(u8::from(arg == yes)) };
                arg == yes || arg == no
            }
            Self::Complex => {
                // SAFETY: `arg` is live.
                if unsafe { ffi::PyComplex_CheckExact(arg) } == 0 {
                    return false;
                }
                // SAFETY: `arg` is a complex, and the thread is attached.
                let value = unsafe { ffi::PyComplex_AsCComplex(arg) };
                // SAFETY: `to` has room for a `complex128`, its two parts.
                unsafe { to.cast::<[f64; 2]>().write_unaligned([value.real, value.imag]) };
                true
            }
            // SAFETY: an object of the interpreter that lives for ever.
            Self::None => arg == unsafe { ffi::Py_None() },
            Self::Object(object) => arg == *object,
            Self::Tuple(parts) => {
                // SAFETY: `arg` is live.
                if unsafe { ffi::PyTuple_CheckExact(arg) } == 0 {
                    return false;
                }
                // SAFETY: `arg` is a tuple.
                if unsafe { ffi::PyTuple_GET_SIZE(arg) } as usize != parts.len() {
                    return false;
                }
                parts.iter().enumerate().all(|(position, (offset, part))| {
                    // SAFETY: the tuple has that element, and keeps it alive.
                    let element = unsafe { ffi::PyTuple_GET_ITEM(arg, position as ffi::Py_ssize_t) };
                    // SAFETY: the element's place lies within the tuple's.
                    let place = unsafe { to.add(*offset) };
                    // SAFETY: the contract is handed on.
                    unsafe { part.unbox(element, place, is_only) }
                })
            }
            &Self::NarrowInt(int) => {
                // SAFETY: `arg` is live.
                let value = if is_only { unsafe { small_int(arg) } } else { None };
                let Some(value) = value.filter(|value| (int.min()..=int.max()).contains(&i128::from(*value)))
                else {
                    return false;
                };
                let bytes = value.to_le_bytes();
                // SAFETY: `to` has room for an integer of the type, which has at most as many bytes as `value`.
                unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), to, int.bytes()) };
                true
            }
            Self::NarrowFloat => {
                // SAFETY: `arg` is live.
                if !is_only || unsafe { ffi::PyFloat_CheckExact(arg) } == 0 {
                    return false;
                }
                // SAFETY: `arg` is a float.
                let value = unsafe { ffi::PyFloat_AS_DOUBLE(arg) };
                // SAFETY: `to` has room for a `float32`.
                unsafe { to.cast::<f32>().write_unaligned(value as f32) };
                true
            }
            Self::Float | Self::Int | Self::Never => false,
        }
    }
}

/// The value of an int that fits `int64`.
///
/// # Safety
///
/// `arg` is a live object, and the thread is attached.
unsafe fn small_int(arg: *mut ffi::PyObject) -> Option<i64> {
    // SAFETY: `arg` is live.
    if unsafe { ffi::PyLong_CheckExact(arg) } == 0 {
        return None;
    }
    let mut overflow = 0;
    // SAFETY: `arg` is an int, so that the call cannot fail, and the thread is attached.
    let value = unsafe { ffi::PyLong_AsLongLongAndOverflow(arg, &raw mut overflow) };
    (overflow == 0).then_some(value)
}

/// Writes an int that fits `int64` as a `float64`; false if `arg` is none.
///
/// # Safety
///
/// `arg` is a live object, the thread is attached, and `to` has room for a `float64`.
#[cold]
unsafe fn int_as_float(arg: *mut ffi::PyObject, to: *mut u8) -> bool {
    // SAFETY: the contract is handed on.
    let Some(value) = (unsafe { small_int(arg) }) else { return false };
    // SAFETY: `to` has room for a `float64`.
    unsafe { to.cast::<f64>().write_unaligned(value as f64) };
    true
}

/// A dispatcher's compiled versions.
pub(crate) struct Table {
    /// The version added last; the others follow by `next`.
    head: AtomicPtr<Overload>,
    /// Every version there has been, in the order of compilation; the table owns them through these addresses.
    all: Mutex<Vec<OwnedOverload>>,
}

/// An address from `Box::into_raw`, freed with the table.
struct OwnedOverload(*mut Overload);

// SAFETY: an `Overload` may be sent, and the address owns it.
unsafe impl Send for OwnedOverload {}

impl Default for Table {
    fn default() -> Self {
        Self { head: AtomicPtr::new(ptr::null_mut()), all: Mutex::default() }
    }
}

impl Table {
    /// Whether exactly one version is in use.
    pub(crate) fn has_one(&self) -> bool {
        self.iter().take(2).count() == 1
    }

    /// The versions in use, the newest first.
    #[inline]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Overload> {
        // Acquire: pairs with the Release store in `add`.
        let head = self.head.load(Ordering::Acquire);
        // SAFETY: null or a version of ours, which lives as long as the table.
        let head = unsafe { head.as_ref() };
        std::iter::successors(head, |overload| {
            // SAFETY: as above.
            unsafe { overload.next.as_ref() }
        })
    }

    /// Puts a version into use.
    pub(crate) fn add(&self, mut overload: Overload) -> &Overload {
        let mut all = self.lock();
        // Relaxed: the lock orders writers of the head.
        overload.next = self.head.load(Ordering::Relaxed);
        let overload = Box::into_raw(Box::new(overload));
        all.push(OwnedOverload(overload));
        // Release: pairs with the Acquire load in `iter`; the version is complete.
        self.head.store(overload, Ordering::Release);
        // SAFETY: the table owns it now and keeps it until it is dropped.
        unsafe { &*overload }
    }

    /// Takes every version out of use; calls that run go on.
    pub(crate) fn retire(&self) {
        let _all = self.lock();
        // Release: no data goes with a null, but a reader that sees it has seen all stores before.
        self.head.store(ptr::null_mut(), Ordering::Release);
    }

    /// Shows what exact versions read to the garbage collector.
    pub(crate) fn traverse(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // The collector may not wait. While another thread holds the lock, the objects count as reachable.
        let Ok(all) = self.all.try_lock() else { return Ok(()) };
        // SAFETY: the table owns its versions, and frees none before it is dropped.
        let all = all.iter().map(|overload| unsafe { &*overload.0 });
        all.filter_map(|overload| overload.exactly.as_ref())
            .try_for_each(|exactly| exactly.captures.traverse(visit))
    }

    /// Takes out of exact versions what they read, for the collector to drop.
    pub(crate) fn take_captures(&self) -> Vec<Arc<Vec<Capture>>> {
        let all = self.lock();
        // SAFETY: as in `traverse`.
        let all = all.iter().map(|overload| unsafe { &*overload.0 });
        all.filter_map(|overload| Some(overload.exactly.as_ref()?.captures.take())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<OwnedOverload>> {
        // Nothing panics between two related writes, so what a panicking thread left is whole.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        for overload in self.lock().drain(..) {
            // SAFETY: from `Box::into_raw` in `add`; nobody can hold a reference, for each borrows the table.
            drop(unsafe { Box::from_raw(overload.0) });
        }
    }
}
